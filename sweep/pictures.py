"""Images as PNG files."""

from pathlib import Path

import numpy as np

from ganscape.files import replacing
from ganscape.sweep.measuring.evaluation import GRID, WALK
from ganscape.sweep.messages import Score

GAP, GREY = 1, 128
PICTURED = 10_000


def are_kept(trials: int, value: float, lowest: float) -> bool:
    """Returns whether the pictures of a score are kept: of every score in a sweep of at most PICTURED trials, in a
    larger one of those that are lower than every earlier score of their method, `lowest`."""
    return trials <= PICTURED or value < lowest


def describe_rule(trials: int) -> str:
    """Returns in words of which scores a sweep of so many trials keeps pictures."""
    if trials <= PICTURED:
        return "of every score"
    return f"of scores lower than every earlier one of their method, in a sweep of more than {PICTURED:,} trials"


def save_samples(folder: Path, score: Score) -> None:
    """Writes the pictures of a scored generator into folder/samples/TRIAL: RUNG.png of samples, RUNG_walks.png of
    interpolations between two latents."""
    samples = folder / "samples" / score.trial
    samples.parent.mkdir(exist_ok=True)  # without parents: an output folder that was removed is not made again
    save_grid(samples / f"{score.rung}.png", score.grid[:GRID], WALK)
    save_grid(samples / f"{score.rung}_walks.png", score.grid[GRID:], WALK)


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
    with replacing(path, durable=False) as file:  # two for each score, and nothing is computed from them
        Image.fromarray(grid[:, :, 0] if channels == 1 else grid).save(file, "PNG")
