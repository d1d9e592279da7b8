"""What the networks of all architectures share: how they normalise, take classes and attend, how they judge."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.architecture import NetworkSpec
from ganscape.models.architectures.attention import SelfAttention
from ganscape.models.architectures.conditioning import CONDITIONINGS
from ganscape.models.architectures.generator_noise import GENERATOR_NOISES
from ganscape.models.architectures.layers import Dense
from ganscape.models.batch_features import BATCH_FEATURES
from ganscape.models.forward import Context, DiscriminatorOutput
from ganscape.models.initialization import Draw
from ganscape.models.normalizations import NORMALIZATIONS, NormContext

# What a generator or a discriminator can normalise by, its published normalization first. A flat vector has no
# space to be normalised over.
GENERATOR_NORMALIZATIONS = (
    "batch_norm",
    "none",
    "layer_norm",
    "instance_norm",
    "group_norm",
    "pixel_norm",
    "switchable_norm",
    "virtual_batch_norm",
    "spectral_norm",
    "weight_norm",
    "batch_norm+spectral_norm",
    "conditional_batch_norm",
    "conditional_batch_norm+spectral_norm",
)
FLAT_GENERATOR_NORMALIZATIONS = tuple(name for name in GENERATOR_NORMALIZATIONS if name != "instance_norm")
DISCRIMINATOR_NORMALIZATIONS = (
    "none",
    "batch_norm",
    "layer_norm",
    "instance_norm",
    "group_norm",
    "switchable_norm",
    "virtual_batch_norm",
    "spectral_norm",
    "weight_norm",
    "batch_norm+spectral_norm",
)
FLAT_DISCRIMINATOR_NORMALIZATIONS = tuple(
    name for name in DISCRIMINATOR_NORMALIZATIONS if name not in ("instance_norm", "group_norm")
)


def attended(x: Array, spec: NetworkSpec, normalization: str, draw: Draw) -> Array:
    """x [batch, h, w, c], attending to itself where h is the height that the spec says."""
    return SelfAttention(draw, normalization)(x) if x.shape[1] == spec.attention else x


class GeneratorBase(nn.Module):
    """A network that makes images: (z [batch, z_dim], Context) -> images."""

    spec: NetworkSpec

    @property
    def normalization(self) -> str:
        """What normalises its activations or kernels."""
        return self.spec.generator_normalization

    def with_classes(self, z: Array, given: Context) -> Array:
        """z with its class beside it, unless normalizations are told the class."""
        if given.classes is None or self.normalized_by_class:
            return z
        return jnp.concatenate([z, given.classes], axis=-1)

    def attended(self, x: Array, draw: Draw) -> Array:
        """x, attending to itself where it has the height for it."""
        return attended(x, self.spec, self.normalization, draw)

    @property
    def normalized_by_class(self) -> bool:
        """Whether the class enters through conditional normalizations."""
        return self.normalization.startswith("conditional_batch_norm")

    def hidden(
        self,
        x: Array,
        name: str,
        given: Context,
        activation: Callable[[Array], Array],
        momentum: float,
        epsilon: float,
        condition: Array | None = None,
    ) -> Array:
        """x normalised, activated and disturbed; `condition` for conditional normalizations, the class by default."""
        condition = given.classes if condition is None else condition
        context = NormContext(momentum, epsilon, given.training, condition, self.spec.batch_size)
        x = activation(NORMALIZATIONS[self.normalization].activations(context, name)(x))
        return GENERATOR_NOISES[self.spec.generator_noise](self, x, given.noise)


class DiscriminatorBase(nn.Module):
    """A network that sees images: (images, Context) -> what its family makes of them."""

    spec: NetworkSpec

    @property
    def normalization(self) -> str:
        """What normalises its activations or kernels."""
        return self.spec.discriminator_normalization

    def with_classes(self, images: Array, given: Context) -> Array:
        """The images with what the conditioning puts beside them."""
        return CONDITIONINGS[self.spec.conditioning].images(images, given.classes)

    def normalize(self, x: Array, name: str, momentum: float, epsilon: float) -> Array:
        """x normalised; discriminators are only ever run in training mode."""
        context = NormContext(momentum, epsilon, True, None, self.spec.seen_at_once)
        return NORMALIZATIONS[self.normalization].activations(context, name)(x)

    def attended(self, x: Array, draw: Draw) -> Array:
        """x, attending to itself where it has the height for it."""
        return attended(x, self.spec, self.normalization, draw)

    def judge(self, features: Array, given: Context, draw: Draw) -> DiscriminatorOutput:
        """The logits of features [batch, f], by a last dense layer."""
        told = BATCH_FEATURES[self.spec.batch_features](self, features)
        logits = Dense(1, draw, self.normalization)(told)[:, 0]
        of_class = CONDITIONINGS[self.spec.conditioning].logits(features, given.classes, draw, self.normalization)
        return DiscriminatorOutput(logits + of_class, features)
