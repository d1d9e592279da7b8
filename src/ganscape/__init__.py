"""Ganscape finds out which GAN is best at the compute you have, and how sure that is.

Everything is imported under this one name: `from ganscape.data import load`, `from ganscape.models import Config`.
"""

from pathlib import Path

__all__ = ["__version__"]
__version__ = "0.1.0"

# In a checkout the packages are links to the top-level folders; some tools that unpack archives write a link as a file.
if not (Path(__file__).parent / "sweep").is_dir():
    raise ImportError(
        f"{Path(__file__).parent} has lost its links to the folders beside src (an archive unpacked without them?); "
        "clone with git, or install the wheel"
    )
