"""Base classes of the networks: they apply the normalization, conditioning, attention and output of a config."""

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

# The normalizations that generators and discriminators offer; the first is the default. Instance and group norm need
# spatial axes, which flat vectors lack.
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


def attend(x: Array, spec: NetworkSpec, normalization: str, draw: Draw) -> Array:
    """Returns x [batch, h, w, c] after self-attention if h is the height of the spec's `attention`, else x."""
    return SelfAttention(draw, normalization)(x) if x.shape[1] == spec.attention else x


class GeneratorBase(nn.Module):
    """Base class of generators: (z [batch, z_dim], Context) -> images."""

    spec: NetworkSpec

    @property
    def normalization(self) -> str:
        """The normalization of its activations or kernels, a key of NORMALIZATIONS."""
        return self.spec.generator_normalization

    def append_classes(self, z: Array, context: Context) -> Array:
        """Returns z with the one-hot class appended, unless the class enters through conditional normalizations."""
        if context.classes is None or self.normalized_by_class:
            return z
        return jnp.concatenate([z, context.classes], axis=-1)

    def attend(self, x: Array, draw: Draw) -> Array:
        """Returns x after self-attention if it has the height of the config's `attention`, else x."""
        return attend(x, self.spec, self.normalization, draw)

    @property
    def normalized_by_class(self) -> bool:
        """Whether the class enters through conditional normalizations."""
        return self.normalization.startswith("conditional_batch_norm")

    def activate(
        self,
        x: Array,
        name: str,
        context: Context,
        activation: Callable[[Array], Array],
        momentum: float,
        epsilon: float,
        condition: Array | None = None,
    ) -> Array:
        """Returns x after normalization, the activation function and generator noise.

        name: that of the normalization's Flax module. condition: input of conditional normalizations, by default the
        class.
        """
        condition = context.classes if condition is None else condition
        norm_context = NormContext(momentum, epsilon, context.training, condition, self.spec.batch_size)
        x = activation(NORMALIZATIONS[self.normalization].activations(norm_context, name)(x))
        return GENERATOR_NOISES[self.spec.generator_noise](self, x, context.noise)


class DiscriminatorBase(nn.Module):
    """Base class of discriminators and encoders: (images, Context) -> the output that the family needs."""

    spec: NetworkSpec

    @property
    def normalization(self) -> str:
        """The normalization of its activations or kernels, a key of NORMALIZATIONS."""
        return self.spec.discriminator_normalization

    def append_classes(self, images: Array, context: Context) -> Array:
        """Returns the images with the channels that the conditioning appends, if any."""
        return CONDITIONINGS[self.spec.conditioning].images(images, context.classes)

    def normalize(self, x: Array, name: str, momentum: float, epsilon: float) -> Array:
        """Returns x normalised, always in training mode: discriminators are not used after training."""
        norm_context = NormContext(momentum, epsilon, True, None, self.spec.discriminator_batch_size)
        return NORMALIZATIONS[self.normalization].activations(norm_context, name)(x)

    def attend(self, x: Array, draw: Draw) -> Array:
        """Returns x after self-attention if it has the height of the config's `attention`, else x."""
        return attend(x, self.spec, self.normalization, draw)

    def compute_output(self, features: Array, context: Context, draw: Draw) -> DiscriminatorOutput:
        """Returns the output for features [batch, f]: the logits of a last dense layer, and the features."""
        extended = BATCH_FEATURES[self.spec.batch_features](self, features)
        logits = Dense(1, draw, self.normalization)(extended)[:, 0]
        class_logits = CONDITIONINGS[self.spec.conditioning].logits(features, context.classes, draw, self.normalization)
        return DiscriminatorOutput(logits + class_logits, features)
