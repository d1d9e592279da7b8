"""The VGG16 of Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556, trained on ImageNet.

Its second hidden dense layer, FC7 with 4,096 features, is the other encoder with which Lucic et al. 2018 check that the
FID does not depend on the network. Weights and names are torchvision's. Images are resized as `half_pixel_bilinear` and
normalised as torchvision's network expects; the paper does not say how its images were prepared.

15.5 billion multiply-adds an image, 500 MB of weights.
"""

from functools import cache

import jax
import numpy as np

from ganscape.metrics.encoders import weight_files
from ganscape.metrics.encoders.encoder import UNRESIZED, Encoder, require_gray_or_colour
from ganscape.metrics.encoders.layers import convolve, in_batches, matmul, max_pool
from ganscape.metrics.encoders.resizing import half_pixel_bilinear
from ganscape.metrics.encoders.weight_files import Network, Tensors

Layers = list[tuple[np.ndarray, np.ndarray]]  # kernel [rows, columns, in, out] or [in, out], and bias [out]

SIDE = 224
BATCH = 16
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
WORDS = "bilinear to 224x224 (half-pixel centres, no antialias), 1 channel repeated to 3, ImageNet mean and deviation"

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # indices in torchvision's `features`
POOLS = (2, 7, 14, 21, 28)  # the convolutions before a pool


def encoder(image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder for images of any size with 1 or 3 channels.

    Raises MetricError for another image shape, and if there are no weights, or not of this network.
    """
    require_gray_or_colour("vgg16", image_shape)
    weights = weight_files.load_weights(NETWORK)
    return Encoder("vgg16", 4096, weights.sha256, f"{UNRESIZED}, {WORDS}", _layers(weights.sha256), _apply)


def features(layers: Layers, images: jax.Array) -> jax.Array:
    """Returns FC7 after its ReLU, [n, 4096], of prepared images [n, 224, 224, 3]."""
    x = images
    for index, (kernel, bias) in zip(CONVOLUTIONS, layers, strict=False):
        x = jax.nn.relu(convolve(x, kernel) + bias)
        x = max_pool(x, 2, stride=2) if index in POOLS else x
    x = x.reshape(len(x), -1)
    for matrix, bias in layers[len(CONVOLUTIONS) :]:
        x = jax.nn.relu(matmul(x, matrix) + bias)
    return x


def arrange(tensors: Tensors) -> Layers:
    """Returns the layers up to FC7, the first dense one for features in the order rows, columns, channels."""
    kernels = (tensors[f"features.{index}.weight"].transpose(2, 3, 1, 0) for index in CONVOLUTIONS)
    biases = (tensors[f"features.{index}.bias"] for index in CONVOLUTIONS)
    layers = [(np.ascontiguousarray(kernel), bias) for kernel, bias in zip(kernels, biases, strict=True)]
    first, second = (tensors[f"classifier.{index}.weight"] for index in (0, 3))
    side = SIDE // 2 ** len(POOLS)
    permuted = first.reshape(len(first), -1, side, side).transpose(2, 3, 1, 0).reshape(-1, len(first))
    return [*layers, (permuted, tensors["classifier.0.bias"]), (second.T.copy(), tensors["classifier.3.bias"])]


def prepare(images: jax.Array) -> jax.Array:
    """Returns the input of the network, [n, 224, 224, 3], for images [n, height, width, 1 or 3] in [0, 1]."""
    return (half_pixel_bilinear(images, SIDE) - MEAN) / DEVIATION


def _shapes() -> dict[str, tuple[int, ...]]:
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    shapes: dict[str, tuple[int, ...]] = {}
    for index, inputs, outputs in zip(CONVOLUTIONS, channels, channels[1:], strict=False):
        shapes |= {f"features.{index}.weight": (outputs, inputs, 3, 3), f"features.{index}.bias": (outputs,)}
    for index, inputs, outputs in ((0, 512 * 7 * 7, 4096), (3, 4096, 4096), (6, 4096, 1000)):
        shapes |= {f"classifier.{index}.weight": (outputs, inputs), f"classifier.{index}.bias": (outputs,)}
    return shapes


NETWORK = Network(
    name="vgg16",
    shapes=_shapes(),
    files=("vgg16-397923af.pth",),
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    url="https://download.pytorch.org/models/vgg16-397923af.pth",
)


@cache
def _layers(sha256: str) -> Layers:
    return arrange(weight_files.load_weights(NETWORK).tensors)


def _apply(layers: Layers, images: jax.Array) -> jax.Array:
    return in_batches(lambda batch: features(layers, prepare(batch)), BATCH)(images)
