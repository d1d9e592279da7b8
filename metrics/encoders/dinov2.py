"""DINOv2, ViT-S/14 and ViT-B/14: transformers that learned from 142 million photographs without labels.

Oquab et al. 2023, https://arxiv.org/abs/2304.07193. Stein et al. 2023, https://arxiv.org/abs/2306.04675, recommend the
features of its larger ViT-L/14 to score generated images by, as people agree with them more than with Inception's. As
in their code the features are the class token after the last normalization, of images of 224x224; the resize is here
in floats, there rounded to bytes.

An image becomes 16x16 patches of 14x14 pixels, with a class token before them. A block adds to x
scale1 * attention(norm1(x)), then scale2 * mlp(norm2(x)). The published position embeddings are of 37x37 patches. They
are interpolated as by the authors' code, bicubic (a = -0.75) by the ratio 16.1 / 37; with 16 / 37, as elsewhere,
features differ slightly.

6 billion multiply-adds an image for ViT-S, 23 for ViT-B.
"""

import re
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganscape.metrics.encoders import weight_files
from ganscape.metrics.encoders.encoder import UNRESIZED, Encoder, require_gray_or_colour
from ganscape.metrics.encoders.layers import in_batches, matmul
from ganscape.metrics.encoders.resizing import antialiased_bicubic
from ganscape.metrics.encoders.weight_files import Network, Tensors

SIDE, PATCH, HEAD = 224, 14, 64  # pixels of an image and of a patch; features of an attention head
GRID = SIDE // PATCH
TRAINED_GRID, OFFSET = 37, 0.1  # patches along a side of the published positions; what the authors add to GRID
DEPTH = 12
EPSILON = 1e-6
BATCH = 16
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
WORDS = (
    f"antialiased bicubic to {SIDE}x{SIDE} (as Pillow, clipped to [0, 1]), 1 channel repeated to 3, ImageNet mean and "
    "deviation"
)
WIDTHS = {"dinov2_vits14": 384, "dinov2_vitb14": 768}

# Names in files of Hugging Face, and of its models since transformers 5, -> those of the authors, which timm has too.
HUGGING_FACE = (
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.mask_token$", "mask_token"),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.attention\.(output\.dense|o_proj)\.", ".attn.proj."),
    (r"\.attention\.q_proj\.", ".attention.attention.query."),
    (r"\.attention\.k_proj\.", ".attention.attention.key."),
    (r"\.attention\.v_proj\.", ".attention.attention.value."),
    (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
    (r"^layernorm\.", "norm."),
)
QUERY = ".attention.attention.query."  # one of three tensors of Hugging Face that are one here


class TransformerBlock(NamedTuple):
    """Weights of one transformer block; or of all blocks, stacked along the first axis."""

    norm1: np.ndarray  # [2, d], weight and bias
    qkv: np.ndarray  # [d, 3 d]
    qkv_bias: np.ndarray  # [3 d]
    out: np.ndarray  # [d, d]
    out_bias: np.ndarray  # [d]
    scale1: np.ndarray  # [d]
    norm2: np.ndarray  # [2, d]
    up: np.ndarray  # [d, 4 d]
    up_bias: np.ndarray  # [4 d]
    down: np.ndarray  # [4 d, d]
    down_bias: np.ndarray  # [d]
    scale2: np.ndarray  # [d]


class Layers(NamedTuple):
    """All weights of a network: of its patches, of its blocks, and of the norm after them."""

    patch: np.ndarray  # [14 * 14 * 3, d]
    first: np.ndarray  # [d], the class token with its position
    positions: np.ndarray  # [16 * 16, d], of patches, with the bias of their projection
    blocks: TransformerBlock  # stacked
    norm: np.ndarray  # [2, d]


