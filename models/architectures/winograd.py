"""Convolutions of stride 1 with fewer products: Winograd's minimal filtering, two outputs at a time along each axis.

Two neighbouring outputs of a filter of r taps take r + 1 products of sums of inputs with sums of taps, where 2 r would
be taken. For squares of 2x2 outputs a 3x3 convolution so takes 16 products and not 36, a 2x2 one 9 and not 16. The
sums round too: errors are two to three times as large.

Reference: Lavin and Gray 2016 (arXiv:1509.09308), section 4, whose F(2x2, 3x3) this is, and F(2x2, 2x2) likewise.
"""

import jax.numpy as jnp
from jax import Array, lax

# Numbers of taps along an axis that there is a form for.
EXTENTS = (2, 3)


def sums_of_taps(kernel: Array) -> Array:
    """What inputs are multiplied with: a kernel [rows, columns, in, out] -> [(columns + 1) (rows + 1), in, out]."""
    rows, columns = kernel.shape[:2]
    down = [_of_taps([kernel[i, j] for i in range(rows)]) for j in range(columns)]
    across = zip(*(_of_taps(list(each)) for each in zip(*down, strict=True)), strict=True)
    return jnp.stack([both for each in across for both in each])


def filtered(images: Array, taps: Array, extents: tuple[int, int]) -> Array:
    """Images [n, h + 2, w + 2, in], h and w even, convolved with the kernel of `extents` that `taps` are the sums of.

    [n, h, w, out]: out[p, q] is the sum over a, b of images[p + a, q + b] kernel[a, b].
    """
    n, height, width, channels = images.shape
    rows, columns = (extent + 1 for extent in extents)
    down, right = height // 2 - 1, width // 2 - 1
    sums = _of_inputs(images.reshape(n, height, width * channels), rows)
    sums = _of_inputs(sums.reshape(rows * n * down, width, channels), columns)
    products = lax.dot_general(
        sums.reshape(columns * rows, n * down * right, channels), taps, (((2,), (1,)), ((0,), (0,)))
    )
    lines = _outputs(products.reshape(columns, rows * n * down, right, -1))
    return _outputs(lines.reshape(rows, n, down, -1)).reshape(n, height - 2, width - 2, -1)


def _of_taps(taps: list[Array]) -> list[Array]:
    if len(taps) == 2:
        return [taps[0], taps[0] + taps[1], taps[1]]
    ends = taps[0] + taps[2]
    return [taps[0], 0.5 * (ends + taps[1]), 0.5 * (ends - taps[1]), taps[2]]


def _of_inputs(lines: Array, count: int) -> Array:
    """Lines [n, 2 pairs + 2, c] -> `count` sums for every pair of outputs, [count, n, pairs, c]."""
    n, length, channels = lines.shape
    even, odd = lax.split(lines.reshape(n, length // 2, 2 * channels), (channels, channels), axis=2)
    a, b, c, d = even[:, :-1], odd[:, :-1], even[:, 1:], odd[:, 1:]
    return jnp.stack([a - b, b, c - b] if count == 3 else [a - c, b + c, c - b, b - d])


def _outputs(products: Array) -> Array:
    """[3 or 4, n, pairs, c] -> [n, 2 pairs, c]."""
    count, n, pairs, channels = products.shape
    a, b, c = products[:3]
    both = [a + b, b + c] if count == 3 else [a + b + c, b - c - products[3]]
    return jnp.concatenate(both, axis=-1).reshape(n, 2 * pairs, channels)
