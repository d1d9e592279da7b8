"""Pictures of generated and real images in OUT/samples."""

import base64
from pathlib import Path


def rungs_with_grids(folder: Path, trial: str) -> list[int]:
    """Returns the rungs at which a picture of a trial's samples is stored, in order."""
    paths = (folder / "samples" / trial).glob("*.png")
    return sorted(int(path.stem) for path in paths if path.stem.isdecimal())


def all_grids(folder: Path) -> dict[str, list[int]]:
    """Returns those rungs of every trial that has a picture."""
    samples = folder / "samples"
    names = [path.name for path in samples.iterdir() if path.is_dir()] if samples.is_dir() else []
    return {trial: rungs for trial in names if (rungs := rungs_with_grids(folder, trial))}


def grid(folder: Path, trial: str, rung: int) -> tuple[Path, int] | None:
    """Returns the picture of a trial's samples at the rung, or at the nearest that has one, and which; None without."""
    rungs = rungs_with_grids(folder, trial)
    nearest = min(rungs, key=lambda stored: abs(stored - rung), default=None)
    return None if nearest is None else (folder / "samples" / trial / f"{nearest}.png", nearest)


def data_url(path: Path) -> str:
    """Returns the picture as text that a page can hold."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
