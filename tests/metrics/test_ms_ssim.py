import itertools

import numpy as np
import pytest
from scipy.signal import convolve2d

from ganscape.metrics import MetricError
from ganscape.metrics.ms_ssim import mean_similarity, ms_ssim, small_image_ms_ssim

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def gaussian(size):
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    kernel = np.exp(-(rows**2 + columns**2) / (2 * 1.5**2))
    return kernel / kernel.sum()


def by_convolution(x, y):
    """One pair [height, width, channels] in 0..255, literally after compare_gan's image_similarity."""
    values = []
    for channel in range(x.shape[-1]):
        a, b, value = x[..., channel], y[..., channel], 1.0
        for scale, weight in enumerate(WEIGHTS):
            if scale:
                a, b = halved(a), halved(b)
            ssim, contrast = at_one_scale(a, b)
            value *= max(ssim if scale == 4 else contrast, 0) ** weight
        values.append(value)
    return np.mean(values)


def at_one_scale(a, b):
    kernel = gaussian(min(11, *a.shape))

    def blur(image):
        return convolve2d(image, kernel, mode="valid")

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = blur(a), blur(b)
    contrast = (2 * (blur(a * b) - mean_a * mean_b) + c2) / (blur(a * a) - mean_a**2 + blur(b * b) - mean_b**2 + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * contrast).mean(), contrast.mean()


def halved(image):
    rows, columns = (np.minimum(np.arange(side + side % 2), side - 1) for side in image.shape)
    even = image[np.ix_(rows, columns)]
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


def images(seed, count, height, width, channels, smooth=4):
    """Blocks of one gray, noise on top."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((count, -(-height // smooth), -(-width // smooth), channels))
    fine = coarse.repeat(smooth, axis=1).repeat(smooth, axis=2)[:, :height, :width]
    return 0.9 * fine + 0.1 * rng.random(fine.shape)


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (17, 45, 2), (45, 17, 1), (8, 8, 1), (1, 5, 1)])
def test_small_images_agree_with_the_convolution(shape):
    x = images(0, 3, *shape)
    y = np.clip(x + np.random.default_rng(1).normal(size=x.shape) * 0.1, 0, 1)
    expected = [by_convolution(255 * a, 255 * b) for a, b in zip(x, y, strict=True)]
    assert min(expected) > 0
    np.testing.assert_allclose(small_image_ms_ssim(x, y), expected, rtol=1e-9)


@pytest.mark.parametrize("shape", [(161, 161, 1), (176, 163, 1)])
def test_large_images_agree_with_the_convolution(shape):
    x = images(2, 1, *shape)
    y = np.clip(x + np.random.default_rng(3).normal(size=x.shape) * 0.1, 0, 1)
    assert ms_ssim(x, y) == pytest.approx([by_convolution(255 * x[0], 255 * y[0])], rel=1e-9)


def test_identical_images_are_one_and_inverted_ones_zero():
    x = images(4, 3, 32, 32, 1, smooth=1)
    assert small_image_ms_ssim(x, x) == pytest.approx(np.ones(3), rel=1e-12)
    assert small_image_ms_ssim(x, 1 - x) == pytest.approx(np.zeros(3), abs=0)


def test_flat_images_differ_in_luminance_alone():
    a, b = np.full((1, 64, 64, 3), 0.2), np.full((1, 64, 64, 3), 0.6)
    expected = ((2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)) ** 0.1333
    assert small_image_ms_ssim(a, b) == pytest.approx([expected], rel=1e-9)


def test_the_three_flat_images_of_compare_gan_s_test():
    """Gray levels 1, 0.7 and 0 of 255: 0.989989 within 0.001."""
    flat = np.ones((3, 64, 64, 3)) * np.array([1, 0.7, 0])[:, None, None, None] / 255
    assert mean_similarity(flat, batches=1, size=3, similarity=small_image_ms_ssim) == pytest.approx(0.989989, abs=1e-3)


def test_each_channel_has_its_product_before_the_mean():
    x, y = images(5, 2, 32, 32, 3), images(6, 2, 32, 32, 3) * 0.3
    separate = [small_image_ms_ssim(x[..., [c]], y[..., [c]]) for c in range(3)]
    np.testing.assert_allclose(small_image_ms_ssim(x, y), np.mean(separate, axis=0), rtol=1e-12)
    np.testing.assert_allclose(small_image_ms_ssim(y, x), small_image_ms_ssim(x, y), rtol=1e-12)


def test_diversity_is_the_mean_over_pairs_of_different_images():
    x = images(7, 5, 16, 16, 1, smooth=2)
    pairs = [small_image_ms_ssim(x[[i]], x[[j]])[0] for i, j in itertools.permutations(range(5), 2)]
    found = mean_similarity(x, batches=3, size=5, similarity=small_image_ms_ssim)
    assert found == pytest.approx(np.mean(pairs), rel=1e-12)
    assert mean_similarity(x[:1].repeat(5, 0), batches=1, size=5, similarity=small_image_ms_ssim) == pytest.approx(1)


def test_batches_are_drawn_without_replacement_and_by_the_seed():
    x = np.ones((6, 8, 8, 1)) * np.array([0, 0.1, 0.2, 0.4, 0.7, 1])[:, None, None, None]
    pairs = {small_image_ms_ssim(x[[i]], x[[j]])[0] for i, j in itertools.combinations(range(6), 2)}

    def draw(seed):
        return mean_similarity(x, batches=1, size=2, seed=seed, similarity=small_image_ms_ssim)

    found = [draw(seed) for seed in range(30)]
    assert len(np.unique(np.round(found, 12))) > 5
    assert all(min(abs(value - each) for each in pairs) < 1e-12 for value in found)
    assert draw(3) == draw(3)


def test_what_has_no_similarity_is_refused():
    small, large = images(9, 2, 160, 200, 1), images(9, 2, 161, 200, 1)
    assert ms_ssim(large, large) == pytest.approx(np.ones(2))
    with pytest.raises(MetricError, match="at least 161 pixels a side, not 160x200"):
        ms_ssim(small, small)
    with pytest.raises(MetricError, match=r"in \[0, 1\], not from 0 to 255"):
        small_image_ms_ssim(np.array([[[[0.0], [255.0]]]]), np.zeros((1, 1, 2, 1)))
    with pytest.raises(MetricError, match="from nan"):
        small_image_ms_ssim(np.full((1, 8, 8, 1), np.nan), np.zeros((1, 8, 8, 1)))
    with pytest.raises(MetricError, match="no partners"):
        small_image_ms_ssim(small, small[:1])
    with pytest.raises(MetricError, match=r"not of shape \(8, 8\)"):
        small_image_ms_ssim(np.zeros((8, 8)), np.zeros((8, 8)))
    for size in (1, 3):
        with pytest.raises(MetricError, match=f"batches of {size} images cannot be drawn from 2"):
            mean_similarity(large, size=size)
