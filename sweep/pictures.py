"""Images as PNG files."""

import os
from pathlib import Path

import numpy as np

GAP, GREY = 1, 128


def save_grid(path: Path, images: np.ndarray, columns: int) -> None:
    """The images, uint8 [n, height, width, 1 or 3], as one PNG: rows of so many, a grey pixel between.

    Written under another name and renamed, so that the file is whole whenever it is there.
    """
    from PIL import Image

    count, height, width, channels = images.shape
    rows = -(-count // columns)
    tiles = np.full((rows * columns, height + GAP, width + GAP, channels), GREY, np.uint8)
    tiles[:count, :height, :width] = images
    grid = tiles.reshape(rows, columns, height + GAP, width + GAP, channels).swapaxes(1, 2)
    grid = grid.reshape(rows * (height + GAP), columns * (width + GAP), channels)[:-GAP, :-GAP]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    Image.fromarray(grid[:, :, 0] if channels == 1 else grid).save(temporary, "PNG")
    os.replace(temporary, path)
