"""Convolutions that are fast where they run: matrix products on the CPU, the backend's own elsewhere.

XLA's CPU convolutions are slow backwards, tens of times slower inside `lax.scan`
(https://github.com/jax-ml/jax/issues/12868), and slower still when `vmap` groups them. The same sums written as slices
and matrix products are not, and equal them to float32 rounding. Images are float32 [batch, height, width, channels],
kernels [height, width, in, out].
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import DTypeLike

from ganscape.models.architectures.winograd import EXTENTS, filtered, sums_of_taps
from ganscape.models.precisions import rounded

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_FEW_CHANNELS = 16
# Rows of a matrix product whose operands and result stay in a core's cache, and from how many on that is worth a loop.
_ROWS, _MANY_ROWS = 512, 2048
# From how many inputs and outputs on fewer products are worth the sums.
_MANY_CHANNELS = 32


def conv(images: Array, kernel: Array, stride: int) -> Array:
    """The SAME convolution of images [n, h, w, in]: [n, ceil(h / stride), ceil(w / stride), out].

    Equals `lax.conv_general_dilated(images, kernel, (stride, stride), "SAME")` in this layout.
    """
    form = conv_as_products if jax.default_backend() == "cpu" else native_conv
    return rounded(form)(images, kernel, stride)


def conv_transpose(images: Array, kernel: Array, stride: int) -> Array:
    """The SAME transposed convolution of images [n, h, w, in]: [n, h * stride, w * stride, out].

    Equals `lax.conv_transpose(images, kernel, (stride, stride), "SAME")` in this layout, and so
    `flax.linen.ConvTranspose`: the kernel is applied as it is to the images spread out by zeros.
    """
    form = conv_transpose_as_products if jax.default_backend() == "cpu" else native_conv_transpose
    return rounded(form)(images, kernel, stride)


def conv_of_spread(images: Array, kernel: Array, before: int) -> Array:
    """The convolution of stride 1 of images [n, h, w, in] spread by zeros: [n, 2h, 2w, out].

    spread[2i, 2j] is images[i, j], the rest 0, and out[p, q] is the sum over a, b of
    spread[p + a - before, q + b - before] kernel[a, b]. Only the quarter of the products that is not with zeros
    is computed.
    """
    form = conv_of_spread_as_products if jax.default_backend() == "cpu" else native_conv_of_spread
    return rounded(form)(images, kernel, before)


def conv_then_means(images: Array, kernel: Array) -> Array:
    """The means of 2x2 squares of the SAME convolution of stride 1 by a kernel of odd size: [n, h / 2, w / 2, out].

    Images have even height and width. It is one convolution of stride 2 by the mean of four shifted kernels,
    which for 3x3 takes 16 products where 36 would be.
    """
    return conv(images, between_pixels(kernel) / 4.0, 2)


def between_pixels(kernel: Array) -> Array:
    """The sum of a kernel's four copies moved by 0 or 1 along each axis, larger by 1: what the kernel sums, summed
    over squares of 2x2."""
    rows = jnp.pad(kernel, ((0, 1), (0, 0), (0, 0), (0, 0))) + jnp.pad(kernel, ((1, 0), (0, 0), (0, 0), (0, 0)))
    return jnp.pad(rows, ((0, 0), (0, 1), (0, 0), (0, 0))) + jnp.pad(rows, ((0, 0), (1, 0), (0, 0), (0, 0)))


def native_conv(images: Array, kernel: Array, stride: int) -> Array:
    """`conv` by the backend's own convolution."""
    return lax.conv_general_dilated(images, kernel, (stride, stride), "SAME", dimension_numbers=_LAYOUT)


def native_conv_transpose(images: Array, kernel: Array, stride: int) -> Array:
    """`conv_transpose` by the backend's own convolution."""
    return lax.conv_transpose(images, kernel, (stride, stride), "SAME", dimension_numbers=_LAYOUT)


