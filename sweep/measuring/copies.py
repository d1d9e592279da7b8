"""Whether images are copies of a data set's train split, beside what its test split, unseen images, says of itself."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganscape.data import DataError, load
from ganscape.data.images import read_images
from ganscape.errors import check_name
from ganscape.metrics import FEATURES, MetricError, find_metric
from ganscape.metrics.defaults import default_metric
from ganscape.metrics.memorisation import DataCopying, authenticity, data_copying
from ganscape.sweep.measuring.evaluation import encode_images
from ganscape.sweep.measuring.reference_cache import reference_features

TRAIN_IMAGES = 10_000
COPYING = -3.0  # C_T below which images are called nearer to training images: one in 700 by chance


class Copies(NamedTuple):
    """Signs of copying. authentic: the share of the images that are, of_test: that of the test split."""

    encoder: str
    images: int
    train: int
    test: int
    authentic: float
    of_test: float
    copying: DataCopying

    @property
    def are_copies(self) -> bool:
        """Whether the images are nearer to training images than unseen ones are, beyond chance."""
        return self.copying.value < COPYING


def find_copies(
    path: str | Path,
    data: str,
    encoder: str | None = None,
    *,
    train: int = TRAIN_IMAGES,
    cells: int = 5,
    data_root: str | Path | None = None,
) -> Copies:
    """Returns the signs of copying of the images at a path.

    Args:
      path: a folder of pictures, an .npy or an .npz file, as `data.images.read_images` takes them.
      data: the data set, or the path of images, that the generator was trained on.
      encoder: one of `metrics.FEATURES`; by default that of the metric that a sweep on these data would take.
      train: how many training images are compared with, spread evenly over their order. With a part of them copies of
        the others are not seen.
      cells: of C_T.

    Raises:
      DataError, MetricError: one line each.
    """
    from ganscape.metrics.encoders import ENCODERS

    dataset = load(data, data_root)
    images = read_images(path)
    if images.shape[1:] != dataset.image_shape:
        found, expected = ("x".join(map(str, shape)) for shape in (images.shape[1:], dataset.image_shape))
        raise DataError(f"images of {found} at {path} cannot be compared with those of {expected} of {data}")
    if encoder is None:
        fewest = min(len(images), len(dataset.test))
        encoder = find_metric(default_metric(data, dataset.image_shape, fewest)).encoder
    check_name("encoder", encoder, FEATURES, MetricError)
    made = ENCODERS[encoder](dataset.image_shape)
    count = min(train, len(dataset.train))
    known = reference_features(made, np.asarray(dataset.train[np.arange(count) * len(dataset.train) // count]))
    unseen, features = reference_features(made, dataset.test), encode_images(made, images)
    return Copies(
        encoder,
        len(images),
        count,
        len(dataset.test),
        authenticity(known, features),
        authenticity(known, unseen),
        data_copying(known, unseen, features, cells),
    )
