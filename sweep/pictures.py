"""Images as PNG files."""

from pathlib import Path

import numpy as np

from ganscape.files import replacing

GAP, GREY = 1, 128


def save_grid(path: Path, images: np.ndarray, columns: int) -> None:
    """Writes images, uint8 [n, height, width, 1 or 3], to one PNG file: `columns` in a row, a grey pixel between."""
    from PIL import Image

    count, height, width, channels = images.shape
    rows = -(-count // columns)
    tiles = np.full((rows * columns, height + GAP, width + GAP, channels), GREY, np.uint8)
    tiles[:count, :height, :width] = images
    grid = tiles.reshape(rows, columns, height + GAP, width + GAP, channels).swapaxes(1, 2)
    grid = grid.reshape(rows * (height + GAP), columns * (width + GAP), channels)[:-GAP, :-GAP]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        Image.fromarray(grid[:, :, 0] if channels == 1 else grid).save(file, "PNG")
