"""The Inception v3 of 2015-12-05, whose features make a Frechet distance an FID.

Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, as Google trained it and froze it in inception-2015-12-05.tgz;
tensors have the names of its PyTorch ports, pytorch-fid and torch-fidelity. It differs from torchvision's network of
that name: 1,008 classes; mean pools leave out the padding; the pool of the very last block takes the largest value, not
the mean; batch normalization has an epsilon of 1e-3.

The preprocessing of images matters as much as the network, so each of PREPROCESSINGS makes an encoder of its own. Only
the first is that of Heusel et al. 2017, compare_gan and torch-fidelity, and only its Frechet distance is called `fid`.

5.7 billion multiply-adds an image: one to a few images a second on a core.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganscape.metrics.encoders import weight_files
from ganscape.metrics.encoders.encoder import UNRESIZED, Encoder, require_gray_or_colour
from ganscape.metrics.encoders.layers import convolve, in_batches, matmul, max_pool, mean_pool
from ganscape.metrics.encoders.resizing import antialiased_bicubic, half_pixel_bilinear, tf1_bilinear
from ganscape.metrics.encoders.weight_files import Network, Tensors

Layers = dict[str, tuple[np.ndarray, np.ndarray]]  # kernel [rows, columns, in, out] and bias [out]; of fc [in, out]

SIDE = 299
EPSILON = 1e-3
BATCH = 32


def features(layers: Layers, images: jax.Array, output: str = "2048") -> jax.Array:
    """Returns one of OUTPUTS, [n, dimension], of preprocessed images [n, 299, 299, 3].

    64 and 192 are the outputs of the first and second max pool, 768 that of the block before Mixed_7a and 2048 that of
    the last block, all averaged over the image. Logits are the 2048 times the last matrix, plus the bias; the Inception
    score of its authors' code and of torch-fidelity uses them without the bias.
    """
    x = _apply(layers, images, "Conv2d_1a_3x3", stride=2, padding="VALID")
    x = _apply(layers, x, "Conv2d_2a_3x3", padding="VALID")
    x = max_pool(_apply(layers, x, "Conv2d_2b_3x3"), 3, stride=2)
    if output == "64":
        return x.mean(axis=(1, 2))
    x = _apply(layers, x, "Conv2d_3b_1x1")
    x = max_pool(_apply(layers, x, "Conv2d_4a_3x3", padding="VALID"), 3, stride=2)
    if output == "192":
        return x.mean(axis=(1, 2))
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        x = _mixed_5(layers, x, name)
    x = _mixed_6a(layers, x)
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        x = _mixed_6(layers, x, name)
    if output == "768":
        return x.mean(axis=(1, 2))
    x = _mixed_7(layers, _mixed_7a(layers, x), "Mixed_7b", lambda x: mean_pool(x, 3))
    x = _mixed_7(layers, x, "Mixed_7c", lambda x: max_pool(x, 3, stride=1, padding="SAME"))
    means = x.mean(axis=(1, 2))
    if output == "2048":
        return means
    matrix, bias = layers["fc"]
    products = matmul(means, matrix)
    return products if output == "logits_unbiased" else products + bias


def fold(tensors: Tensors) -> Layers:
    """Returns kernels and biases, float32, with the batch normalization after each convolution folded in."""
    layers = {"fc": (np.ascontiguousarray(tensors["fc.weight"].T), tensors["fc.bias"])}
    for name in (key.removesuffix(".conv.weight") for key in tensors if key.endswith(".conv.weight")):
        gain, shift, mean, variance = (
            tensors[f"{name}.bn.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + EPSILON)
        kernel = np.ascontiguousarray(tensors[f"{name}.conv.weight"].transpose(2, 3, 1, 0) * scale, np.float32)
        layers[name] = (kernel, (shift - mean * scale).astype(np.float32))
    return layers


def _apply(layers: Layers, x: jax.Array, name: str, stride: int = 1, padding: str = "SAME") -> jax.Array:
    kernel, bias = layers[name]
    return jax.nn.relu(convolve(x, kernel, stride=stride, padding=padding) + bias)


def _branch(layers: Layers, x: jax.Array, *names: str) -> jax.Array:
    for name in names:
        x = _apply(layers, x, name)
    return x


def _mixed_5(layers: Layers, x: jax.Array, name: str) -> jax.Array:
    triple = (f"{name}.branch3x3dbl_{number}" for number in (1, 2, 3))
    parts = (
        _branch(layers, x, f"{name}.branch1x1"),
        _branch(layers, x, f"{name}.branch5x5_1", f"{name}.branch5x5_2"),
        _branch(layers, x, *triple),
        _branch(layers, mean_pool(x, 3), f"{name}.branch_pool"),
    )
    return jnp.concatenate(parts, axis=-1)


def _mixed_6a(layers: Layers, x: jax.Array) -> jax.Array:
    twice = _branch(layers, x, "Mixed_6a.branch3x3dbl_1", "Mixed_6a.branch3x3dbl_2")
    parts = (
        _apply(layers, x, "Mixed_6a.branch3x3", stride=2, padding="VALID"),
        _apply(layers, twice, "Mixed_6a.branch3x3dbl_3", stride=2, padding="VALID"),
        max_pool(x, 3, stride=2),
    )
    return jnp.concatenate(parts, axis=-1)


def _mixed_6(layers: Layers, x: jax.Array, name: str) -> jax.Array:
    parts = (
        _branch(layers, x, f"{name}.branch1x1"),
        _branch(layers, x, *(f"{name}.branch7x7_{number}" for number in (1, 2, 3))),
        _branch(layers, x, *(f"{name}.branch7x7dbl_{number}" for number in (1, 2, 3, 4, 5))),
        _branch(layers, mean_pool(x, 3), f"{name}.branch_pool"),
    )
    return jnp.concatenate(parts, axis=-1)


def _mixed_7a(layers: Layers, x: jax.Array) -> jax.Array:
    once = _branch(layers, x, "Mixed_7a.branch3x3_1")
    thrice = _branch(layers, x, *(f"Mixed_7a.branch7x7x3_{number}" for number in (1, 2, 3)))
    parts = (
        _apply(layers, once, "Mixed_7a.branch3x3_2", stride=2, padding="VALID"),
        _apply(layers, thrice, "Mixed_7a.branch7x7x3_4", stride=2, padding="VALID"),
        max_pool(x, 3, stride=2),
    )
    return jnp.concatenate(parts, axis=-1)


def _mixed_7(layers: Layers, x: jax.Array, name: str, pool: Callable[[jax.Array], jax.Array]) -> jax.Array:
    once = _branch(layers, x, f"{name}.branch3x3_1")
    twice = _branch(layers, x, f"{name}.branch3x3dbl_1", f"{name}.branch3x3dbl_2")
    parts = (
        _branch(layers, x, f"{name}.branch1x1"),
        *(_branch(layers, once, f"{name}.branch3x3_2{side}") for side in "ab"),
        *(_branch(layers, twice, f"{name}.branch3x3dbl_3{side}") for side in "ab"),
        _branch(layers, pool(x), f"{name}.branch_pool"),
    )
    return jnp.concatenate(parts, axis=-1)


def _kernels() -> dict[str, tuple[int, int, int, int]]:
    """Returns the kernel shape of every convolution, as PyTorch stores it: [out, in, rows, columns]."""
    found = {
        "Conv2d_1a_3x3": (32, 3, 3, 3),
        "Conv2d_2a_3x3": (32, 32, 3, 3),
        "Conv2d_2b_3x3": (64, 32, 3, 3),
        "Conv2d_3b_1x1": (80, 64, 1, 1),
        "Conv2d_4a_3x3": (192, 80, 3, 3),
    }
    blocks = {
        "Mixed_5b": _kernels_5(192, 32),
        "Mixed_5c": _kernels_5(256, 64),
        "Mixed_5d": _kernels_5(288, 64),
        "Mixed_6a": {
            "branch3x3": (384, 288, 3, 3),
            "branch3x3dbl_1": (64, 288, 1, 1),
            "branch3x3dbl_2": (96, 64, 3, 3),
            "branch3x3dbl_3": (96, 96, 3, 3),
        },
        "Mixed_6b": _kernels_6(128),
        "Mixed_6c": _kernels_6(160),
        "Mixed_6d": _kernels_6(160),
        "Mixed_6e": _kernels_6(192),
        "Mixed_7a": {
            "branch3x3_1": (192, 768, 1, 1),
            "branch3x3_2": (320, 192, 3, 3),
            "branch7x7x3_1": (192, 768, 1, 1),
            "branch7x7x3_2": (192, 192, 1, 7),
            "branch7x7x3_3": (192, 192, 7, 1),
            "branch7x7x3_4": (192, 192, 3, 3),
        },
        "Mixed_7b": _kernels_7(1280),
        "Mixed_7c": _kernels_7(2048),
    }
    return found | {f"{block}.{name}": shape for block, held in blocks.items() for name, shape in held.items()}


def _kernels_5(given: int, pooled: int) -> dict[str, tuple[int, int, int, int]]:
    return {
        "branch1x1": (64, given, 1, 1),
        "branch5x5_1": (48, given, 1, 1),
        "branch5x5_2": (64, 48, 5, 5),
        "branch3x3dbl_1": (64, given, 1, 1),
        "branch3x3dbl_2": (96, 64, 3, 3),
        "branch3x3dbl_3": (96, 96, 3, 3),
        "branch_pool": (pooled, given, 1, 1),
    }


def _kernels_6(inner: int) -> dict[str, tuple[int, int, int, int]]:
    return {
        "branch1x1": (192, 768, 1, 1),
        "branch7x7_1": (inner, 768, 1, 1),
        "branch7x7_2": (inner, inner, 1, 7),
        "branch7x7_3": (192, inner, 7, 1),
        "branch7x7dbl_1": (inner, 768, 1, 1),
        "branch7x7dbl_2": (inner, inner, 7, 1),
        "branch7x7dbl_3": (inner, inner, 1, 7),
        "branch7x7dbl_4": (inner, inner, 7, 1),
        "branch7x7dbl_5": (192, inner, 1, 7),
        "branch_pool": (192, 768, 1, 1),
    }


def _kernels_7(given: int) -> dict[str, tuple[int, int, int, int]]:
    return {
        "branch1x1": (320, given, 1, 1),
        "branch3x3_1": (384, given, 1, 1),
        "branch3x3_2a": (384, 384, 1, 3),
        "branch3x3_2b": (384, 384, 3, 1),
        "branch3x3dbl_1": (448, given, 1, 1),
        "branch3x3dbl_2": (384, 448, 3, 3),
        "branch3x3dbl_3a": (384, 384, 1, 3),
        "branch3x3dbl_3b": (384, 384, 3, 1),
        "branch_pool": (192, given, 1, 1),
    }


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"fc.weight": (1008, 2048), "fc.bias": (1008,)}
    for name, kernel in _kernels().items():
        shapes[f"{name}.conv.weight"] = kernel
        shapes |= {f"{name}.bn.{part}": kernel[:1] for part in ("weight", "bias", "running_mean", "running_var")}
    return shapes


NETWORK = Network(
    name="inception",
    shapes=_shapes(),
    files=("pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth"),
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    url="https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights",
)

OUTPUTS = {"64": 64, "192": 192, "768": 768, "2048": 2048, "logits": 1008, "logits_unbiased": 1008}


class Preprocessing(NamedTuple):
    """A way to prepare images.

    prepare: images in [0, 1] of any size -> the input of the network, [n, 299, 299, channels].
    words: the same in words.
    """

    prepare: Callable[[jax.Array], jax.Array]
    words: str


PREPROCESSINGS = {
    "tf": Preprocessing(
        lambda images: (tf1_bilinear(images * 255, SIDE) - 128) / 128,
        "times 255, bilinear to 299x299 as TensorFlow 1 (no half-pixel centres, no antialias), (x - 128) / 128",
    ),
    "pytorch": Preprocessing(
        lambda images: 2 * half_pixel_bilinear(images, SIDE) - 1,
        "bilinear to 299x299 as pytorch-fid (half-pixel centres, no antialias), 2 x - 1",
    ),
    "clean": Preprocessing(
        lambda images: (jnp.clip(antialiased_bicubic(images * 255, SIDE), 0, 255) - 128) / 128,
        "times 255, antialiased bicubic to 299x299 as Pillow and clean-fid, clipped to 0..255, (x - 128) / 128",
    ),
}


def encoder(
    name: str, image_shape: tuple[int, int, int], *, preprocessing: str = "tf", output: str = "2048"
) -> Encoder:
    """Returns the encoder of one of PREPROCESSINGS and OUTPUTS, for images of any size with 1 or 3 channels.

    Raises MetricError for another image shape, and if there are no weights, or not of this network.
    """
    require_gray_or_colour(name, image_shape)
    weights = weight_files.load_weights(NETWORK)
    words = f"{UNRESIZED}, {PREPROCESSINGS[preprocessing].words}, 1 channel repeated to 3"
    layers = _folded(weights.sha256)
    return Encoder(name, OUTPUTS[output], weights.sha256, words, layers, _applied(preprocessing, output))


@cache
def _applied(preprocessing: str, output: str) -> Callable[[Layers, jax.Array], jax.Array]:
    """Returns one and the same function per encoder, because JAX compiles for every new function."""

    def apply(layers: Layers, images: jax.Array) -> jax.Array:
        def encode(batch: jax.Array) -> jax.Array:
            prepared = PREPROCESSINGS[preprocessing].prepare(batch)
            return features(layers, jnp.broadcast_to(prepared, (*prepared.shape[:3], 3)), output)

        return in_batches(encode, BATCH)(images)

    return apply


@cache
def _folded(sha256: str) -> Layers:
    return fold(weight_files.load_weights(NETWORK).tensors)
