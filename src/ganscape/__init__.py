"""Ganscape finds out which GAN is best at the compute you have, and how sure that is.

Everything is imported under this one name: `from ganscape.data import load`, `from ganscape.models import Config`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganscape.models.generator_file import load_generator, save_generator

__all__ = ["__version__", "load_generator", "save_generator"]
__version__ = "0.1.0"

# In a checkout the packages are links to the top-level folders; some tools that unpack archives write a link as a file.
if not (Path(__file__).parent / "sweep").is_dir():
    raise ImportError(
        f"{Path(__file__).parent} has lost its links to the folders beside src (an archive unpacked without them?); "
        "clone with git, or install the wheel"
    )


def __getattr__(name: str):
    """Imports the functions of the public API when they are first used: they need JAX, the command line's help does
    not."""
    if name in ("load_generator", "save_generator"):
        from ganscape.models import generator_file

        return getattr(generator_file, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
