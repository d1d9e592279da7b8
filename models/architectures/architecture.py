"""The interface of an architecture: a pair of networks, the images it takes, and the choices it offers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import flax.linen as nn
from jax import Array

if TYPE_CHECKING:
    from ganscape.models.config import Config

ImageShape = tuple[int, int, int]


class NetworkSpec(NamedTuple):
    """The fields of a Config that its networks depend on, under the same names; hashable."""

    generator_normalization: str
    discriminator_normalization: str
    generator_noise: str
    conditioning: str
    batch_features: str
    upsampling: str
    attention: int
    batch_size: int
    packing: int
    z_dim: int
    channels: int

    @classmethod
    def of(cls, config: "Config") -> "NetworkSpec":
        """Returns the spec of a config; fields that do not apply are off."""
        chosen = {name: getattr(config, name) for name in cls._fields}
        off: dict[str, Any] = dict.fromkeys(cls._fields, "none") | {"channels": 0, "packing": 1}
        return cls(**{name: off[name] if value is None else value for name, value in chosen.items()})

    @property
    def seen_at_once(self) -> int:
        """The batch size of a discriminator pass over one kind of images, in packs."""
        return self.batch_size // self.packing


class Networks(NamedTuple):
    """A generator and a discriminator, or what the family has in their place.

    generator: (z [batch, z_dim], Context) -> images [batch, height, width, channels] in [0, 1], but for progan's in
      training; in a vae the decoder, which gives the logits of the pixels.
    discriminator: (images, Context) -> in gan a DiscriminatorOutput; in began the autoencoder's images, in [0, 1];
      in vae the encoder's [batch, 2 * z_dim], means before deviations.
    """

    generator: nn.Module
    discriminator: nn.Module


class Architecture(NamedTuple):
    """An architecture that a config can name.

    build: (config, image_shape (height, width, channels)) -> Networks of the config's family.
    sizes: the images it takes, in words, for error messages.
    accepts: (image_shape) -> whether it takes these images.
    discriminator_normalizations, generator_normalizations: those that its networks know, whatever the
      family; the first is the default.
    upsamplings: how its generator may grow an image, the first as in its paper; none where there is no choice.
    attention: (image_shape) -> heights of activations at which both networks can attend to themselves.
    channels: its base number of channels where that can be chosen, as in its paper; else None.
    hidden_per_channel: units of its hidden dense layers for each base channel where that can be chosen, as in its
      paper; else None.
    families: the families that it has networks for.
    latent_by_parts: whether its conditional normalizations depend on parts of z, with or without classes.
    real: (config, images, images_seen) -> the real images for its discriminator; networks that grow blur them to the
      detail that their generator can make so far.
    """

    build: Callable[..., Networks]
    sizes: str
    accepts: Callable[[ImageShape], bool]
    discriminator_normalizations: tuple[str, ...]
    generator_normalizations: tuple[str, ...] = ("batch_norm",)
    upsamplings: tuple[str, ...] = ()
    attention: Callable[[ImageShape], tuple[int, ...]] = lambda image_shape: ()
    channels: int | None = None
    hidden_per_channel: int | None = None
    families: tuple[str, ...] = ("gan",)
    latent_by_parts: bool = False
    real: Callable[..., Array] = lambda config, images, images_seen: images
