"""progan: networks that grow from 4x4 to the size of the images during training.

Both networks hold the layers for all heights 4, 8, 16 ... from the start. A forward pass computes those of the heights
added so far, with conditionals inside the program, so nothing is compiled again. In units of fade_images real images
(the `progress` of a Context), height 4 is there at 0 and the i-th height after it is added at 2 i - 1: it is faded in
over 1, then trained for 1 before the next is added.

Generator: z and classes, scaled to norm sqrt(length) -> dense to 4x4, conv 3x3 -> for each height upsampling, conv
3x3, conv 3x3 -> conv 1x1 to the image of that height. Discriminator: the mirror image, from conv 1x1 of the pooled
image down to 4x4 -> `batch_features` at 4x4, conv 3x3, dense, dense 1. In the paper, `batch_features` is
minibatch_stddev. Leaky ReLU of slope 0.2; the generator normalises after it. With `channels` = 512, height h has
min(512, 16384 / h) channels, and in proportion otherwise: up to 32 pixels all heights have the same.

The generator's output is linear, pixels 2 x - 1 as in the paper: it may leave [0, 1] in training, and is clipped in
sampling. In the authors' code the learning rate, the batch size and Adam's epsilon depend on the height; here they are
those of the config.

Unlike the authors' code, optimizers are not reset when a height is added, so the moments of earlier layers are kept. A
layer not added yet has gradients of exactly 0, and Adam leaves it unchanged, with moments 0. But Adam's bias correction
counts all updates: the layer's k-th step is (1 - beta1^k) / sqrt(1 - beta2^k) times as long as with a new optimizer,
that is 10 times for the first step with the paper's betas 0 and 0.99, 16 times with 0.5 and 0.999, and nearly 1 after
about 1 / (1 - beta2) updates. During all these updates the fade multiplies the layer's contribution by nearly 0.

Reference: Karras et al. 2018 (arXiv:1710.10196), sections 2 to 4, table 2 and figure 2, in the form of the authors'
code for TensorFlow.
"""

from typing import TYPE_CHECKING

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.architecture import Architecture, ImageShape, Networks, NetworkSpec
from ganscape.models.architectures.base import DiscriminatorBase, GeneratorBase
from ganscape.models.architectures.conditioning import CONDITIONINGS
from ganscape.models.architectures.equalized import EqualizedConv, EqualizedDense, EqualizedSpread
from ganscape.models.architectures.generator_noise import GENERATOR_NOISES
from ganscape.models.architectures.layers import leaky_relu
from ganscape.models.architectures.scales import average_pool
from ganscape.models.architectures.upsampling import repeat_pixels
from ganscape.models.batch_features import BATCH_FEATURES
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import normal
from ganscape.models.normalizations import NORMALIZATIONS, NormContext

if TYPE_CHECKING:
    from ganscape.models.config import Config

CHANNELS = 512
SMALLEST_HEIGHT = 4
# pixel_norm, the only normalization of activations here, has no running averages and an epsilon of its own.
NORM_CONTEXT = NormContext(momentum=0.0, epsilon=0.0)


