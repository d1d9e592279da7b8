"""Validates a Config: each field's value, combinations of fields, and the size of the images."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ganscape.errors import UserError
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.architectures.conditioning import CONDITIONINGS
from ganscape.models.fields import (
    Above,
    AllBut,
    ConfigError,
    Includes,
    Only,
    check_number,
    check_structure,
    members,
)
from ganscape.models.losses import LOSSES
from ganscape.models.pair_losses import PERCEPTUAL_ENCODERS
from ganscape.models.schedules import ENDING

if TYPE_CHECKING:
    from ganscape.models.config import Config

# Combinations of fields that mean nothing: a condition, and the reason, a template filled with the config's fields and
# the names of the losses that have targets.
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
            config.loss is not None
            and {config.label_smoothing, config.label_flipping} != {"none"}
            and LOSSES[config.loss].targeted is None
        ),
        "label_smoothing={label_smoothing!r} and label_flipping={label_flipping!r} mean nothing with loss={loss!r}, "
        "which has no targets; it needs loss to be one of: {targeted}",
    ),
    (
        lambda config: (
            config.generator_normalization.startswith("conditional")
            and config.conditioning in (None, "none")
            and not ARCHITECTURES[config.architecture].latent_by_parts
        ),
        "generator_normalization={generator_normalization!r} needs a conditioning; one of: "
        + ", ".join(AllBut("none", CONDITIONINGS)),
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
        "whose reference batch would be part of every batch",
    ),
    (
        lambda config: config.discriminator_passes == "joint" and config.batch_features == "minibatch_stddev",
        "batch_features='minibatch_stddev' means nothing with discriminator_passes='joint', where real and "
        "generated images would share one deviation; it needs discriminator_passes='separate'",
    ),
    (
        lambda config: (
            "virtual_batch_norm" in (config.discriminator_normalization, config.generator_normalization)
            and config.conditioning not in (None, "none")
        ),
        "virtual_batch_norm means nothing with conditioning={conditioning!r}: its reference batch has no classes",
    ),
    (
        lambda config: config.beta2_schedule not in (None, "constant") and config.loss is None,
        "beta2_schedule={beta2_schedule!r} means nothing with family={family!r}; it needs family to be one of: gan, "
        "completion",
    ),
    (
        lambda config: config.mask is not None and config.sampling_statistics == "standing",
        "sampling_statistics='standing' means nothing with family={family!r}, which has no latents; it needs "
        "sampling_statistics='running'",
    ),
    (
        lambda config: (
            config.warmup == "linear"
            and config.learning_rate_schedule in ENDING
            and config.warmup_images >= config.learning_rate_images
        ),
        "warmup_images={warmup_images:g} means nothing with learning_rate_images={learning_rate_images:g}: "
        "the schedule includes its warm-up, which has to be shorter",
    ),
]


def value_of(config: "Config", field: dataclasses.Field, value: Any) -> Any:
    """Returns the validated value of a field: its default in place of None, and None if the field does not apply.

    Fields are validated in the order of their definition, so earlier fields of `config` already hold their final
    values. Raises ConfigError for a value that is not allowed.
    """
    if field.metadata.get("offered"):
        return _offered(config, field, value)
    only: Only | Above | Includes | None = field.metadata["only"]
    if only is not None and not only.allows(getattr(config, only.field)):
        if value is not None:
            raise ConfigError(f"{field.name}={value!r} means nothing with {_obstacle(config, only)}")
        return None
    if field.metadata.get("of_set") and _all_own(config, field):
        if value is not None:
            names = field.name.rpartition("_")[0]
            raise ConfigError(
                f"{field.name}={value!r} means nothing with {names}={getattr(config, names)!r}, whose members have "
                f"their own: {_own_fields(config, field)}"
            )
        return None
    if value is None and field.metadata.get("optional"):
        return None
    if value is None:
        value = field.metadata["when"]
    if value is None and only is not None:
        raise ConfigError(f"{only.field}={getattr(config, only.field)!r} needs {_article(field.name)} {field.name}")
    if field.metadata["number"]:
        return check_number(field, value)
    return check_structure(field, value)


def _own_fields(config: "Config", field: dataclasses.Field) -> str:
    """Returns the names of the fields that stand for `field`, `<set>_<what>`, for the single members of its set."""
    names, _, what = field.name.rpartition("_")
    return ", ".join(f"{member}_{what}" for member in members(getattr(config, names)))


def _all_own(config: "Config", field: dataclasses.Field) -> bool:
    return all(getattr(config, name, None) is not None for name in _own_fields(config, field).split(", "))


def _article(name: str) -> str:
    return "an" if name[0] in "aeio" else "a"


def _obstacle(config: "Config", only: Only | Above | Includes) -> str:
    """Returns why a field does not apply, in words.

    If the field that its condition is on does not apply either, returns the reason for that one.
    """
    value = getattr(config, only.field)
    above = config.__dataclass_fields__[only.field].metadata["only"]
    if value is None and above is not None:
        return _obstacle(config, above)
    return f"{only.field}={value!r}; {only.requirement()}"


def _offered(config: "Config", field: dataclasses.Field, value: Any) -> Any:
    """Returns the validated value of a field whose choices depend on the architecture."""
    offer = getattr(ARCHITECTURES[config.architecture], field.metadata["offered"])
    if value is None:
        return default_offered(config, field.metadata["offered"])
    value = check_structure(field, value)
    if not offer:
        raise ConfigError(f"{field.name}={value!r} means nothing with architecture {config.architecture!r}")
    if isinstance(offer, tuple) and value not in offer:
        choices = ", ".join(map(str, offer))
        raise ConfigError(f"architecture {config.architecture!r} has no {field.name} {value!r}; one of: {choices}")
    return value


def default_offered(config: "Config", offered: str) -> Any:
    """Returns the default that the architecture states in its attribute `offered`, None if it offers no choice."""
    offer = getattr(ARCHITECTURES[config.architecture], offered)
    return (offer[0] if offer else None) if isinstance(offer, tuple) else offer


def check_combination(config: "Config") -> None:
    """Raises ConfigError, with one sentence, if some fields mean nothing together."""
    families = ARCHITECTURES[config.architecture].families
    if config.family not in families:
        raise ConfigError(
            f"architecture {config.architecture!r} has no networks for family {config.family!r}; "
            f"one of: {', '.join(families)}"
        )
    for refused, sentence in MEANINGLESS:
        if refused(config):
            targeted = ", ".join(name for name, loss in LOSSES.items() if loss.targeted is not None)
            raise ConfigError(sentence.format_map({**vars(config), "targeted": targeted}))


def check_images(config: "Config", image_shape: tuple[int, int, int]) -> None:
    """Raises ConfigError if the config's networks do not take images of this shape; the message names those that do."""
    architecture = ARCHITECTURES[config.architecture]
    height, width, channels = image_shape
    if not architecture.accepts(image_shape):
        fitting = [name for name, candidate in ARCHITECTURES.items() if candidate.accepts(image_shape)]
        raise ConfigError(
            f"architecture {config.architecture!r} is for {architecture.sizes}, not {height}x{width}; "
            f"for these images one of: {', '.join(fitting) or 'none'}"
        )
    if config.perceptual_encoder is not None:
        _check_encoder(config.perceptual_encoder, image_shape)
    heights = architecture.attention(image_shape)
    if config.attention and config.attention not in heights:
        available = ", ".join(map(str, heights)) or "none, so attention=0"
        raise ConfigError(
            f"attention={config.attention}: architecture {config.architecture!r} has no such height of "
            f"activations in images of {height}x{width}; it has: {available}"
        )
    for scale in range(1, config.discriminator_scales or 1):
        factor = 2**scale
        if height % factor or width % factor or not architecture.accepts((height // factor, width // factor, channels)):
            raise ConfigError(
                f"discriminator_scales={config.discriminator_scales}: architecture {config.architecture!r} is for "
                f"{architecture.sizes}, which {height}x{width} divided by {factor} is not; at most {scale}"
            )


def _check_encoder(name: str, image_shape: tuple[int, int, int]) -> None:
    """Raises ConfigError if the encoder of perceptual and style losses does not take images of this shape."""
    try:
        PERCEPTUAL_ENCODERS[name](image_shape)
    except UserError as error:
        raise ConfigError(f"perceptual_encoder={name!r}: {error}") from error
