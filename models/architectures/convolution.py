"""Convolutions that are fast on every backend: matrix products on the CPU, the backend's own convolutions elsewhere.

The gradients of XLA's CPU convolutions are slow, tens of times slower inside `lax.scan`
(https://github.com/jax-ml/jax/issues/12868), and slower still when `vmap` groups them. The same sums as slices and
matrix products are fast, and equal up to float32 rounding. Images are float32 [batch, height, width, channels],
kernels [height, width, in, out].
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import DTypeLike

from ganscape.models.architectures.winograd import EXTENTS, transform_kernel, winograd_conv
from ganscape.models.precisions import round_operands

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_FEW_CHANNELS = 16
# The number of rows of a matrix product whose operands and result fit in a core's cache, and the number from which a
# loop over such parts pays off.
_ROWS, _MANY_ROWS = 512, 2048
# The number of input and output channels from which Winograd's fewer products are worth its additional sums.
_MANY_CHANNELS = 32


def conv(images: Array, kernel: Array, stride: int) -> Array:
    """Returns the SAME convolution [n, ceil(h / stride), ceil(w / stride), out] of images [n, h, w, in].

    Equals `lax.conv_general_dilated(images, kernel, (stride, stride), "SAME")` in this layout.
    """
    form = conv_as_products if jax.default_backend() == "cpu" else native_conv
    return round_operands(form)(images, kernel, stride)


def conv_transpose(images: Array, kernel: Array, stride: int) -> Array:
    """Returns the SAME transposed convolution [n, h * stride, w * stride, out] of images [n, h, w, in].

    Equals `lax.conv_transpose(images, kernel, (stride, stride), "SAME")` in this layout, and so
    `flax.linen.ConvTranspose`: the kernel is not mirrored when applied to the images dilated by zeros.
    """
    form = conv_transpose_as_products if jax.default_backend() == "cpu" else native_conv_transpose
    return round_operands(form)(images, kernel, stride)


def input_dilated_conv(images: Array, kernel: Array, before: int) -> Array:
    """Returns the convolution [n, 2h, 2w, out] of stride 1 of images [n, h, w, in] dilated by zeros.

    dilated[2i, 2j] is images[i, j], the rest 0, and out[p, q] is the sum over a, b of
    dilated[p + a - before, q + b - before] kernel[a, b]. On the CPU, the three quarters of the products that have a
    factor 0 are not computed.
    """
    form = input_dilated_conv_as_products if jax.default_backend() == "cpu" else native_input_dilated_conv
    return round_operands(form)(images, kernel, before)


def conv_average_pool(images: Array, kernel: Array) -> Array:
    """Returns the 2x2 average pool [n, h / 2, w / 2, out] of the SAME convolution with a kernel of odd size.

    Images have even height and width. Computed as one convolution of stride 2 with the mean of four shifted kernels,
    which takes 16 products instead of 36 for a 3x3 kernel.
    """
    return conv(images, sum_shifted_kernels(kernel) / 4.0, 2)


def sum_shifted_kernels(kernel: Array) -> Array:
    """Returns the sum of four copies of a kernel [rows, columns, in, out], shifted by 0 or 1 along each axis.

    Convolving with it, [rows + 1, columns + 1, in, out], sums 2x2 squares of the convolution with the kernel.
    """
    rows = jnp.pad(kernel, ((0, 1), (0, 0), (0, 0), (0, 0))) + jnp.pad(kernel, ((1, 0), (0, 0), (0, 0), (0, 0)))
    return jnp.pad(rows, ((0, 0), (0, 1), (0, 0), (0, 0))) + jnp.pad(rows, ((0, 0), (1, 0), (0, 0), (0, 0)))


def native_conv(images: Array, kernel: Array, stride: int) -> Array:
    """`conv` by the backend's own convolution."""
    return lax.conv_general_dilated(images, kernel, (stride, stride), "SAME", dimension_numbers=_LAYOUT)


def native_conv_transpose(images: Array, kernel: Array, stride: int) -> Array:
    """`conv_transpose` by the backend's own convolution."""
    return lax.conv_transpose(images, kernel, (stride, stride), "SAME", dimension_numbers=_LAYOUT)


