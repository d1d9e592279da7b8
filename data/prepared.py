"""Data sets that are made once from the files that people hold, and from then on mapped into memory.

A prepared data set is a folder with one .npy file per part, uint8 [n, height, width, channels], and `prepared.json`,
which is written last: with it the folder is whole.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from ganscape.data.dataset import DataError
from ganscape.data.mapped import MappedImages, map_images
from ganscape.data.npy import write_rows
from ganscape.files import replacing

logger = logging.getLogger(__name__)


def load_prepared(
    folder: Path,
    counts: dict[str, int],
    image_shape: tuple[int, int, int],
    images_of: Callable[[str], Iterable[np.ndarray]],
) -> dict[str, MappedImages]:
    """Returns the parts of a prepared data set, which it prepares if the folder has none.

    Args:
      counts: part -> its number of images.
      images_of: part -> its images in order, uint8 of `image_shape`; called only to prepare.

    Raises:
      DataError: if what is in the folder are not these parts.
    """
    described = folder / "prepared.json"
    if not described.exists():
        folder.mkdir(parents=True, exist_ok=True)
        hashes = {part: _write(folder / f"{part}.npy", images_of(part), counts[part], image_shape) for part in counts}
        with replacing(described, "w") as stream:
            json.dump({"images": counts, "image_shape": image_shape, "sha256": hashes}, stream, indent=1)
    parts = {part: map_images(folder / f"{part}.npy") for part in counts}
    for part, images in parts.items():
        expected = (counts[part], *image_shape)
        if images.shape != expected or images.dtype != np.uint8:
            raise DataError(
                f"{images.file}: {images.dtype} of shape {images.shape}, expected uint8 of {expected}; delete {folder} "
                "to have it prepared again"
            )
    return parts


def _write(file: Path, images: Iterable[np.ndarray], count: int, image_shape: tuple[int, int, int]) -> str:
    """Writes the images to a .npy file, whole or not at all, and returns the sha256 of their bytes."""
    logger.info("preparing %s: %d images", file, count)
    digest = hashlib.sha256()

    def hashed() -> Iterator[np.ndarray]:
        for image in images:
            assert image.shape == image_shape and image.dtype == np.uint8
            digest.update(np.ascontiguousarray(image).data)
            yield image

    with replacing(file) as stream:
        written = write_rows(stream, count, image_shape, hashed())
        if written != count:
            raise DataError(f"{file.stem}: {written} images, expected {count}")
    return digest.hexdigest()
