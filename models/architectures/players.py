"""What the networks of all architectures share: how they normalise, take classes and attend, how they judge."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from models.architectures.attention import SelfAttention
from models.architectures.conditioning import CONDITIONINGS
from models.architectures.generator_noise import GENERATOR_NOISES
from models.architectures.layers import Dense
from models.architectures.networks import Blueprint
from models.batch_features import BATCH_FEATURES
from models.initialization import Draw
from models.normalizations import NORMALIZATIONS, Site
from models.passes import Judgement, Pass

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


def attended(x: Array, blueprint: Blueprint, normalization: str, draw: Draw) -> Array:
    """x [batch, h, w, c], attending to itself where h is the height that the blueprint says."""
    return SelfAttention(draw, normalization)(x) if x.shape[1] == blueprint.attention else x


class Maker(nn.Module):
    """A network that makes images: (z [batch, z_dim], Pass) -> images."""

    blueprint: Blueprint

    @property
    def normalization(self) -> str:
        """What normalises its activations or kernels."""
        return self.blueprint.generator_normalization

    def with_classes(self, z: Array, given: Pass) -> Array:
        """z with its class beside it, unless normalizations are told the class."""
        if given.classes is None or self.normalized_by_class:
            return z
        return jnp.concatenate([z, given.classes], axis=-1)

    def attended(self, x: Array, draw: Draw) -> Array:
        """x, attending to itself where it has the height for it."""
        return attended(x, self.blueprint, self.normalization, draw)

    @property
    def normalized_by_class(self) -> bool:
        """Whether the class enters through conditional normalizations."""
        return self.normalization.startswith("conditional_batch_norm")

    def hidden(
        self,
        x: Array,
        name: str,
        given: Pass,
        activation: Callable[[Array], Array],
        momentum: float,
        epsilon: float,
        condition: Array | None = None,
    ) -> Array:
        """x normalised, activated and disturbed; `condition` for conditional normalizations, the class by default."""
        condition = given.classes if condition is None else condition
        site = Site(momentum, epsilon, given.training, condition, self.blueprint.batch_size)
        x = activation(NORMALIZATIONS[self.normalization].activations(site, name)(x))
        return GENERATOR_NOISES[self.blueprint.generator_noise](self, x, given.noise)


class Viewer(nn.Module):
    """A network that sees images: (images, Pass) -> what its family makes of them."""

    blueprint: Blueprint

    @property
    def normalization(self) -> str:
        """What normalises its activations or kernels."""
        return self.blueprint.discriminator_normalization

    def with_classes(self, images: Array, given: Pass) -> Array:
        """The images with what the conditioning puts beside them."""
        return CONDITIONINGS[self.blueprint.conditioning].images(images, given.classes)

    def normalize(self, x: Array, name: str, momentum: float, epsilon: float) -> Array:
        """x normalised; discriminators are only ever run in training mode."""
        site = Site(momentum, epsilon, True, None, self.blueprint.seen_at_once)
        return NORMALIZATIONS[self.normalization].activations(site, name)(x)

    def attended(self, x: Array, draw: Draw) -> Array:
        """x, attending to itself where it has the height for it."""
        return attended(x, self.blueprint, self.normalization, draw)

    def judge(self, features: Array, given: Pass, draw: Draw) -> Judgement:
        """The logits of features [batch, f], by a last dense layer."""
        told = BATCH_FEATURES[self.blueprint.batch_features](self, features)
        logits = Dense(1, draw, self.normalization)(told)[:, 0]
        of_class = CONDITIONINGS[self.blueprint.conditioning].logits(features, given.classes, draw, self.normalization)
        return Judgement(logits + of_class, features)
