"""Pictures in Parquet files as on the Hugging Face hub: a column of encoded bytes, perhaps one of labels."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ganscape.data.dataset import DataError
from ganscape.data.pictures import open_picture

if TYPE_CHECKING:
    from pyarrow import Schema
    from pyarrow.parquet import ParquetFile

COLUMNS = ("img", "image")
LABELS = ("label", "labels", "class", "fine_label")
BATCH = 64  # pictures read from a file at once


class EncodedPictures(NamedTuple):
    """Encoded pictures in Parquet files. read: yields, for each in order, what messages call it, and its bytes; raises
    DataError."""

    count: int  # type: ignore[assignment]  # hides tuple.count
    read: Callable[[], Iterator[tuple[str, bytes]]]


def encoded_pictures(files: Sequence[Path]) -> EncodedPictures:
    """Returns the pictures in the only column of pictures of each file, whatever its name, or in `img` or `image`.

    A few are in memory at a time. Raises DataError for a file that is not such a table.
    """
    tables = [(file, _open(file)) for file in files]
    columns = [picture_column(table.schema_arrow, file) for file, table in tables]

    def read() -> Iterator[tuple[str, bytes]]:
        for (file, table), column in zip(tables, columns, strict=True):
            for number, picture in enumerate(_column(file, table, column)):
                content = picture.get("bytes") if isinstance(picture, dict) else picture
                if not content:
                    raise DataError(f"{file}: picture {number} of column {column} has no bytes")
                yield f"{file}: picture {number}", content

    return EncodedPictures(sum(table.metadata.num_rows for _, table in tables), read)


def label_column(schema: "Schema") -> str | None:
    """Returns the column of classes: one that is called as in LABELS, else the only one of whole numbers, else None."""
    from pyarrow import types

    named = [name for name in LABELS if name in schema.names]
    whole = [field.name for field in schema if types.is_integer(field.type)]
    return next(iter(named or (whole if len(whole) == 1 else [])), None)


def read_classes(files: Sequence[Path]) -> np.ndarray | None:
    """Returns the classes of the pictures in these files, int64 [n], counted in the order of their values, numbers or
    text. None unless every file has a column of them, and every class has two pictures at least: others are numbers of
    pictures, or names.
    """
    values: list = []
    for file in files:
        table = _open(file)
        column = label_column(table.schema_arrow)
        if column is None:
            return None
        values += _column(file, table, column)
    if any(value is None or isinstance(value, list | dict) for value in values):
        return None
    _, labels, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return labels.astype(np.int64) if len(counts) and counts.min() >= 2 else None


def picture_column(schema: "Schema", file: Path) -> str:
    """Returns the column of encoded pictures: one of bytes, or of structures with `bytes`. Raises DataError if there is
    none, or which it is of several is not told by the names in COLUMNS."""
    from pyarrow import types

    def is_bytes(kind) -> bool:
        return types.is_binary(kind) or types.is_large_binary(kind)

    def has_bytes(kind) -> bool:
        return types.is_struct(kind) and kind.get_field_index("bytes") >= 0 and is_bytes(kind.field("bytes").type)

    found = [field.name for field in schema if is_bytes(field.type) or has_bytes(field.type)]
    usual = [name for name in found if name in COLUMNS]
    if len(found) == 1 or usual:
        return (usual or found)[0]
    raise DataError(f"{file}: columns {', '.join(schema.names)}; {len(found)} of them hold pictures, expected one")


def _open(file: Path) -> "ParquetFile":
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(file)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise DataError(f"{file}: not a Parquet file that can be read ({error})") from error


def _column(file: Path, table: "ParquetFile", column: str) -> Iterator:
    import pyarrow

    try:
        for batch in table.iter_batches(batch_size=BATCH, columns=[column]):
            yield from batch.column(0).to_pylist()
    except (OSError, ValueError, OverflowError, pyarrow.ArrowException) as error:
        raise DataError(f"{file}: not a Parquet file that can be read ({error})") from error


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
    try:
        with open_picture(io.BytesIO(content)) as picture:
            if formats is not None and picture.format not in formats:
                lossless = ", ".join(sorted(formats))
                raise DataError(f"{name} is {picture.format}, which changes pixels; one of: {lossless}")
            array = np.asarray(picture.convert("L" if image_shape[2] == 1 else "RGB"))
    except DataError:
        raise
    except Exception as error:  # each format of Pillow shows damage in types of its own
        raise DataError(f"{name} cannot be read ({error})") from error
    array = array.reshape(*array.shape[:2], -1)
    if array.shape != image_shape:
        raise DataError(f"{name} is {'x'.join(map(str, array.shape))}, expected {'x'.join(map(str, image_shape))}")
    return array