def heights(largest: int) -> list[int]:
    """Returns the heights 4, 8, 16 ... up to that of the images."""
    return [SMALLEST_HEIGHT << power for power in range((largest // SMALLEST_HEIGHT).bit_length())]


def arrival(height: int) -> int:
    """Returns the progress at which the layers of a height are added; negative for height 4, there from the start."""
    return 2 * (height // SMALLEST_HEIGHT).bit_length() - 3


def fade(progress: Array | float, height: int) -> Array:
    """Returns the weight of a height's layers in [0, 1]: 0 until they are added, 1 once they are faded in."""
    return jnp.clip(progress - arrival(height), 0.0, 1.0)


def mix(less: Array, more: Array, part: Array) -> Array:
    """Returns (1 - part) less + part more: exactly `less` at part 0 and `more` at 1."""
    return (1.0 - part) * less + part * more


def shrink_to(images: Array, height: int) -> Array:
    """Returns the images average-pooled to this height."""
    while images.shape[1] > height:
        images = average_pool(images)
    return images


def enlarge_to(images: Array, height: int) -> Array:
    """Returns the images with pixels repeated until they have this height."""
    while images.shape[1] < height:
        images = repeat_pixels(images)
    return images


def blur_real(config: "Config", images: Array, images_seen: Array | float) -> Array:
    """Returns real images blurred to the detail of images that the generator makes after `images_seen` real images.

    Blurs to the largest height added so far, mixed with half that height while it is faded in.
    """
    progress = images_seen / config.fade_images
    largest = images.shape[1]
    blurred = enlarge_to(shrink_to(images, SMALLEST_HEIGHT), largest)
    for height in heights(largest)[1:]:
        blurred = mix(blurred, enlarge_to(shrink_to(images, height), largest), fade(progress, height))
    return blurred


def cond_on_height(module: nn.Module, progress: Array | float, height: int, with_height, without, *values):
    """Returns with_height(module, *values) once the height is added, and without(module, *values) before.

    Only one of the two is computed; at initialisation both are, so that all layers get their parameters.
    """
    if module.is_initializing():
        without(module, *values)
        return with_height(module, *values)
    return nn.cond(progress >= arrival(height), with_height, without, module, *values)


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, height, channels]; in sampling clipped to [0, 1]."""

    features: tuple[int, ...]
    image_shape: ImageShape

    def setup(self):
        kernels = self.normalization
        self.spread = EqualizedSpread(self.features[0], kernels, size=SMALLEST_HEIGHT)
        self.lower = [EqualizedConv(features, kernels) for features in self.features[1:]]
        self.upper = [EqualizedConv(features, kernels) for features in self.features]
        self.to_image = [EqualizedConv(self.image_shape[2], kernels, gain=1.0, size=1) for _ in self.features]

    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        x = NORMALIZATIONS["pixel_norm"].activations(NORM_CONTEXT, "latent")(self.append_classes(z, context))
        x = self.activate_then_normalize(self.upper[0](self.activate_then_normalize(self.spread(x), context)), context)
        images = 0.5 * (self.grow(None, x, context) + 1.0)
        return images if context.training else jnp.clip(images, 0.0, 1.0)

    def grow(self, smaller: Array | None, x: Array, context: Context) -> Array:
        """Returns images of full size, pixels 2 x - 1, from the activations x at one height.

        smaller: the activations at half that height, None at the smallest.
        """
        level = len(heights(x.shape[1])) - 1

        def to_image(module, smaller, x):
            image = module.to_image[level](x)
            if level:
                less = repeat_pixels(module.to_image[level - 1](smaller))
                image = mix(less, image, fade(context.progress, x.shape[1]))
            return enlarge_to(image, self.image_shape[0])

        def next_height(module, smaller, x):
            y = module.activate_then_normalize(module.lower[level](repeat_pixels(x)), context)
            y = module.activate_then_normalize(module.upper[level + 1](y), context)
            return module.grow(x, y, context)

        if x.shape[1] == self.image_shape[0]:
            return to_image(self, smaller, x)
        return cond_on_height(self, context.progress, 2 * x.shape[1], next_height, to_image, smaller, x)

    def activate_then_normalize(self, x: Array, context: Context) -> Array:
        """Returns x after leaky ReLU, then normalization (in this order, unlike `activate`), then generator noise."""
        x = NORMALIZATIONS[self.normalization].activations(NORM_CONTEXT, "norm")(leaky_relu(x))
        return GENERATOR_NOISES[self.spec.generator_noise](self, x, context.noise)


class Discriminator(DiscriminatorBase):
    """images [batch, height, height, channels] -> DiscriminatorOutput."""

    features: tuple[int, ...]

    def setup(self):
        kernels = self.normalization
        self.from_image = [EqualizedConv(features, kernels, size=1) for features in self.features]
        self.upper = [EqualizedConv(features, kernels) for features in self.features]
        self.lower = [EqualizedConv(features, kernels) for features in self.features[:-1]]
        self.dense = EqualizedDense(self.features[0], kernels)
        self.logit = EqualizedDense(1, kernels, gain=1.0)

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        x = self.features_at(self.append_classes(2.0 * images - 1.0, context), 0, context)
        x = BATCH_FEATURES[self.spec.batch_features](self, x)
        x = leaky_relu(self.dense(leaky_relu(self.upper[0](x))))
        class_logits = CONDITIONINGS[self.spec.conditioning].logits
        draw = normal(self.features[0] ** -0.5)
        return DiscriminatorOutput(self.logit(x)[:, 0] + class_logits(x, context.classes, draw, self.normalization), x)

    def features_at(self, images: Array, level: int, context: Context) -> Array:
        """Returns the activations at the height of this level, which has been added."""
        height = SMALLEST_HEIGHT << level

        def from_image(module, images):
            return leaky_relu(module.from_image[level](shrink_to(images, height)))

        def from_next_height(module, images):
            x = leaky_relu(module.upper[level + 1](module.features_at(images, level + 1, context)))
            x = average_pool(leaky_relu(module.lower[level](x)))
            return mix(from_image(module, images), x, fade(context.progress, 2 * height))

        if height == images.shape[1]:
            return from_image(self, images)
        return cond_on_height(self, context.progress, 2 * height, from_next_height, from_image, images)


def build_progan(config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks for images of this shape."""
    spec, channels = NetworkSpec.of(config), config.channels
    features = tuple(max(1, min(channels, 32 * channels // height)) for height in heights(image_shape[0]))
    return Networks(Generator(spec, features, image_shape), Discriminator(spec, features))


PROGAN = Architecture(
    build_progan,
    "square images of 8, 16, 32 ... pixels",
    lambda shape: shape[0] == shape[1] and shape[0] >= 8 and shape[0].bit_count() == 1,
    ("none", "spectral_norm", "weight_norm"),
    ("pixel_norm", "none", "spectral_norm"),
    channels=CHANNELS,
    blur_real=blur_real,
)
