import numpy as np
import pytest
from PIL import Image

from ganscape.metrics.encoders.resizing import antialiased_bicubic, bicubic_matrix, half_pixel_bilinear, tf1_bilinear

SIZES = [((8, 8), 21), ((28, 28), 40), ((5, 9), 7), ((40, 33), 21), ((1, 3), 4), ((13, 13), 13)]


def images(size, channels=2, seed=0):
    return np.random.default_rng(seed).random((2, *size, channels), dtype=np.float32) * 255


def tf1_by_loops(image, size):
    """The kernel of TensorFlow 1's ResizeBilinear for one image, pixel by pixel."""
    height, width, channels = image.shape
    made = np.empty((size, size, channels), np.float32)
    rows, columns = np.float32(height) / np.float32(size), np.float32(width) / np.float32(size)
    for y in range(size):
        for x in range(size):
            in_y, in_x = np.float32(y) * rows, np.float32(x) * columns
            top, left = int(in_y), int(in_x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            part_y, part_x = in_y - np.float32(top), in_x - np.float32(left)
            upper = image[top, left] + (image[top, right] - image[top, left]) * part_x
            lower = image[bottom, left] + (image[bottom, right] - image[bottom, left]) * part_x
            made[y, x] = upper + (lower - upper) * part_y
    return made


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_tf1_is_tensorflow_s_loop(old, new):
    given = images(old)
    expected = np.stack([tf1_by_loops(image, new) for image in given])
    np.testing.assert_allclose(tf1_bilinear(given, new), expected, rtol=0, atol=4e-5)


def test_tf1_doubles_by_the_left_pixel_and_the_mean_and_repeats_the_last():
    row = np.array([10, 20, 40], np.float32).reshape(1, 1, 3, 1)
    assert np.asarray(tf1_bilinear(row, 6))[0, 0, :, 0].tolist() == [10, 15, 20, 30, 40, 40]
    assert np.asarray(half_pixel_bilinear(row, 6))[0, 0, :, 0].tolist() == [10, 12.5, 17.5, 25, 35, 40]


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_half_pixel_is_pytorch_s_interpolate(old, new):
    torch = pytest.importorskip("torch")
    given = images(old)
    there = torch.from_numpy(given.transpose(0, 3, 1, 2).copy())
    made = torch.nn.functional.interpolate(there, size=(new, new), mode="bilinear", align_corners=False)
    expected = made.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(half_pixel_bilinear(given, new), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_bicubic_is_pillow_s_of_floats(old, new):
    given = images(old)
    bicubic = Image.Resampling.BICUBIC
    expected = [
        [np.asarray(Image.fromarray(channel).resize((new, new), bicubic)) for channel in np.rollaxis(image, 2)]
        for image in given
    ]
    expected = np.array(expected).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(antialiased_bicubic(given, new), expected, rtol=0, atol=1e-3)


def test_bicubic_overshoots_at_edges_and_keeps_a_constant():
    assert bicubic_matrix(9, 31).min() < -0.05
    np.testing.assert_allclose(bicubic_matrix(50, 7).sum(axis=1), 1, atol=1e-6)