def encoder(name: str, image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder of this name, a key of WIDTHS, for images of any size with 1 or 3 channels.

    Raises MetricError for another image shape, and if there are no weights, or not of this network.
    """
    require_gray_or_colour(name, image_shape)
    weights = weight_files.load_weights(VARIANTS[name])
    return Encoder(name, WIDTHS[name], weights.sha256, f"{UNRESIZED}, {WORDS}", _layers(name, weights.sha256), _apply)


def features(layers: Layers, images: jax.Array) -> jax.Array:
    """Returns the class token [n, d] after the last normalization, of prepared images [n, 224, 224, 3]."""
    patches = images.reshape(-1, GRID, PATCH, GRID, PATCH, 3).transpose(0, 1, 3, 2, 4, 5)
    x = matmul(patches.reshape(len(images), GRID * GRID, -1), layers.patch) + layers.positions
    x = jnp.concatenate([jnp.broadcast_to(layers.first, (len(images), 1, x.shape[-1])), x], axis=1)
    x, _ = jax.lax.scan(lambda x, block: (_transform(x, block), None), x, layers.blocks)
    return _normalise(x[:, 0], layers.norm)


def prepare(images: jax.Array) -> jax.Array:
    """Returns the input of the network, [n, 224, 224, 3], for images [n, height, width, 1 or 3] in [0, 1]."""
    if images.shape[1:3] != (SIDE, SIDE):
        images = jnp.clip(antialiased_bicubic(images, SIDE), 0, 1)
    return (images - MEAN) / DEVIATION


def stack_layers(tensors: Tensors) -> Layers:
    """Returns the layers from tensors with the authors' names, of any width and depth."""
    kernel, positions = tensors["patch_embed.proj.weight"], tensors["pos_embed"][0]
    old = round(len(positions[1:]) ** 0.5)
    resize = position_matrix(old, GRID)
    grid = np.einsum("ia,jb,abd->ijd", resize, resize, positions[1:].astype(np.float64).reshape(old, old, -1))
    numbers = sorted({int(name.split(".")[1]) for name in tensors if name.startswith("blocks.")})
    blocks = [_block_of(tensors, f"blocks.{number}") for number in numbers]
    return Layers(
        np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)).reshape(-1, len(kernel)),
        tensors["cls_token"][0, 0] + positions[0],
        (grid.reshape(GRID * GRID, -1) + tensors["patch_embed.proj.bias"]).astype(np.float32),
        TransformerBlock(*(np.stack(parts) for parts in zip(*blocks, strict=True))),
        np.stack([tensors["norm.weight"], tensors["norm.bias"]]),
    )


def position_matrix(old: int, new: int) -> np.ndarray:
    """Returns the matrix [new, old] that interpolates positions along one side as the authors' code does."""
    if old == new:
        return np.eye(old)
    coordinates = (np.arange(new) + 0.5) * old / (new + OFFSET) - 0.5
    first, matrix = np.floor(coordinates).astype(int), np.zeros((new, old))
    for tap in range(-1, 3):
        np.add.at(
            matrix,
            (np.arange(new), np.clip(first + tap, 0, old - 1)),
            _cubic(np.abs(coordinates - (first + tap))),
        )
    return matrix


def with_authors_names(tensors: Tensors) -> Tensors:
    """Returns the tensors of a file of the authors, of timm or of Hugging Face by the authors' names.

    The mask token, which only training needs, is left out.
    """
    renamed = {}
    for name, values in tensors.items():
        for pattern, own in HUGGING_FACE:
            name = re.sub(pattern, own, name)
        renamed[name] = values
    for query in [name for name in renamed if QUERY in name]:
        names = [query.replace(QUERY, QUERY.replace("query", part)) for part in ("query", "key", "value")]
        whole = np.concatenate([renamed.pop(name) for name in names if name in renamed])
        renamed[query.replace(QUERY, ".attn.qkv.")] = whole
    renamed.pop("mask_token", None)
    return renamed


