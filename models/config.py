"""Config: one point of a search space, typed, validated, and a pytree of its numbers."""

import dataclasses
import functools
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax

from ganscape.aliases import ALIASED_FIELDS
from ganscape.errors import check_name
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.architectures.conditioning import CONDITIONINGS
from ganscape.models.architectures.downsampling import DOWNSAMPLINGS
from ganscape.models.architectures.gating import CONVOLUTIONS
from ganscape.models.architectures.generator_noise import GENERATOR_NOISES
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.augmentations import AUGMENTATIONS
from ganscape.models.averaging import AVERAGINGS, HISTORICAL_AVERAGINGS
from ganscape.models.batch_features import BATCH_FEATURES
from ganscape.models.began import K_RANGES
from ganscape.models.families import FAMILIES
from ganscape.models.fields import (
    Above,
    AllBut,
    ConfigError,
    Includes,
    Only,
    check_number,
    check_structure,
    fraction,
    names_of,
    number,
    optional,
    positive,
    slot,
    structure,
    unless_all_own,
)
from ganscape.models.gan import PASSES, UPDATES
from ganscape.models.generator_penalties import GENERATOR_PENALTIES
from ganscape.models.instance_noise import INSTANCE_NOISES
from ganscape.models.latents import LATENTS
from ganscape.models.losses import LOSSES
from ganscape.models.masks import MASKS
from ganscape.models.normalizations import AVERAGED, NORMALIZATIONS
from ganscape.models.optimizers import OPTIMIZERS
from ganscape.models.pair_losses import PAIR_LOSSES, PERCEPTUAL_ENCODERS
from ganscape.models.penalties import PENALTIES
from ganscape.models.precisions import PRECISIONS
from ganscape.models.projections import PROJECTIONS
from ganscape.models.rules import check_combination, default_offered, value_of
from ganscape.models.sampling import SAMPLING_STATISTICS
from ganscape.models.schedules import SCHEDULES, WARMUPS
from ganscape.models.targets import LABEL_FLIPS, LABEL_SMOOTHINGS

_GAME = Only("family", ("gan",))
_COMPLETION = Only("family", ("completion",))
_ADVERSARIAL = Only("family", ("gan", "completion"))
_BEGAN = Only("family", ("began",))
_ADAM = Only("optimizer", ("adam",))
_PENALIZED = Includes("penalty", AllBut("none", PENALTIES))
_HALF_LIFE = Only("averaging", ("ema_half_life",))


def _own_weight(penalty: str):
    """Returns an optional field for the weight of one penalty of the set."""
    return optional(number(None, 0.0, math.inf, open_high=True, only=Includes("penalty", (penalty,))))


def _own_interval(penalty: str):
    """Returns an optional static field for the interval of one penalty of the set."""
    return optional(structure(None, only=Includes("penalty", (penalty,))))


def _schedule(only: Only | Includes):
    """Returns a static field that chooses a schedule."""
    return structure(None, SCHEDULES, only=only, when="constant", neutral="constant")


def _moving(name: str) -> Only:
    """Returns the condition that the hyperparameter of this name has a schedule."""
    return Only(f"{name}_schedule", tuple(schedule for schedule in SCHEDULES if schedule != "constant"))


