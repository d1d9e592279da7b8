"""Convolutions that are fast where they run: matrix products on the CPU, the backend's own elsewhere.

XLA's CPU convolutions are slow backwards, tens of times slower inside `lax.scan`
(https://github.com/jax-ml/jax/issues/12868), and slower still when `vmap` groups them. The same sums written as slices
and matrix products are not, and equal them to float32 rounding. Images are float32 [batch, height, width, channels],
kernels [height, width, in, out].
"""

import jax
import jax.numpy as jnp
from jax import Array, lax

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_FEW_CHANNELS = 16


def conv(images: Array, kernel: Array, stride: int) -> Array:
    """The SAME convolution of images [n, h, w, in]: [n, ceil(h / stride), ceil(w / stride), out].

    Equals `lax.conv_general_dilated(images, kernel, (stride, stride), "SAME")` in this layout.
    """
    if jax.default_backend() == "cpu":
        return conv_as_products(images, kernel, stride)
    return native_conv(images, kernel, stride)


def conv_transpose(images: Array, kernel: Array, stride: int) -> Array:
    """The SAME transposed convolution of images [n, h, w, in]: [n, h * stride, w * stride, out].

    Equals `lax.conv_transpose(images, kernel, (stride, stride), "SAME")` in this layout, and so
    `flax.linen.ConvTranspose`: the kernel is applied as it is to the images spread out by zeros.
    """
    if jax.default_backend() == "cpu":
        return conv_transpose_as_products(images, kernel, stride)
    return native_conv_transpose(images, kernel, stride)


def native_conv(images: Array, kernel: Array, stride: int) -> Array:
    """`conv` by the backend's own convolution."""
    return lax.conv_general_dilated(images, kernel, (stride, stride), "SAME", dimension_numbers=_LAYOUT)


def native_conv_transpose(images: Array, kernel: Array, stride: int) -> Array:
    """`conv_transpose` by the backend's own convolution."""
    return lax.conv_transpose(images, kernel, (stride, stride), "SAME", dimension_numbers=_LAYOUT)


def conv_as_products(images: Array, kernel: Array, stride: int) -> Array:
    """`conv` by matrix products: one of whole patches for few channels, else one per tap, which copies less."""
    if images.shape[-1] < _FEW_CHANNELS:
        return _product_of_patches(images, kernel, stride)
    n, height, width = _output_shape(images, stride)
    windows, taps = _windows_and_taps(images, kernel, stride)
    products = [window.reshape(-1, window.shape[-1]) @ tap for window, tap in zip(windows, taps, strict=True)]
    return sum(products[1:], products[0]).reshape(n, height, width, -1)


def conv_transpose_as_products(images: Array, kernel: Array, stride: int) -> Array:
    """`conv_transpose` by one matrix product, whose patches are added where they overlap.

    It is the transpose of the linear map `conv` of the mirrored kernel with inputs and outputs exchanged.
    """
    n, height, width, _ = images.shape
    mirrored = kernel[::-1, ::-1].swapaxes(2, 3)
    shape = jax.ShapeDtypeStruct((n, height * stride, width * stride, kernel.shape[3]), images.dtype)
    (transposed,) = jax.linear_transpose(lambda x: _product_of_patches(x, mirrored, stride), shape)(images)
    return transposed


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
    blocks = _blocks(_padded(images, kernel, stride), stride)
    missing = [(0, -extent % stride) for extent in kernel.shape[:2]]
    taps = _blocks(jnp.pad(kernel, (*missing, (0, 0), (0, 0))).transpose(3, 0, 1, 2), stride).transpose(1, 2, 3, 0)
    rows, columns, *channels = taps.shape
    windows = [blocks[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)]
    return windows, taps.reshape(rows * columns, *channels)


def _padded(images: Array, kernel: Array, stride: int) -> Array:
    """The images with SAME padding, and as many zeros more at the end as the last tap's block needs."""
    around = []
    for size, extent in zip(images.shape[1:3], kernel.shape[:2], strict=True):
        last = (-(-size // stride) - 1) * stride
        before = max(last + extent - size, 0) // 2
        around.append((before, last + extent + -extent % stride - before - size, 0))
    return lax.pad(images, jnp.zeros((), images.dtype), [(0, 0, 0), *around, (0, 0, 0)])


def _blocks(images: Array, stride: int) -> Array:
    """[n, h, w, c] -> [n, h / stride, w / stride, stride * stride * c]."""
    n, height, width, channels = images.shape
    split = images.reshape(n, height // stride, stride, width // stride, stride, channels)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(n, height // stride, width // stride, -1)


def _output_shape(images: Array, stride: int) -> tuple[int, int, int]:
    n, height, width, _ = images.shape
    return n, -(-height // stride), -(-width // stride)
