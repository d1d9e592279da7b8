"""Convolutions of stride 1 with fewer multiplications: Winograd's minimal filtering, two outputs at a time per axis.

Two neighbouring outputs of a filter with r taps take r + 1 products, of sums of inputs with sums of taps, instead of
2 r. So a 2x2 square of outputs takes 16 products instead of 36 for a 3x3 kernel, and 9 instead of 16 for a 2x2 one.
The additional sums are rounded too: errors are two to three times as large.

Reference: Lavin and Gray 2016 (arXiv:1509.09308), section 4, whose F(2x2, 3x3) this is, and F(2x2, 2x2) likewise.
"""

import jax.numpy as jnp
from jax import Array, lax

# The numbers of taps along an axis that are implemented.
EXTENTS = (2, 3)


def transform_kernel(kernel: Array) -> Array:
    """Returns the sums of taps that `winograd_conv` multiplies with, [(columns + 1) (rows + 1), in, out].

    kernel: [rows, columns, in, out], with rows and columns in EXTENTS.
    """
    rows, columns = kernel.shape[:2]
    down = [_sum_taps([kernel[i, j] for i in range(rows)]) for j in range(columns)]
    across = zip(*(_sum_taps(list(row)) for row in zip(*down, strict=True)), strict=True)
    return jnp.stack([taps for column in across for taps in column])


def winograd_conv(images: Array, taps: Array, extents: tuple[int, int]) -> Array:
    """Returns the convolution [n, h, w, out] of images [n, h + 2, w + 2, in], with h and w even.

    out[p, q] is the sum over a, b of images[p + a, q + b] kernel[a, b].
    taps: `transform_kernel` of a kernel whose rows and columns are `extents`.
    """
    n, height, width, channels = images.shape
    rows, columns = (extent + 1 for extent in extents)
    down, right = height // 2 - 1, width // 2 - 1
    sums = _sum_inputs(images.reshape(n, height, width * channels), rows)
    sums = _sum_inputs(sums.reshape(rows * n * down, width, channels), columns)
    products = lax.dot_general(
        sums.reshape(columns * rows, n * down * right, channels), taps, (((2,), (1,)), ((0,), (0,)))
    )
    lines = _sum_products(products.reshape(columns, rows * n * down, right, -1))
    return _sum_products(lines.reshape(rows, n, down, -1)).reshape(n, height - 2, width - 2, -1)


def _sum_taps(taps: list[Array]) -> list[Array]:
    """Returns the r + 1 sums of r taps along one axis."""
    if len(taps) == 2:
        return [taps[0], taps[0] + taps[1], taps[1]]
    ends = taps[0] + taps[2]
    return [taps[0], 0.5 * (ends + taps[1]), 0.5 * (ends - taps[1]), taps[2]]


def _sum_inputs(lines: Array, count: int) -> Array:
    """Returns `count` sums of inputs for each pair of outputs, [count, n, pairs, c], from lines [n, 2 pairs + 2, c]."""
    n, length, channels = lines.shape
    even, odd = lax.split(lines.reshape(n, length // 2, 2 * channels), (channels, channels), axis=2)
    a, b, c, d = even[:, :-1], odd[:, :-1], even[:, 1:], odd[:, 1:]
    return jnp.stack([a - b, b, c - b] if count == 3 else [a - c, b + c, c - b, b - d])


def _sum_products(products: Array) -> Array:
    """Returns the pairs of outputs [n, 2 pairs, c] from their products [3 or 4, n, pairs, c]."""
    count, n, pairs, channels = products.shape
    a, b, c = products[:3]
    both = [a + b, b + c] if count == 3 else [a + b + c, b - c - products[3]]
    return jnp.concatenate(both, axis=-1).reshape(n, 2 * pairs, channels)
