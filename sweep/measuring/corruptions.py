"""Images with a known fault, such as a generator may have: what a metric should see.

Each takes real images, uint8 [n, height, width, channels], and a source of random numbers, and returns as many images,
uint8 or float32 in [0, 1].
"""

from collections.abc import Callable

import numpy as np

from ganscape.data import Dataset
from ganscape.sweep.measuring.baselines import MOMENTS_IMAGES, gaussian_images

Corruption = Callable[[np.ndarray, np.random.Generator], np.ndarray]
REPEATS = 10  # of each image where few are repeated
NOISE = 0.1  # standard deviation of noise on pixels in [0, 1]
BLUR = 1.0  # standard deviation of the Gaussian that blurs, in pixels


def gaussian_noise(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns Gaussian noise with the mean and covariance of the images' pixels: no content at all."""
    return gaussian_images(images[:MOMENTS_IMAGES], len(images), rng)


def blurred(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the images smoothed by a Gaussian of one pixel, as from a VAE."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(_floats(images), (0, BLUR, BLUR, 0))


def noisy(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the images with independent noise of deviation 0.1 on every pixel."""
    noise = rng.normal(0, NOISE, images.shape).astype(np.float32)
    return np.clip(_floats(images) + noise, 0, 1)


def quarters_swapped(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the images with opposite quarters exchanged: every texture is right, and no whole."""
    return np.roll(images, (images.shape[1] // 2, images.shape[2] // 2), axis=(1, 2))


def few_repeated(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns a tenth of the images, each ten times: a generator that has collapsed to a few good images."""
    return np.resize(images[: -(-len(images) // REPEATS)], images.shape)


CORRUPTIONS: dict[str, Corruption] = {
    "noise of equal moments": gaussian_noise,
    "blurred": blurred,
    "noisy": noisy,
    "quarters swapped": quarters_swapped,
    "a tenth, repeated": few_repeated,
}


def half_the_classes(dataset: Dataset) -> np.ndarray:
    """Returns the indices of the train images of the first half of the classes; empty without classes."""
    if dataset.train_labels is None or dataset.classes is None:
        return np.empty(0, int)
    return np.flatnonzero(dataset.train_labels < dataset.classes // 2)


def one_of_each_class(dataset: Dataset, seed: int) -> np.ndarray:
    """Returns the index of one train image of each class, drawn with this seed; empty without classes."""
    if dataset.train_labels is None or dataset.classes is None:
        return np.empty(0, int)
    rng = np.random.default_rng(seed)
    return np.array([rng.choice(np.flatnonzero(dataset.train_labels == name)) for name in range(dataset.classes)])


def _floats(images: np.ndarray) -> np.ndarray:
    return images / np.float32(255)
