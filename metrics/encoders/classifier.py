"""Encoders from small classifiers, one per data set, whose weights ship with the package.

Two convolutions, a dense layer and the logits; the features are the dense layer's. The activation is a leaky ReLU, so
that no feature is constant on real images. The weights come from `train_classifier.py`;
they are never trained on the user's machine, because scores of two differently trained encoders do not compare.

| encoder | images  | features | trained on                   | accuracy on test images |
|---------|---------|----------|------------------------------|-------------------------|
| digits  | 8x8x1   | 64       | the 1,000 of digits/train    | 0.9937 of 797           |
| mnist   | 28x28x1 | 128      | all 60,000 of MNIST's train  | 0.9936 of 10,000        |
| mnist16 | 16x16x1 | 128      | the 60,000 of mnist16/train  | 0.9900 of 10,000        |

The accuracies are a little optimistic for digits: four recipes were compared on its test images, and the activation was
changed with their accuracy in view. Scores take their reference from the same test images.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy

from ganscape.metrics.encoders.encoder import PREPROCESSING, Encoder, shape_text
from ganscape.metrics.errors import MetricError

Weights = Mapping[str, jax.Array | np.ndarray]

FOLDER = Path(__file__).parent / "weights"


class ClassifierLayout(NamedTuple):
    """Sizes of a classifier's layers."""

    image_shape: tuple[int, int, int]
    kernels: tuple[int, int]  # side of each convolution's kernel
    strides: tuple[int, int]
    channels: tuple[int, int]
    features: int
    classes: int


CLASSIFIERS = {
    #                      image        kernels strides channels  features classes
    "digits": ClassifierLayout((8, 8, 1),   (3, 3), (1, 2), (32, 64), 64,      10),
    "mnist":  ClassifierLayout((28, 28, 1), (5, 3), (2, 2), (32, 32), 128,     10),
    "mnist16": ClassifierLayout((16, 16, 1), (5, 3), (2, 2), (32, 64), 128,    10),
}  # fmt: skip

SHA256 = {
    "digits": "474db9d1e3986fedcda50a0a1fdbb5a16fe24bddbc9681dbbe34267c2082cd0e",
    "mnist": "d47c07d80d1dbc4a193e6de352e22c1189c9bd7149a7b301ce455d7c2f6b235b",
    "mnist16": "e56740c4cb4e92e0343db7945a7c4535dfd61a69e8b9f39cbb8bdb99406d5da6",
}


def digits(image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder for the 8x8 digits. Raises MetricError for another image shape."""
    return _encoder("digits", image_shape)


def mnist(image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder for MNIST. Raises MetricError for another image shape."""
    return _encoder("mnist", image_shape)


def mnist16(image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder for MNIST at 16x16. Raises MetricError for another image shape."""
    return _encoder("mnist16", image_shape)


def digits_logits(image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder of the logits of the 8x8 digits' ten classes. Raises MetricError for another image shape."""
    return _encoder("digits", image_shape, of_logits=True)


def mnist_logits(image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder of the logits of MNIST's ten classes. Raises MetricError for another image shape."""
    return _encoder("mnist", image_shape, of_logits=True)


def mnist16_logits(image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder of the logits of the ten classes of MNIST at 16x16. Raises MetricError for another shape."""
    return _encoder("mnist16", image_shape, of_logits=True)


def features(architecture: ClassifierLayout, weights: Weights, images: jax.Array) -> jax.Array:
    """Returns the features [n, features] of images [n, height, width, channels] in [0, 1].

    Takes about 0.1 MB of memory per image of 28x28; encode large sets in batches.
    """
    x = feature_maps(architecture, weights, images)[-1]
    return activation(_dense(x.reshape(len(x), -1), weights, "dense"))


def feature_maps(architecture: ClassifierLayout, weights: Weights, images: jax.Array) -> tuple[jax.Array, ...]:
    """Returns the activations [n, h, w, channels] after each convolution, for images in [0, 1]."""
    maps = [images]
    for layer, (size, stride) in enumerate(zip(architecture.kernels, architecture.strides, strict=True), start=1):
        maps.append(activation(_dense(patches(maps[-1], size, stride), weights, f"conv{layer}")))
    return tuple(maps[1:])


def logits(architecture: ClassifierLayout, weights: Weights, images: jax.Array) -> jax.Array:
    """Returns the logits [n, classes] of images [n, height, width, channels] in [0, 1]."""
    return _dense(features(architecture, weights, images), weights, "logits")


def activation(x: jax.Array) -> jax.Array:
    """Returns max(x, 0.2 x)."""
    return jax.nn.leaky_relu(x, 0.2)


def patches(images: jax.Array, size: int, stride: int) -> jax.Array:
    """Returns the size x size neighbourhoods of every stride-th pixel, zero-padded: [n, h, w, size * size * channels].

    A convolution is these times a matrix: much faster than XLA's own convolutions on a CPU, above all their gradients.
    """
    before = (size - 1) // 2
    rows, columns = images.shape[1:3]
    padded = jnp.pad(images, ((0, 0), (before, size - 1 - before), (before, size - 1 - before), (0, 0)))
    offsets = [(i, j) for i in range(size) for j in range(size)]
    return jnp.concatenate([padded[:, i : i + rows : stride, j : j + columns : stride] for i, j in offsets], axis=-1)


def read_shipped(path: Path, expected: str) -> dict[str, np.ndarray]:
    """Returns the arrays of a safetensors file.

    Raises MetricError if the sha256 of the file is not the expected one.
    """
    content = path.read_bytes()
    found = sha256(content).hexdigest()
    if found != expected:
        raise MetricError(f"weights {path} are not the ones this version scores with: sha256 {found}, not {expected}")
    return safetensors.numpy.load(content)


@cache
def shipped_weights(name: str) -> dict[str, np.ndarray]:
    """Returns the weights of the classifier of this name, a key of CLASSIFIERS. Raises as `read_shipped`."""
    return read_shipped(FOLDER / f"{name}.safetensors", SHA256[name])


@cache
def _apply(name: str, of_logits: bool) -> Callable[[Weights, jax.Array], jax.Array]:
    """Returns one and the same function per encoder, because JAX compiles for every new function."""
    return partial(logits if of_logits else features, CLASSIFIERS[name])


def _encoder(name: str, image_shape: tuple[int, int, int], *, of_logits: bool = False) -> Encoder:
    architecture = CLASSIFIERS[name]
    full_name = f"{name}_logits" if of_logits else name
    if tuple(image_shape) != architecture.image_shape:
        accepted, actual = shape_text(architecture.image_shape), shape_text(image_shape)
        raise MetricError(
            f"encoder {full_name!r} takes images of {accepted}, not {actual}; encoder 'pixels' takes any shape"
        )
    dimension = architecture.classes if of_logits else architecture.features
    return Encoder(full_name, dimension, SHA256[name], PREPROCESSING, shipped_weights(name), _apply(name, of_logits))


def _dense(x: jax.Array, weights: Weights, layer: str) -> jax.Array:
    # the highest precision, as accelerators would otherwise round the factors to 10 bits
    return jnp.matmul(x, weights[f"{layer}/kernel"], precision="highest") + weights[f"{layer}/bias"]