def _cubic(distance: np.ndarray, a: float = -0.75) -> np.ndarray:
    """Returns the weights of cubic convolution (Keys 1981) at these distances, in samples."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0))


def _block_of(tensors: Tensors, block: str) -> TransformerBlock:
    def affine(name: str) -> np.ndarray:
        return np.stack([tensors[f"{block}.{name}.weight"], tensors[f"{block}.{name}.bias"]])

    def dense(name: str) -> tuple[np.ndarray, np.ndarray]:
        return np.ascontiguousarray(tensors[f"{block}.{name}.weight"].T), tensors[f"{block}.{name}.bias"]

    scales = (tensors[f"{block}.ls{number}.gamma"] for number in (1, 2))
    return TransformerBlock(
        *(affine("norm1"), *dense("attn.qkv"), *dense("attn.proj"), next(scales)),
        *(affine("norm2"), *dense("mlp.fc1"), *dense("mlp.fc2"), next(scales)),
    )


def _transform(x: jax.Array, block: TransformerBlock) -> jax.Array:
    x = x + block.scale1 * _attend(_normalise(x, block.norm1), block)
    hidden = jax.nn.gelu(matmul(_normalise(x, block.norm2), block.up) + block.up_bias, approximate=False)
    return x + block.scale2 * (matmul(hidden, block.down) + block.down_bias)


def _attend(x: jax.Array, block: TransformerBlock) -> jax.Array:
    count, tokens, width = x.shape
    qkv = (matmul(x, block.qkv) + block.qkv_bias).reshape(count, tokens, 3, width // HEAD, HEAD)
    queries, keys, values = jnp.moveaxis(qkv, 2, 0)
    scores = jnp.einsum("nqhd,nkhd->nhqk", queries, keys, precision="highest") * HEAD**-0.5
    mixed = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores), values, precision="highest")
    return matmul(mixed.reshape(count, tokens, width), block.out) + block.out_bias


def _normalise(x: jax.Array, affine: jax.Array | np.ndarray) -> jax.Array:
    """Returns x with mean 0 and variance 1 over its last axis, times a weight, plus a bias."""
    deviations = x - x.mean(axis=-1, keepdims=True)
    variance = jnp.square(deviations).mean(axis=-1, keepdims=True)
    return deviations * jax.lax.rsqrt(variance + EPSILON) * affine[0] + affine[1]


def _shapes(width: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, TRAINED_GRID**2 + 1, width),
        "patch_embed.proj.weight": (width, 3, PATCH, PATCH),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    for block in (f"blocks.{number}" for number in range(DEPTH)):
        shapes |= {f"{block}.{name}": (width,) for name in ("ls1.gamma", "ls2.gamma")}
        shapes |= {f"{block}.{norm}.{part}": (width,) for norm in ("norm1", "norm2") for part in ("weight", "bias")}
        dense = {"attn.qkv": (3, 1), "attn.proj": (1, 1), "mlp.fc1": (4, 1), "mlp.fc2": (1, 4)}
        for name, (outputs, inputs) in dense.items():
            shapes |= {f"{block}.{name}.weight": (outputs * width, inputs * width)}
            shapes |= {f"{block}.{name}.bias": (outputs * width,)}
    return shapes


VARIANTS = {
    name: Network(
        name=name,
        shapes=_shapes(width),
        files=(f"{name}_pretrain.pth",),
        sha256="",
        url=f"https://dl.fbaipublicfiles.com/dinov2/{name}/{name}_pretrain.pth",
        rename=with_authors_names,
    )
    for name, width in WIDTHS.items()
}


@cache
def _layers(name: str, sha256: str) -> Layers:
    return stack_layers(weight_files.load_weights(VARIANTS[name]).tensors)


def _apply(layers: Layers, images: jax.Array) -> jax.Array:
    return in_batches(partial(_encode, layers), BATCH)(images)


def _encode(layers: Layers, images: jax.Array) -> jax.Array:
    return features(layers, prepare(images))