def native_input_dilated_conv(images: Array, kernel: Array, before: int) -> Array:
    """`input_dilated_conv` by the backend's own convolution."""
    padding = [(before, extent - before) for extent in kernel.shape[:2]]
    return lax.conv_general_dilated(images, kernel, (1, 1), padding, lhs_dilation=(2, 2), dimension_numbers=_LAYOUT)


def conv_as_products(images: Array, kernel: Array, stride: int) -> Array:
    """`conv` as matrix products: im2col for few channels; otherwise one product per kernel tap (fewer copies) or
    Winograd (fewer multiplications)."""
    if images.shape[-1] < _FEW_CHANNELS:
        return _product_of_patches(images, kernel, stride)
    function, rows = _winograd_or_taps(_output_shape(images, stride)[1:], kernel, stride, images.dtype)
    return _by_parts(function, images, rows)


def conv_transpose_as_products(images: Array, kernel: Array, stride: int) -> Array:
    """`conv_transpose` as matrix products, whose results are added where they overlap.

    Computed as the transpose of a linear map: `conv` with the mirrored kernel, its inputs and outputs exchanged.
    """
    _, height, width, _ = images.shape
    mirrored = kernel[::-1, ::-1].swapaxes(2, 3)
    if kernel.shape[3] < _FEW_CHANNELS:
        function, rows = lambda x: _product_of_patches(x, mirrored, stride), height * width
    else:
        function, rows = _winograd_or_taps((height, width), mirrored, stride, images.dtype)

    def transpose(part: Array) -> Array:
        shape = jax.ShapeDtypeStruct((len(part), height * stride, width * stride, kernel.shape[3]), part.dtype)
        return jax.linear_transpose(function, shape)(part)[0]

    return _by_parts(transpose, images, rows)


def input_dilated_conv_as_products(images: Array, kernel: Array, before: int) -> Array:
    """`input_dilated_conv` as one matrix product per tap, which contributes to one parity of rows and of columns."""
    if kernel.shape[:2] == (4, 4) and before == 2:
        return conv_transpose_as_products(images, kernel, 2)
    _, height, width, _ = images.shape
    return _by_parts(lambda part: _products_by_parity(part, kernel, before), images, height * width)