def native_conv_of_spread(images: Array, kernel: Array, before: int) -> Array:
    """`conv_of_spread` by the backend's own convolution."""
    padding = [(before, extent - before) for extent in kernel.shape[:2]]
    return lax.conv_general_dilated(images, kernel, (1, 1), padding, lhs_dilation=(2, 2), dimension_numbers=_LAYOUT)


def conv_as_products(images: Array, kernel: Array, stride: int) -> Array:
    """`conv` as matrix products: im2col for few channels; otherwise one product per kernel tap (fewer copies) or
    Winograd (fewer multiplications)."""
    if images.shape[-1] < _FEW_CHANNELS:
        return _product_of_patches(images, kernel, stride)
    function, rows = _in_parts(_output_shape(images, stride)[1:], kernel, stride, images.dtype)
    return _by_parts(function, images, rows)


def conv_transpose_as_products(images: Array, kernel: Array, stride: int) -> Array:
    """`conv_transpose` by matrix products, whose results are added where they overlap.

    It is the transpose of the linear map `conv` of the mirrored kernel with inputs and outputs exchanged.
    """
    _, height, width, _ = images.shape
    mirrored = kernel[::-1, ::-1].swapaxes(2, 3)
    if kernel.shape[3] < _FEW_CHANNELS:
        function, rows = lambda x: _product_of_patches(x, mirrored, stride), height * width
    else:
        function, rows = _in_parts((height, width), mirrored, stride, images.dtype)

    def transposed(part: Array) -> Array:
        shape = jax.ShapeDtypeStruct((len(part), height * stride, width * stride, kernel.shape[3]), part.dtype)
        return jax.linear_transpose(function, shape)(part)[0]

    return _by_parts(transposed, images, rows)


def conv_of_spread_as_products(images: Array, kernel: Array, before: int) -> Array:
    """`conv_of_spread` by one matrix product per tap, each for the one parity of rows and of columns it falls on."""
    if kernel.shape[:2] == (4, 4) and before == 2:
        return conv_transpose_as_products(images, kernel, 2)
    _, height, width, _ = images.shape
    return _by_parts(lambda part: _products_by_parity(part, kernel, before), images, height * width)


