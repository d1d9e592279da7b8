"""progan: networks that grow from 4x4 to the size of the images, while they train.

Both hold the layers of all heights 4, 8, 16 ... from the start. A pass computes those of the heights that have come,
by conditionals inside the program, so that nothing is compiled again. Counted in fade_images of real images, the
`progress` of a Context, height 4 comes at 0, and the i-th after it at 2 i - 1: it is faded in over 1, then trained
for 1 before the next comes.

Generator: z and classes at length sqrt(their number) -> dense to 4x4, conv 3x3 -> for each height upsampling, conv
3x3, conv 3x3 -> conv 1x1 to the image of that height. Discriminator: the mirror image, from conv 1x1 of the pooled
image down to 4x4 -> `batch_features` of the 4x4, conv 3x3, dense, dense 1. The paper's `batch_features` is
minibatch_stddev. Leaky ReLU of slope 0.2, and after it, in the generator, its normalization. Of `channels` = 512,
height h has 16384 / h but at most 512, and of others in proportion: at 32 pixels all heights have the same.

The generator's output is linear, pixels 2 x - 1 as in the paper: in training it may leave [0, 1], in sampling it is
clipped. The authors' code makes the learning rate, the batch size and the epsilon of Adam depend on the height;
here they are those of the config.

Optimizers are not reset when a height comes, as the authors' are. A layer that has not come has gradients of exactly
zero, and Adam leaves it as it is, with moments of 0. But Adam's bias correction counts all updates: the first step
of the layer is (1 - beta1) / sqrt(1 - beta2) times as long as that of an optimizer begun there (10 times with the
paper's 0 and 0.99, 16 times with 0.5 and 0.999), its k-th (1 - beta1^k) / sqrt(1 - beta2^k) times, which is near 1
after some 1 / (1 - beta2) updates. All that time the fade multiplies what the layer contributes by nearly 0. The
moments of layers that have come before keep what they have learnt.

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
SITE = NormContext(momentum=0.0, epsilon=0.0)


def heights(largest: int) -> list[int]:
    """4, 8, 16 ... up to that of the images."""
    return [SMALLEST_HEIGHT << power for power in range((largest // SMALLEST_HEIGHT).bit_length())]


def arrival(height: int) -> int:
    """Returns the progress at which layers of a height are added; those of 4 are there from the start."""
    return 2 * (height // SMALLEST_HEIGHT).bit_length() - 3


def fade(progress: Array | float, height: int) -> Array:
    """Returns the weight of a height's layers in [0, 1]: 0 until they are added, 1 once they are faded in."""
    return jnp.clip(progress - arrival(height), 0.0, 1.0)


def mix(less: Array, more: Array, part: Array) -> Array:
    """(1 - part) less + part more: exactly one of them at 0 and at 1."""
    return (1.0 - part) * less + part * more


def shrink_to(images: Array, height: int) -> Array:
    """Returns the images average-pooled to this height."""
    while images.shape[1] > height:
        images = average_pool(images)
    return images


def enlarge_to(images: Array, height: int) -> Array:
    """Returns the images with pixels repeated up to this height."""
    while images.shape[1] < height:
        images = repeat_pixels(images)
    return images


def smooth(config: "Config", images: Array, images_seen: Array | float) -> Array:
    """Images as smooth as those that the generator makes after so many: the pixels of the largest height that has
    come, mixed with those of half that height while it is faded in."""
    progress = images_seen / config.fade_images
    largest = images.shape[1]
    result = enlarge_to(shrink_to(images, SMALLEST_HEIGHT), largest)
    for height in heights(largest)[1:]:
        result = mix(result, enlarge_to(shrink_to(images, height), largest), fade(progress, height))
    return result


def once_arrived(module: nn.Module, progress: Array | float, height: int, then, before, *values):
    """`then` of (module, *values) once the height has come, until then `before` of them, and the other is not
    computed; at initialisation both are, so that all layers get their parameters."""
    if module.is_initializing():
        before(module, *values)
        return then(module, *values)
    return nn.cond(progress >= arrival(height), then, before, module, *values)


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, height, channels], in sampling in [0, 1]."""

    features: tuple[int, ...]
    image_shape: ImageShape

    def setup(self):
        kernels = self.normalization
        self.spread = EqualizedSpread(self.features[0], kernels, size=SMALLEST_HEIGHT)
        self.lower = [EqualizedConv(features, kernels) for features in self.features[1:]]
        self.upper = [EqualizedConv(features, kernels) for features in self.features]
        self.to_image = [EqualizedConv(self.image_shape[2], kernels, gain=1.0, size=1) for _ in self.features]

    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        x = NORMALIZATIONS["pixel_norm"].activations(SITE, "latent")(self.with_classes(z, context))
        x = self.activated(self.upper[0](self.activated(self.spread(x), context)), context)
        images = 0.5 * (self.images_from(None, x, context) + 1.0)
        return images if context.training else jnp.clip(images, 0.0, 1.0)

    def images_from(self, before: Array | None, x: Array, context: Context) -> Array:
        """Images of full size, linear, from the activations at one height and at half of it, None at the smallest."""
        level = len(heights(x.shape[1])) - 1

        def here(module, before, x):
            image = module.to_image[level](x)
            if level:
                less = repeat_pixels(module.to_image[level - 1](before))
                image = mix(less, image, fade(context.progress, x.shape[1]))
            return enlarge_to(image, self.image_shape[0])

        def further(module, before, x):
            y = module.activated(module.lower[level](repeat_pixels(x)), context)
            y = module.activated(module.upper[level + 1](y), context)
            return module.images_from(x, y, context)

        if x.shape[1] == self.image_shape[0]:
            return here(self, before, x)
        return once_arrived(self, context.progress, 2 * x.shape[1], further, here, before, x)

    def activated(self, x: Array, context: Context) -> Array:
        """x activated, then normalised, then disturbed."""
        x = NORMALIZATIONS[self.normalization].activations(SITE, "norm")(leaky_relu(x))
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
        x = self.seen(self.with_classes(2.0 * images - 1.0, context), 0, context)
        x = BATCH_FEATURES[self.spec.batch_features](self, x)
        x = leaky_relu(self.dense(leaky_relu(self.upper[0](x))))
        told = CONDITIONINGS[self.spec.conditioning].logits
        draw = normal(self.features[0] ** -0.5)
        return DiscriminatorOutput(self.logit(x)[:, 0] + told(x, context.classes, draw, self.normalization), x)

    def seen(self, images: Array, level: int, context: Context) -> Array:
        """The activations at the height of this level, which has come."""
        height = SMALLEST_HEIGHT << level

        def here(module, images):
            return leaky_relu(module.from_image[level](shrink_to(images, height)))

        def from_above(module, images):
            x = leaky_relu(module.upper[level + 1](module.seen(images, level + 1, context)))
            x = average_pool(leaky_relu(module.lower[level](x)))
            return mix(here(module, images), x, fade(context.progress, 2 * height))

        if height == images.shape[1]:
            return here(self, images)
        return once_arrived(self, context.progress, 2 * height, from_above, here, images)


def build_progan(config: "Config", image_shape: ImageShape) -> Networks:
    """The pair of these images."""
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
    real=smooth,
)
