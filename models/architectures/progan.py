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

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.architecture import Architecture, ImageShape, Networks, NetworkSpec
from ganscape.models.architectures.base import DiscriminatorBase, GeneratorBase
from ganscape.models.architectures.conditioning import CONDITIONINGS
from ganscape.models.architectures.equalized import EqualizedConv, EqualizedDense, EqualizedSpread
from ganscape.models.architectures.generator_noise import GENERATOR_NOISES
from ganscape.models.architectures.layers import leaky_relu
from ganscape.models.architectures.scales import halved
from ganscape.models.architectures.upsampling import doubled
from ganscape.models.batch_features import BATCH_FEATURES
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import normal
from ganscape.models.normalizations import NORMALIZATIONS, NormContext

CHANNELS = 512
SMALLEST = 4
SITE = NormContext(momentum=0.0, epsilon=0.0)


def heights(largest: int) -> list[int]:
    """4, 8, 16 ... up to that of the images."""
    return [SMALLEST << power for power in range((largest // SMALLEST).bit_length())]


def comes(height: int) -> int:
    """The progress at which a height comes; 4 has been there from the start."""
    return 2 * (height // SMALLEST).bit_length() - 3


def faded(progress: Array | float, height: int) -> Array:
    """How much of a height is there, in [0, 1]: 0 until it comes, 1 once it is faded in."""
    return jnp.clip(progress - comes(height), 0.0, 1.0)


def mixed(less: Array, more: Array, part: Array) -> Array:
    """(1 - part) less + part more: exactly one of them at 0 and at 1."""
    return (1.0 - part) * less + part * more


def pooled(images: Array, height: int) -> Array:
    """The means of squares, as images of this height."""
    while images.shape[1] > height:
        images = halved(images)
    return images


def enlarged(images: Array, height: int) -> Array:
    """Every pixel as a square, in images of this height."""
    while images.shape[1] < height:
        images = doubled(images)
    return images


def smoothed(config, images: Array, images_seen: Array | float) -> Array:
    """Images as smooth as those that the generator makes after so many: the pixels of the largest height that has
    come, mixed with those of half that height while it is faded in."""
    progress = images_seen / config.fade_images
    largest = images.shape[1]
    result = enlarged(pooled(images, SMALLEST), largest)
    for height in heights(largest)[1:]:
        result = mixed(result, enlarged(pooled(images, height), largest), faded(progress, height))
    return result


def once_come(module: nn.Module, progress: Array | float, height: int, then, before, *values):
    """`then` of (module, *values) once the height has come, until then `before` of them, and the other is not
    computed; at initialisation both are, so that all layers get their parameters."""
    if module.is_initializing():
        before(module, *values)
        return then(module, *values)
    return nn.cond(progress >= comes(height), then, before, module, *values)


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, height, channels], in sampling in [0, 1]."""

    features: tuple[int, ...]
    image_shape: ImageShape

    def setup(self):
        kernels = self.normalization
        self.spread = EqualizedSpread(self.features[0], kernels, size=SMALLEST)
        self.lower = [EqualizedConv(features, kernels) for features in self.features[1:]]
        self.upper = [EqualizedConv(features, kernels) for features in self.features]
        self.to_image = [EqualizedConv(self.image_shape[2], kernels, gain=1.0, size=1) for _ in self.features]

    def __call__(self, z: Array, given: Context = TRAINING) -> Array:
        x = NORMALIZATIONS["pixel_norm"].activations(SITE, "latent")(self.with_classes(z, given))
        x = self.activated(self.upper[0](self.activated(self.spread(x), given)), given)
        images = 0.5 * (self.images_from(None, x, given) + 1.0)
        return images if given.training else jnp.clip(images, 0.0, 1.0)

    def images_from(self, before: Array | None, x: Array, given: Context) -> Array:
        """Images of full size, linear, from the activations at one height and at half of it, None at the smallest."""
        level = len(heights(x.shape[1])) - 1

        def here(module, before, x):
            image = module.to_image[level](x)
            if level:
                less = doubled(module.to_image[level - 1](before))
                image = mixed(less, image, faded(given.progress, x.shape[1]))
            return enlarged(image, self.image_shape[0])

        def further(module, before, x):
            y = module.activated(module.lower[level](doubled(x)), given)
            y = module.activated(module.upper[level + 1](y), given)
            return module.images_from(x, y, given)

        if x.shape[1] == self.image_shape[0]:
            return here(self, before, x)
        return once_come(self, given.progress, 2 * x.shape[1], further, here, before, x)

    def activated(self, x: Array, given: Context) -> Array:
        """x activated, then normalised, then disturbed."""
        x = NORMALIZATIONS[self.normalization].activations(SITE, "norm")(leaky_relu(x))
        return GENERATOR_NOISES[self.spec.generator_noise](self, x, given.noise)


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
    def __call__(self, images: Array, given: Context = TRAINING) -> DiscriminatorOutput:
        x = self.seen(self.with_classes(2.0 * images - 1.0, given), 0, given)
        x = BATCH_FEATURES[self.spec.batch_features](self, x)
        x = leaky_relu(self.dense(leaky_relu(self.upper[0](x))))
        told = CONDITIONINGS[self.spec.conditioning].logits
        draw = normal(self.features[0] ** -0.5)
        return DiscriminatorOutput(self.logit(x)[:, 0] + told(x, given.classes, draw, self.normalization), x)

    def seen(self, images: Array, level: int, given: Context) -> Array:
        """The activations at the height of this level, which has come."""
        height = SMALLEST << level

        def here(module, images):
            return leaky_relu(module.from_image[level](pooled(images, height)))

        def from_above(module, images):
            x = leaky_relu(module.upper[level + 1](module.seen(images, level + 1, given)))
            x = halved(leaky_relu(module.lower[level](x)))
            return mixed(here(module, images), x, faded(given.progress, 2 * height))

        if height == images.shape[1]:
            return here(self, images)
        return once_come(self, given.progress, 2 * height, from_above, here, images)


def build(config, image_shape: ImageShape) -> Networks:
    """The pair of these images."""
    spec, channels = NetworkSpec.of(config), config.channels
    features = tuple(max(1, min(channels, 32 * channels // height)) for height in heights(image_shape[0]))
    return Networks(Generator(spec, features, image_shape), Discriminator(spec, features))


PROGAN = Architecture(
    build,
    "square images of 8, 16, 32 ... pixels",
    lambda shape: shape[0] == shape[1] and shape[0] >= 8 and shape[0].bit_count() == 1,
    ("none", "spectral_norm", "weight_norm"),
    ("pixel_norm", "none", "spectral_norm"),
    channels=CHANNELS,
    real=smoothed,
)
