"""Pictures in Parquet files as on the Hugging Face hub: a column of encoded bytes, a column of labels."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganscape.data.dataset import DataError

COLUMNS = ("img", "image")


def read_pictures(
    files: Sequence[Path], image_shape: tuple[int, int, int], formats: set[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images, uint8 [n, height, width, channels], and labels, int64 [n], of all files in their order.

    Each file has a column `img` or `image` of structures with the encoded picture in `bytes`, and a column `label`.

    Args:
      image_shape: the expected shape of every image.
      formats: the Pillow formats that pictures may have; None for any.

    Raises:
      DataError: for a file that is not such a table, and a picture of another size or format or that cannot be read.
    """
    parts = [_read(file, image_shape, formats) for file in files]
    images, labels = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    return images, labels


def _read(file: Path, image_shape: tuple[int, int, int], formats: set[str] | None) -> tuple[np.ndarray, np.ndarray]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(file)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{file}: not a Parquet file that can be read ({error})") from error
    column = next((name for name in COLUMNS if name in table.column_names), None)
    if column is None or "label" not in table.column_names:
        has, needs = ", ".join(table.column_names), ", ".join(COLUMNS)
        raise DataError(f"{file}: columns {has}; needs label and one of: {needs}")
    labels = table.column("label").to_pylist()
    if wrong := [label for label in labels if type(label) is not int or label < 0]:
        found = f"{len(wrong)} of {len(labels)} labels are no class, as {wrong[0]!r}"
        raise DataError(f"{file}: {found}; needs 0, 1, 2, ...")
    pictures = table.column(column).to_pylist()
    images = np.empty((len(pictures), *image_shape), np.uint8)
    for number, picture in enumerate(pictures):
        content = picture.get("bytes") if isinstance(picture, dict) else None
        if content is None:
            raise DataError(f"{file}: picture {number} has no `bytes`")
        images[number] = _decode(content, f"{file}: picture {number}", image_shape, formats)
    return images, np.asarray(labels, np.int64)


def _decode(content: bytes, name: str, image_shape: tuple[int, int, int], formats: set[str] | None) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            if formats is not None and picture.format not in formats:
                lossless = ", ".join(sorted(formats))
                raise DataError(f"{name} is {picture.format}, which changes pixels; one of: {lossless}")
            array = np.asarray(picture.convert("L" if image_shape[2] == 1 else "RGB"))
    except (OSError, SyntaxError) as error:
        raise DataError(f"{name} cannot be read ({error})") from error
    array = array.reshape(*array.shape[:2], -1)
    if array.shape != image_shape:
        raise DataError(f"{name} is {'x'.join(map(str, array.shape))}, expected {'x'.join(map(str, image_shape))}")
    return array