def _winograd_or_taps(size: tuple[int, int], kernel: Array, stride: int, dtype: DTypeLike) -> tuple[Callable, int]:
    """Returns a function of images that computes their convolution, and the rows of its matrix products per image.

    size: height and width of the convolution.
    """
    extents = -(-kernel.shape[0] // stride), -(-kernel.shape[1] // stride)
    wide = min(stride * stride * kernel.shape[2], kernel.shape[3]) >= _MANY_CHANNELS
    if not (wide and set(extents) <= set(EXTENTS) and min(size) > 1 and dtype == jnp.float32):
        return lambda images: _sum_of_products(images, kernel, stride), size[0] * size[1]
    taps, (rows, columns) = transform_kernel(_taps(kernel, stride)), (size + 1 for size in size)

    def function(images: Array) -> Array:
        blocks = _blocks(_padded(images, kernel, stride, (2 * (rows // 2) + 2, 2 * (columns // 2) + 2)), stride)
        return winograd_conv(blocks, taps, extents)[:, : size[0], : size[1]]

    return function, 2 * (rows // 2) * (columns // 2)


def _by_parts(function: Callable[[Array], Array], images: Array, rows: int) -> Array:
    """Returns `function(images)`, computed for parts of the images with about _ROWS rows, at `rows` per image.

    The intermediate results of a part then stay in the cache; the gradient computes them again.
    """
    if len(images) * rows <= _MANY_ROWS:
        return function(images)
    limit = max(1, _ROWS // rows)
    size = max(count for count in range(1, limit + 1) if len(images) % count == 0)
    parts = images.reshape(-1, size, *images.shape[1:])
    outputs = lax.map(jax.checkpoint(function, prevent_cse=False), parts)
    return outputs.reshape(len(images), *outputs.shape[2:])


def _sum_of_products(images: Array, kernel: Array, stride: int) -> Array:
    n, height, width = _output_shape(images, stride)
    windows, taps = _windows_and_taps(images, kernel, stride)
    products = [window.reshape(-1, window.shape[-1]) @ tap for window, tap in zip(windows, taps, strict=True)]
    return sum(products[1:], products[0]).reshape(n, height, width, -1)


def _products_by_parity(images: Array, kernel: Array, before: int) -> Array:
    n, height, width, channels = images.shape
    zeros = jnp.zeros((n * height * width, kernel.shape[3]), images.dtype)
    parities = []
    for rows in _taps_by_parity(kernel.shape[0], before):
        for columns in _taps_by_parity(kernel.shape[1], before):
            products = [
                _shift(images, down, right).reshape(-1, channels) @ kernel[row, column]
                for row, down in rows
                for column, right in columns
            ]
            parities.append(sum(products[1:], products[0]) if products else zeros)
    squares = jnp.stack(parities).reshape(2, 2, n, height, width, kernel.shape[3])
    return squares.transpose(2, 3, 0, 4, 1, 5).reshape(n, 2 * height, 2 * width, -1)


def _taps_by_parity(extent: int, before: int) -> list[list[tuple[int, int]]]:
    """Returns, for even and for odd output positions, the taps that reach them and the shift of the images for each.

    Input position i contributes by tap a to output position 2 i + before - a.
    """
    offsets = [(tap, before - tap) for tap in range(extent)]
    return [[(tap, offset // 2) for tap, offset in offsets if offset % 2 == parity] for parity in (0, 1)]


def _shift(images: Array, down: int, right: int) -> Array:
    """Returns the images shifted by whole pixels and filled with zeros."""
    return lax.pad(images, jnp.zeros((), images.dtype), [(0, 0, 0), (down, -down, 0), (right, -right, 0), (0, 0, 0)])


def _product_of_patches(images: Array, kernel: Array, stride: int) -> Array:
    windows, taps = _windows_and_taps(images, kernel, stride)
    patches = jnp.concatenate(windows, axis=-1)
    product = patches.reshape(-1, patches.shape[-1]) @ taps.reshape(-1, taps.shape[-1])
    return product.reshape(*_output_shape(images, stride), -1)


def _windows_and_taps(images: Array, kernel: Array, stride: int) -> tuple[list[Array], Array]:
    """Returns the window of the images for each tap, [n, height, width, c], and the taps, [taps, c, out].

    Blocks of stride x stride pixels become channels first (c = stride * stride * in), so that no slice has a stride.
    """
    _, height, width = _output_shape(images, stride)
    taps = _taps(kernel, stride)
    rows, columns, *channels = taps.shape
    blocks = _blocks(_padded(images, kernel, stride, (height + rows - 1, width + columns - 1)), stride)
    windows = [blocks[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)]
    return windows, taps.reshape(rows * columns, *channels)


def _taps(kernel: Array, stride: int) -> Array:
    """Returns the kernel for images in blocks: [ceil(rows / stride), ceil(columns / stride), stride^2 * in, out]."""
    missing = [(0, -extent % stride) for extent in kernel.shape[:2]]
    return _blocks(jnp.pad(kernel, (*missing, (0, 0), (0, 0))).transpose(3, 0, 1, 2), stride).transpose(1, 2, 3, 0)


def _padded(images: Array, kernel: Array, stride: int, blocks: tuple[int, int]) -> Array:
    """Returns the images with SAME padding, and zeros at the end up to this number of rows and columns of `blocks`."""
    around = []
    for size, extent, count in zip(images.shape[1:3], kernel.shape[:2], blocks, strict=True):
        last = (-(-size // stride) - 1) * stride
        before = max(last + extent - size, 0) // 2
        around.append((before, count * stride - before - size, 0))
    return lax.pad(images, jnp.zeros((), images.dtype), [(0, 0, 0), *around, (0, 0, 0)])


def _blocks(images: Array, stride: int) -> Array:
    """Returns images [n, h, w, c] as blocks of pixels [n, h / stride, w / stride, stride * stride * c]."""
    n, height, width, channels = images.shape
    split = images.reshape(n, height // stride, stride, width // stride, stride, channels)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(n, height // stride, width // stride, -1)


def _output_shape(images: Array, stride: int) -> tuple[int, int, int]:
    n, height, width, _ = images.shape
    return n, -(-height // stride), -(-width // stride)
