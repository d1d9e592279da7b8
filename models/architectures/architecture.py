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
    downsampling: str
    convolution: str
    output_kernel: int
    attention: int
    batch_size: int
    packing: int
    z_dim: int
    channels: int

    @classmethod
    def of(cls, config: "Config") -> "NetworkSpec":
        """Returns the spec of a config; fields that do not apply get the value that switches them off."""
        values = {name: getattr(config, name) for name in cls._fields}
        off: dict[str, Any] = dict.fromkeys(cls._fields, "none") | {
            "channels": 0,
            "packing": 1,
            "output_kernel": 0,
            "z_dim": 0,
        }
        return cls(**{name: off[name] if value is None else value for name, value in values.items()})

    @property
    def discriminator_batch_size(self) -> int:
        """The number of packs of images in a discriminator pass over real or over generated images."""
        return self.batch_size // self.packing


class Networks(NamedTuple):
    """The two networks of a family; in a vae the decoder is the `generator` and the encoder the `discriminator`.

    generator: (z [batch, z_dim], Context) -> images [batch, height, width, channels] in [0, 1]; progan's may leave
      [0, 1] in training. A vae's decoder returns the logits of the pixels. In completion an architecture's has
      (masked images [batch, height, width, channels + 1], Context) -> images, and `build` returns a `Completer` of it.
    discriminator: (images, Context) -> in gan a DiscriminatorOutput; in began the reconstructed images in [0, 1]; in
      vae [batch, 2 * z_dim], the means of z and then the inputs of its deviations.
    """

    generator: nn.Module
    discriminator: nn.Module


class Architecture(NamedTuple):
    """An architecture that a config can name.

    build: (config, image_shape (height, width, channels)) -> Networks of the config's family.
    sizes: the images it accepts, in words, for error messages.
    accepts: (image_shape) -> whether it accepts images of this shape.
    discriminator_normalizations, generator_normalizations: the choices that its networks offer in every family; the
      first is the default.
    upsamplings: the upsamplings that its generator offers, the first as in its paper; empty if there is no choice.
    attention: (image_shape) -> the heights of activations at which both networks can have self-attention.
    channels: its base number of channels as in its paper, the default of the field; None if it has no such field.
    hidden_per_channel: units of its hidden dense layers per base channel as in its paper, the default of the field;
      None if it has no such field.
    families: the families that it has networks for.
    latent_by_parts: whether its conditional normalizations depend on parts of z, even without classes.
    blur_real: (config, images, images_seen) -> the real images for its discriminator. Growing networks blur them to
      the detail that their generator can produce so far; the others return them unchanged.
    downsamplings, convolutions, output_kernels: likewise, the downsamplings that its discriminator offers, the
      convolutions inside its blocks, and the sizes of its generator's last kernel.
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
    blur_real: Callable[..., Array] = lambda config, images, images_seen: images
    downsamplings: tuple[str, ...] = ()
    convolutions: tuple[str, ...] = ()
    output_kernels: tuple[int, ...] = ()
