"""Images that stay in their file: arrays of a .npy file, mapped into memory and read where they are used."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ganscape.data.dataset import DataError

SHARED_BYTES = 2**20  # of images for which a file pays


class MappedImages(np.memmap):
    """The array of a .npy file, mapped into memory read-only.

    Pickled, it is the path of its file, so that every process of a machine maps the one file. Parts and copies of it
    are pickled by content, like any array.
    """

    file: Path | None = None

    def __array_finalize__(self, source: Any) -> None:
        super().__array_finalize__(source)
        self.file = None

    def __reduce_ex__(self, protocol: Any) -> Any:
        return np.asarray(self).__reduce_ex__(protocol) if self.file is None else (map_images, (self.file,))


def map_images(file: Path) -> MappedImages:
    """Returns the array of a .npy file without reading it.

    Raises DataError if there is no such file, or it is damaged.
    """
    try:
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # damage shows in a dozen types
        raise DataError(f"{file}: not an array that can be mapped ({error})") from error
    if not isinstance(mapped, np.memmap):
        raise DataError(f"{file}: an archive cannot be mapped; save the images as .npy")
    images = mapped.view(MappedImages)
    images.file = Path(file).absolute()
    return images


@contextmanager
def in_one_file(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the images mapped from a file that every process of this machine can map too while the block lasts.

    Pickled, they are the path of that file. It has no name: nothing is left of it, even if this process is killed.

    Yields few images, mapped ones, and any where there is no room for a file, as they are.
    """
    with ExitStack() as stack:
        if not isinstance(images, MappedImages) and images.nbytes >= SHARED_BYTES:
            with suppress(OSError, DataError):
                file = stack.enter_context(tempfile.TemporaryFile())
                np.save(file, images)
                file.flush()
                images = map_images(Path(f"/proc/{os.getpid()}/fd/{file.fileno()}"))
        yield images