@dataclasses.dataclass(frozen=True)
class Config:
    """One point of a search space.

    *Structure* fields are static: they change the compiled program. *Number* fields are traced leaves. So two configs
    share one compiled program exactly when their `jax.tree.structure` is equal.
    docs/tricks.md says what every choice of a field does.

    Args:
      family: the way of training, a key of `models.FAMILIES`. The fields below up to k_range are for families gan and
        completion only, but where they say otherwise.
      loss: the adversarial loss.
      penalty: the discriminator's penalties, joined by +, each added to its loss with weight `penalty_weight` >= 0 or
        the weight of its own, `<name>_weight`. With `penalty_every` > 1, or the interval of its own, `<name>_every`, a
        penalty is computed only at every so many-th update and multiplied by that number.
      penalty_schedule, ema_schedule, learning_rate_schedule, beta2_schedule: how the penalty's weight, the half-life of
        the average, both learning rates and Adam's beta2 move while images are seen, see `models.schedules`.
      projection: the constraint that the discriminator's weights are projected onto after each of its updates.
      discriminator_passes: whether the discriminator sees real and generated images in separate forward passes or in
        a joint one; it matters only to normalizations and features that depend on the whole batch.
      label_smoothing, label_flipping: changes of the discriminator's targets.
      instance_noise, augmentation: changes of every image that the discriminator sees, real or generated.
      packing: how many images are stacked along their channels into one input of the discriminator.
      batch_features: features for the discriminator's last layer that depend on the rest of the batch.
      discriminator_scales: discriminators, each on images of half the size of the one before.
      conditioning: only with family gan: how the class of an image, one of `classes`, enters the discriminator.
      generator_noise: noise on the generator's hidden activations.
      latent: only with families gan and began: the distribution of z; in a vae always N(0, 1).
      averaging: how the generator's weights are averaged for sampling.
      historical_averaging: whether both losses penalise the distance of the weights from the mean of their past values.
      generator_penalty: what is added to the generator's loss, with weight `generator_penalty_weight` > 0.
      mask, refinements, pair_loss, perceptual_encoder: only with family completion: the form of the holes; how many
        further networks each refine what the one before has completed; the differences from the true image, joined by
        +, that are added to the generator's loss, each with weight `<name>_weight` > 0; the network whose
        activations perceptual and style losses compare.
      unrolled_steps: gradient steps of the discriminator, on its whole loss, that the generator looks ahead.
      update: whether the players are updated one after the other or simultaneously.
      k_range: only with family began: the bounds of k, which balances the players.
      architecture: the pair of networks. It determines the choices and defaults of the fields below up to attention.
      channels: its base number of channels, if it has one.
      hidden_per_channel: only with architecture infogan: units of its hidden dense layers for each base channel.
      discriminator_normalization: normalization of the discriminator's activations or kernels; in a
        vae the encoder's.
      generator_normalization: the same for the generator, in a vae the decoder.
      sampling_statistics: whether the generator's batch norm uses running averages of training in sampling, or
        standing statistics: averages over batches of random latents with the current weights.
      upsampling: how the generator doubles height and width.
      downsampling: how the discriminator halves them. convolution: the convolutions inside residual blocks.
      output_kernel: height and width of the generator's last kernel.
      attention: the height of the activations at which both networks have self-attention; 0 for none.
      optimizer: each player has its own instance.
      warmup: whether both learning rates rise from 0 at first.
      precision: of the products in layers during training; bfloat16 is for accelerators.
      disc_iters: discriminator updates per cycle, which has one generator update. A vae updates both networks on each
        of the batches.
      batch_size: real images per discriminator update.
      z_dim: length of the latent vector, in all families but completion.
      g_lr, d_lr: learning rates, > 0, in a vae of decoder and encoder. `learning_rate` sets both.
      beta1, beta2: Adam's decay rates, in [0, 1).
      learning_rate_final, penalty_final: the final values as shares of the initial ones, in [0, 1] and >= 0; 0 by
        default.
      beta2_final: in [0, 1), the final beta2.
      learning_rate_images, beta2_images, penalty_images, ema_images: > 0, real images until the final value is reached
        (linear, cosine), or until half of the distance to it is left (exponential).
      warmup_images: > 0, real images of warm-up; a part of learning_rate_images.
      weight_clipping, max_singular_value: > 0, the bounds of the projections weight_clipping and
        singular_value_clamp.
      smoothing: in [0, 1), how far the targets of real images lie below 1.
      flip_probability: in [0, 1], the probability that an image gets the target of the other kind.
      noise_std: > 0, standard deviation of the instance noise at the start of training, for pixels in [0, 1].
      noise_images: > 0, real images until instance noise has fallen to 0 (linear) or to half (exponential).
      generator_noise_std, dropout_rate: the levels of the two kinds of generator noise, > 0 and in [0, 1).
      truncation: > 0, the largest |z| in sampling, only with latent truncated_normal.
      ema_decay: in [0, 1), only with averaging ema.
      ema_half_life: > 0, only with averaging ema_half_life: real images after which weights count half as much in the
        average; with an ema_schedule the final half-life, which starts from 0.
      historical_weight: > 0, the weight of the penalty of historical averaging.
      mask_share: only with family completion, in (0, 1): the part of the pixels that the hole has.
      adversarial_weight: only with family completion, >= 0: the weight of the game in the generator's loss.
      unrolled_lr: > 0, the learning rate of the unrolled steps.
      fade_images: > 0, only with architecture progan: real images during which a new resolution is faded in,
        and as many again before the next one.
      gamma: only with family began, in [0, 1]: the target ratio of the reconstruction losses of generated and of real
        images, which k maintains.
      k_learning_rate: only with family began, > 0: the step size of k.

    Raises:
      ConfigError: at construction, for a value out of range or a combination that means nothing.
    """

    # A field that does not apply is None at run time. The types do not say so, because every use of a field that does
    # apply would need a check for None.
    family: str = structure("gan", FAMILIES)
    architecture: str = structure("mlp", ARCHITECTURES)
    loss: str = structure(None, LOSSES, only=_ADVERSARIAL, when="non_saturating")
    penalty: str = names_of(PENALTIES, _ADVERSARIAL)
    wgangp_every: int = _own_interval("wgangp")
    wgangp_one_sided_every: int = _own_interval("wgangp_one_sided")
    r1_every: int = _own_interval("r1")
    r2_every: int = _own_interval("r2")
    zero_centered_every: int = _own_interval("zero_centered")
    dragan_every: int = _own_interval("dragan")
    dragan_v1_every: int = _own_interval("dragan_v1")
    dragan_v2_every: int = _own_interval("dragan_v2")
    l2_every: int = _own_interval("l2")
    orthogonal_every: int = _own_interval("orthogonal")
    penalty_every: int = unless_all_own(structure(None, only=_PENALIZED, when=1, neutral=1))
    penalty_schedule: str = _schedule(_PENALIZED)
    projection: str = slot(PROJECTIONS, _ADVERSARIAL)
    discriminator_passes: str = structure(None, PASSES, only=_ADVERSARIAL, when="separate", neutral="separate")
    label_smoothing: str = slot(LABEL_SMOOTHINGS, _ADVERSARIAL)
    label_flipping: str = slot(LABEL_FLIPS, _ADVERSARIAL)
    instance_noise: str = slot(INSTANCE_NOISES, _ADVERSARIAL)
    augmentation: str = slot(AUGMENTATIONS, _ADVERSARIAL)
    packing: int = structure(None, only=_ADVERSARIAL, when=1, neutral=1)
    batch_features: str = slot(BATCH_FEATURES, _ADVERSARIAL)
    discriminator_scales: int = structure(None, only=_ADVERSARIAL, when=1, neutral=1)
    conditioning: str = slot(CONDITIONINGS, _GAME)
    classes: int = structure(None, low=2, only=Only("conditioning", AllBut("none", CONDITIONINGS)))
    generator_noise: str = slot(GENERATOR_NOISES, _ADVERSARIAL)
    latent: str = structure(None, LATENTS, only=Only("family", ("gan", "began")), when="uniform", neutral="uniform")
    averaging: str = slot(AVERAGINGS, _ADVERSARIAL)
    ema_schedule: str = _schedule(_HALF_LIFE)
    historical_averaging: str = slot(HISTORICAL_AVERAGINGS, _ADVERSARIAL)
    generator_penalty: str = slot(GENERATOR_PENALTIES, _ADVERSARIAL)
    mask: str = structure(None, MASKS, only=_COMPLETION)
    refinements: int = structure(None, low=0, only=_COMPLETION, when=0, neutral=0)
    pair_loss: str = names_of(PAIR_LOSSES, _COMPLETION)
    perceptual_encoder: str = structure(
        None, PERCEPTUAL_ENCODERS, only=Includes("pair_loss", ("perceptual", "style")), when="random_conv"
    )
    unrolled_steps: int = structure(None, low=0, only=_ADVERSARIAL, when=0, neutral=0)
    update: str = structure(None, UPDATES, only=_ADVERSARIAL, when="alternating", neutral="alternating")
    k_range: str = structure(None, K_RANGES, only=_BEGAN, when="unbounded")
    discriminator_normalization: str = structure(None, NORMALIZATIONS, offered="discriminator_normalizations")
    generator_normalization: str = structure(None, NORMALIZATIONS, offered="generator_normalizations")
    sampling_statistics: str = structure(
        None, SAMPLING_STATISTICS, only=Only("generator_normalization", AVERAGED), when="running", neutral="running"
    )
    upsampling: str = structure(None, UPSAMPLINGS, offered="upsamplings")
    downsampling: str = structure(None, DOWNSAMPLINGS, offered="downsamplings")
    convolution: str = structure(None, CONVOLUTIONS, offered="convolutions")
    output_kernel: int = structure(None, offered="output_kernels")
    attention: int = structure(0, low=0, neutral=0)
    channels: int = structure(None, offered="channels")
    hidden_per_channel: int = structure(None, offered="hidden_per_channel")
    optimizer: str = structure("adam", OPTIMIZERS)
    learning_rate_schedule: str = _schedule(_ADVERSARIAL)
    warmup: str = slot(WARMUPS, _ADVERSARIAL)
    beta2_schedule: str = _schedule(_ADAM)
    precision: str = structure("float32", PRECISIONS, neutral="float32")
    disc_iters: int = structure(1)
    batch_size: int = structure(64, low=2)
    z_dim: int = structure(None, only=Only("family", AllBut("completion", FAMILIES)), when=64)
    g_lr: float = number(2e-4, 0.0, math.inf, open_low=True, open_high=True)
    d_lr: float = number(2e-4, 0.0, math.inf, open_low=True, open_high=True)
    beta1: float = fraction(_ADAM, 0.5, open_high=True)
    beta2: float = fraction(_ADAM, 0.999, open_high=True)
    wgangp_weight: float = _own_weight("wgangp")
    wgangp_one_sided_weight: float = _own_weight("wgangp_one_sided")
    r1_weight: float = _own_weight("r1")
    r2_weight: float = _own_weight("r2")
    zero_centered_weight: float = _own_weight("zero_centered")
    dragan_weight: float = _own_weight("dragan")
    dragan_v1_weight: float = _own_weight("dragan_v1")
    dragan_v2_weight: float = _own_weight("dragan_v2")
    l2_weight: float = _own_weight("l2")
    orthogonal_weight: float = _own_weight("orthogonal")
    penalty_weight: float = unless_all_own(number(None, 0.0, math.inf, open_high=True, only=_PENALIZED))
    learning_rate_final: float = fraction(_moving("learning_rate"), 0.0)
    learning_rate_images: float = positive(_moving("learning_rate"))
    warmup_images: float = positive(Only("warmup", ("linear",)))
    beta2_final: float = fraction(_moving("beta2"), open_high=True)
    beta2_images: float = positive(_moving("beta2"))
    penalty_final: float = number(None, 0.0, math.inf, open_high=True, only=_moving("penalty"), when=0.0)
    penalty_images: float = positive(_moving("penalty"))
    weight_clipping: float = positive(Only("projection", ("weight_clipping",)))
    max_singular_value: float = positive(Only("projection", ("singular_value_clamp",)), 1.0)
    smoothing: float = fraction(Only("label_smoothing", AllBut("none", LABEL_SMOOTHINGS)), 0.1, open_high=True)
    flip_probability: float = fraction(Only("label_flipping", AllBut("none", LABEL_FLIPS)))
    noise_std: float = positive(Only("instance_noise", AllBut("none", INSTANCE_NOISES)))
    noise_images: float = positive(Only("instance_noise", ("linear", "exponential")))
    generator_noise_std: float = positive(Only("generator_noise", ("gaussian",)))
    dropout_rate: float = fraction(Only("generator_noise", ("dropout",)), 0.5, open_high=True)
    truncation: float = positive(Only("latent", ("truncated_normal",)))
    ema_decay: float = fraction(Only("averaging", ("ema",)), 0.999, open_high=True)
    ema_half_life: float = positive(_HALF_LIFE)
    ema_images: float = positive(_moving("ema"))
    historical_weight: float = positive(Only("historical_averaging", AllBut("none", HISTORICAL_AVERAGINGS)))
    generator_penalty_weight: float = positive(Only("generator_penalty", AllBut("none", GENERATOR_PENALTIES)))
    mask_share: float = number(None, 0.0, 1.0, open_low=True, open_high=True, only=_COMPLETION, when=0.25)
    adversarial_weight: float = number(None, 0.0, math.inf, open_high=True, only=_COMPLETION, when=1.0)
    l1_weight: float = positive(Includes("pair_loss", ("l1",)))
    perceptual_weight: float = positive(Includes("pair_loss", ("perceptual",)))
    style_weight: float = positive(Includes("pair_loss", ("style",)))
    unrolled_lr: float = positive(Above("unrolled_steps", 0))
    fade_images: float = positive(Only("architecture", ("progan",)), 8e5)
    gamma: float = fraction(_BEGAN, 0.75)
    k_learning_rate: float = positive(_BEGAN, 1e-3)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, value_of(self, field, getattr(self, field.name)))
        check_combination(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "Config":
        """Returns the config with these settings; names may be fields or aliases (`ALIASES`).

        Raises:
          ConfigError: for an unknown field, a field set twice, or a value that __init__ refuses.
        """
        expanded: dict[str, Any] = {}
        for name, value in settings.items():
            for field, field_value in expand(name, value).items():
                if field in expanded:
                    raise ConfigError(f"{field} is set twice: {name}={value!r} sets it again")
                expanded[field] = field_value
        return cls(**expanded)

    def to_dict(self) -> dict[str, Any]:
        """Returns every field that applies with its value, as plain values; `from_dict` restores the config."""
        return {
            field.name: value for field in dataclasses.fields(self) if (value := getattr(self, field.name)) is not None
        }

    def identity(self) -> str:
        """Returns sixteen hex digits that identify the content.

        Fields at their neutral value are left out, so a new field with a neutral default does not change the identities
        of older configs.
        """
        return self._identity

    @functools.cached_property
    def _identity(self) -> str:
        content = {name: value for name, value in self.to_dict().items() if not _is_neutral(self, name, value)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def structure(self) -> str:
        """Returns the structure fields as text, equal exactly for configs that share a compiled program.

        Fields that do not apply or are at their neutral value are left out. Of an optional number it says whether it is
        set, because a number that is set is a leaf more.
        """
        return self._structure

    @functools.cached_property
    def _structure(self) -> str:
        words = [
            f"{name}=own" if name in NUMBERS else f"{name}={value}"
            for name, value in self.to_dict().items()
            if name in OPTIONAL_NUMBERS or (name not in NUMBERS and not _is_neutral(self, name, value))
        ]
        return " ".join(words)


def _flatten(config: Config):
    names = [field.name for field in dataclasses.fields(config)]
    numbers = tuple(getattr(config, name) for name in names if name in NUMBERS)
    structures = tuple(getattr(config, name) for name in names if name not in NUMBERS)
    return numbers, structures


def _unflatten(structures, numbers) -> Config:
    config = object.__new__(Config)
    remaining = {True: iter(numbers), False: iter(structures)}
    for field in dataclasses.fields(Config):
        object.__setattr__(config, field.name, next(remaining[field.metadata["number"]]))
    return config


def _batch_norm_or_none(value: Any) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise ConfigError(f"discriminator_batchnorm={value!r} must be true or false")
    return {"discriminator_normalization": "batch_norm" if value else "none"}


NUMBERS = frozenset(field.name for field in dataclasses.fields(Config) if field.metadata["number"])
OPTIONAL_NUMBERS = frozenset(
    field.name for field in dataclasses.fields(Config) if field.name in NUMBERS and field.metadata.get("optional")
)
FIELDS = tuple(field.name for field in dataclasses.fields(Config))
ALIASES: dict[str, Callable[[Any], dict[str, Any]]] = {
    **{alias: functools.partial(dict.fromkeys, fields) for alias, fields in ALIASED_FIELDS.items()},
    "discriminator_batchnorm": _batch_norm_or_none,
}
jax.tree_util.register_pytree_node(Config, _flatten, _unflatten)


def expand(name: str, value: Any) -> dict[str, Any]:
    """Returns the fields and values that a setting stands for; its name is that of a field or of an alias.

    Raises:
      ConfigError: for any other name, and for a value that an alias cannot translate.
    """
    if name in Config.__dataclass_fields__:
        return {name: value}
    check_name("config field", name, sorted([*FIELDS, *ALIASES]), ConfigError)
    return ALIASES[name](value)


def check_value(name: str, value: Any) -> None:
    """Raises ConfigError unless a config may have this value under this name of a field or of an alias."""
    for field, chosen in expand(name, value).items():
        metadata = Config.__dataclass_fields__[field].metadata
        (check_number if metadata["number"] else check_structure)(Config.__dataclass_fields__[field], chosen)


def check_choice(name: str, value: Any) -> None:
    """Raises ConfigError if field `name` has a fixed list of choices and `value` is not one of them."""
    field = Config.__dataclass_fields__[name]
    if field.metadata.get("choices") is not None:
        check_structure(field, value)


def inert_fields(name: str, value: Any) -> list[str]:
    """Returns the fields that no longer apply once field `name` has this value."""
    if name == "architecture":
        offers = {field.name: field.metadata.get("offered") for field in dataclasses.fields(Config)}
        return [field for field, offered in offers.items() if offered and not getattr(ARCHITECTURES[value], offered)]
    conditions = {field.name: field.metadata.get("only") for field in dataclasses.fields(Config)}
    return [field for field, only in conditions.items() if only and only.field == name and not only.allows(value)]


def _is_neutral(config: Config, name: str, value: Any) -> bool:
    metadata = Config.__dataclass_fields__[name].metadata
    if metadata.get("offered") and name != "discriminator_normalization":
        return value == default_offered(config, metadata["offered"])
    return type(value) is type(metadata["neutral"]) and value == metadata["neutral"]