def _in_parts(size: tuple[int, int], kernel: Array, stride: int, dtype: DTypeLike) -> tuple[Callable, int]:
    """A function of images whose convolution has this size, and how many rows of products it makes of one image."""
    extents = -(-kernel.shape[0] // stride), -(-kernel.shape[1] // stride)
    wide = min(stride * stride * kernel.shape[2], kernel.shape[3]) >= _MANY_CHANNELS
    if not (wide and set(extents) <= set(EXTENTS) and min(size) > 1 and dtype == jnp.float32):
        return lambda images: _sum_of_products(images, kernel, stride), size[0] * size[1]
    taps, (rows, columns) = sums_of_taps(_taps(kernel, stride)), (size + 1 for size in size)

    def function(images: Array) -> Array:
        blocks = _blocks(_padded(images, kernel, stride, (2 * (rows // 2) + 2, 2 * (columns // 2) + 2)), stride)
        return filtered(blocks, taps, extents)[:, : size[0], : size[1]]

    return function, 2 * (rows // 2) * (columns // 2)


def _by_parts(function: Callable[[Array], Array], images: Array, rows: int) -> Array:
    """The function of the images, of as many at a time as make _ROWS rows at so many rows each.

    What it computes on the way then stays in the cache; it is computed again for the gradient.
    """
    if len(images) * rows <= _MANY_ROWS:
        return function(images)
    fitting = max(1, _ROWS // rows)
    together = max(count for count in range(1, fitting + 1) if len(images) % count == 0)
    parts = images.reshape(-1, together, *images.shape[1:])
    made = lax.map(jax.checkpoint(function, prevent_cse=False), parts)
    return made.reshape(len(images), *made.shape[2:])


def _sum_of_products(images: Array, kernel: Array, stride: int) -> Array:
    n, height, width = _output_shape(images, stride)
    windows, taps = _windows_and_taps(images, kernel, stride)
    products = [window.reshape(-1, window.shape[-1]) @ tap for window, tap in zip(windows, taps, strict=True)]
    return sum(products[1:], products[0]).reshape(n, height, width, -1)


def _products_by_parity(images: Array, kernel: Array, before: int) -> Array:
    n, height, width, channels = images.shape
    nothing = jnp.zeros((n * height * width, kernel.shape[3]), images.dtype)
    parities = []
    for rows in _taps_by_parity(kernel.shape[0], before):
        for columns in _taps_by_parity(kernel.shape[1], before):
            products = [
                _moved(images, down, right).reshape(-1, channels) @ kernel[row, column]
                for row, down in rows
                for column, right in columns
            ]
            parities.append(sum(products[1:], products[0]) if products else nothing)
    squares = jnp.stack(parities).reshape(2, 2, n, height, width, kernel.shape[3])
    return squares.transpose(2, 3, 0, 4, 1, 5).reshape(n, 2 * height, 2 * width, -1)


def _taps_by_parity(extent: int, before: int) -> list[list[tuple[int, int]]]:
    """For even and for odd places of the output (tap, how far it moves the images): tap a of image i is for the
    place 2 i + before - a."""
    places = [(tap, before - tap) for tap in range(extent)]
    return [[(tap, place // 2) for tap, place in places if place % 2 == parity] for parity in (0, 1)]


def _moved(images: Array, down: int, right: int) -> Array:
    """The images moved, with zeros where nothing comes in."""
    return lax.pad(images, jnp.zeros((), images.dtype), [(0, 0, 0), (down, -down, 0), (right, -right, 0), (0, 0, 0)])


def _product_of_patches(images: Array, kernel: Array, stride: int) -> Array:
    windows, taps = _windows_and_taps(images, kernel, stride)
    patches = jnp.concatenate(windows, axis=-1)
    product = patches.reshape(-1, patches.shape[-1]) @ taps.reshape(-1, taps.shape[-1])
    return product.reshape(*_output_shape(images, stride), -1)


def _windows_and_taps(images: Array, kernel: Array, stride: int) -> tuple[list[Array], Array]:
    """What each tap of the kernel sees of the images, [n, height, width, c] each, and the taps [taps, c, out].

    Blocks of stride x stride pixels are made channels first (c = stride * stride * in), so that no slice has a stride.
    """
    _, height, width = _output_shape(images, stride)
    taps = _taps(kernel, stride)
    rows, columns, *channels = taps.shape
    blocks = _blocks(_padded(images, kernel, stride, (height + rows - 1, width + columns - 1)), stride)
    windows = [blocks[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)]
    return windows, taps.reshape(rows * columns, *channels)


def _taps(kernel: Array, stride: int) -> Array:
    """The kernel of stride 1 for blocks: [ceil(rows / stride), ceil(columns / stride), stride * stride * in, out]."""
    missing = [(0, -extent % stride) for extent in kernel.shape[:2]]
    return _blocks(jnp.pad(kernel, (*missing, (0, 0), (0, 0))).transpose(3, 0, 1, 2), stride).transpose(1, 2, 3, 0)


def _padded(images: Array, kernel: Array, stride: int, blocks: tuple[int, int]) -> Array:
    """The images with SAME padding, and as many zeros more at the end as make so many rows and columns of blocks."""
    around = []
    for size, extent, count in zip(images.shape[1:3], kernel.shape[:2], blocks, strict=True):
        last = (-(-size // stride) - 1) * stride
        before = max(last + extent - size, 0) // 2
        around.append((before, count * stride - before - size, 0))
    return lax.pad(images, jnp.zeros((), images.dtype), [(0, 0, 0), *around, (0, 0, 0)])


def _blocks(images: Array, stride: int) -> Array:
    """[n, h, w, c] -> [n, h / stride, w / stride, stride * stride * c]."""
    n, height, width, channels = images.shape
    split = images.reshape(n, height // stride, stride, width // stride, stride, channels)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(n, height // stride, width // stride, -1)


def _output_shape(images: Array, stride: int) -> tuple[int, int, int]:
    n, height, width, _ = images.shape
    return n, -(-height // stride), -(-width // stride)
