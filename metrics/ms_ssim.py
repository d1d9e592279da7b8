"""The multi-scale structural similarity of images, as a score of diversity: low where images differ from each other.

    MS-SSIM(x, y) = prod over scales 1..4 of cs^w  *  (l cs)^w at scale 5

with luminance l and contrast-structure cs from Gaussian windows of 11x11 pixels and sigma 1.5 that lie inside the
image, averaged over the image, negative averages taken as 0; 2x2 mean pooling between scales, where an odd side repeats
its last row or column; the product per channel, then the mean over channels. Wang, Simoncelli and Bovik 2003. Matches
TensorFlow's and compare_gan's; torchmetrics differs by up to 0.01. As a score of GANs: Odena et al. 2017,
https://arxiv.org/abs/1610.09585, and Fedus et al. 2018, https://arxiv.org/abs/1710.08446. Read it beside the value of
the real images, and only where these are alike, as faces are; it has no better direction of its own.

Five scales need sides of 161 pixels. `small_image_ms_ssim` is compare_gan's way with less: at each scale a window of
min(11, side) of the same sigma. Its numbers are those of that code and of no other, hence a name of its own.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2  # for a range of 1
SMALLEST_SIDE = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1


def ms_ssim(x: ArrayLike, y: ArrayLike) -> Floats:
    """Returns the similarity [n], in [0, 1], of each image in x with its partner in y, both [n, h, w, c] in [0, 1].

    Raises MetricError for images that are no such arrays, or of a side below 161 pixels.
    """
    x, y = _as_images(x), _as_images(y)
    if min(x.shape[1:3]) < SMALLEST_SIDE:
        raise MetricError(
            f"MS-SSIM needs images of at least {SMALLEST_SIDE} pixels a side, not {x.shape[1]}x{x.shape[2]}; "
            "small_image_ms_ssim takes less"
        )
    return small_image_ms_ssim(x, y)


def small_image_ms_ssim(x: ArrayLike, y: ArrayLike) -> Floats:
    """Returns the same for images of any size, with windows that shrink to the image.

    Equal to `ms_ssim` from 161 pixels a side on.

    Raises MetricError for images that are no such arrays.
    """
    x, y = _as_images(x), _as_images(y)
    if x.shape != y.shape:
        raise MetricError(f"images of shape {x.shape} have no partners in {y.shape}")
    product = np.ones((len(x), x.shape[-1]))
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            x, y = _halve(x), _halve(y)
        similarity, contrast = _ssim(x, y)
        factor = similarity if scale == len(WEIGHTS) - 1 else contrast
        product = product * np.maximum(factor, 0) ** weight
    return np.mean(product, axis=-1)


def mean_similarity(
    images: ArrayLike,
    *,
    batches: int = 5,
    size: int = 64,
    seed: int = 0,
    similarity: Callable[[ArrayLike, ArrayLike], Floats] = ms_ssim,
) -> float:
    """Returns the mean similarity of pairs of different images, in [0, 1]; 1 if all images [n, h, w, c] are equal.

    Averages over all pairs of a batch, then over the batches, each drawn without replacement; number and size of
    batches as in compare_gan.

    Raises MetricError for fewer images than a batch, a batch of one, or images that are no such arrays.
    """
    array = _as_images(images)
    if not 2 <= size <= len(array):
        raise MetricError(f"batches of {size} images cannot be drawn from {len(array)}")
    rng = np.random.default_rng(seed)
    return float(np.mean([_mean_of_pairs(array[_draw(rng, len(array), size)], similarity) for _ in range(batches)]))


def _draw(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    return rng.choice(count, size, replace=False)


def _mean_of_pairs(images: Floats, similarity: Callable[[ArrayLike, ArrayLike], Floats]) -> float:
    """Returns the mean over unordered pairs, as the similarity is symmetric; one image at a time bounds memory."""
    rows = [
        similarity(np.broadcast_to(image, rest.shape), rest)
        for image, rest in ((images[number], images[number + 1 :]) for number in range(len(images) - 1))
    ]
    return float(np.mean(np.concatenate(rows)))


def _as_images(images: ArrayLike) -> Floats:
    array = np.asarray(images, np.float64)
    if array.ndim != 4 or not array.size:
        raise MetricError(f"images must be [samples, height, width, channels], not of shape {array.shape}")
    if not (array.min() >= 0 and array.max() <= 1):
        raise MetricError(f"images must be in [0, 1], not from {array.min():g} to {array.max():g}")
    return array


def _halve(images: Floats) -> Floats:
    """Returns the means of 2x2 pixels; of an odd side the last row or column counts twice."""
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="symmetric")
    count, height, width, channels = padded.shape
    return padded.reshape(count, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def _ssim(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Returns the mean similarity and the mean contrast-structure, both [n, channels]."""
    mean_x, mean_y = _gaussian_means(x), _gaussian_means(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    contrast = (2 * (_gaussian_means(x * y) - product) + C2) / (_gaussian_means(x**2 + y**2) - squares + C2)
    luminance = (2 * product + C1) / (squares + C1)
    return (luminance * contrast).mean(axis=(1, 2)), contrast.mean(axis=(1, 2))


def _gaussian_means(images: Floats) -> Floats:
    """Returns Gaussian means over the windows that lie inside the image; the Gaussian is a product of one per axis."""
    height, width = images.shape[1:3]
    size = min(WINDOW, height, width)
    rows = np.tensordot(_windows(height, size), images, axes=(1, 1))  # [rows, n, width, channels]
    both = np.tensordot(_windows(width, size), rows, axes=(1, 2))  # [columns, rows, n, channels]
    return both.transpose(2, 1, 0, 3)


@cache
def _windows(side: int, size: int) -> Floats:
    """Returns a matrix [side - size + 1, side] whose row i holds the weights of the window that starts at pixel i."""
    offsets = np.arange(size) - (size - 1) / 2
    weights = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    matrix = np.zeros((side - size + 1, side))
    for start, row in enumerate(matrix):
        row[start : start + size] = weights / weights.sum()
    return matrix
