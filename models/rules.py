"""Combinations of a config's fields that mean nothing."""

from collections.abc import Callable

from models.architectures import ARCHITECTURES
from models.architectures.conditioning import CONDITIONINGS
from models.fields import all_but_none
from models.losses import LOSSES

_TARGETED = ", ".join(name for name, loss in LOSSES.items() if loss.targeted is not None)
# Each with why, a sentence with the config's fields in it.
MEANINGLESS: list[tuple[Callable[..., bool], str]] = [
    (
        lambda config: bool(config.packing) and config.batch_size % config.packing > 0,
        "packing={packing} does not divide batch_size={batch_size}",
    ),
    (
        lambda config: config.packing not in (None, 1) and config.packing == config.batch_size,
        "packing={packing} means nothing with batch_size={batch_size}: a batch has to have two packs at least",
    ),
    (
        lambda config: config.packing not in (None, 1) and config.conditioning != "none",
        "packing={packing} means nothing with conditioning={conditioning!r}: a pack has no one class",
    ),
    (
        lambda config: (
            config.family == "gan"
            and {config.label_smoothing, config.label_flipping} != {"none"}
            and LOSSES[config.loss].targeted is None
        ),
        "label_smoothing={label_smoothing!r} and label_flipping={label_flipping!r} mean nothing with loss={loss!r}, "
        f"which has no targets; it needs loss to be one of: {_TARGETED}",
    ),
    (
        lambda config: (
            config.generator_normalization.startswith("conditional")
            and config.conditioning in (None, "none")
            and not ARCHITECTURES[config.architecture].latent_by_parts
        ),
        "generator_normalization={generator_normalization!r} needs a conditioning; one of: "
        + ", ".join(all_but_none(CONDITIONINGS)),
    ),
    (
        lambda config: (
            config.discriminator_normalization == "virtual_batch_norm" and config.discriminator_passes == "joint"
        ),
        "discriminator_passes='joint' means nothing with discriminator_normalization='virtual_batch_norm', "
        "which looks at no other image but its reference batch; it needs discriminator_passes='separate'",
    ),
    (
        lambda config: (
            config.discriminator_normalization == "virtual_batch_norm" and config.batch_features not in (None, "none")
        ),
        "batch_features={batch_features!r} means nothing with discriminator_normalization='virtual_batch_norm', "
        "whose reference would be part of every batch",
    ),
    (
        lambda config: config.discriminator_passes == "joint" and config.batch_features == "minibatch_stddev",
        "batch_features='minibatch_stddev' means nothing with discriminator_passes='joint', where it is one for "
        "real and generated images; it needs discriminator_passes='separate'",
    ),
    (
        lambda config: (
            "virtual_batch_norm" in (config.discriminator_normalization, config.generator_normalization)
            and config.conditioning not in (None, "none")
        ),
        "virtual_batch_norm means nothing with conditioning={conditioning!r}: its reference batch has no classes",
    ),
]
