"""Ganscape finds out which GAN is best at the compute you have, and how sure that is.

    results = ganscape.run("equal/wide", out="runs/first", scale="smoke")
    images = ganscape.sample(results, 64)

Everything is imported under this one name; `ganscape.run`, `ganscape.Study` and the others below are the public API,
described in docs/api.md, and the parts are packages: `from ganscape.models import Config`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from ganscape.lazy import import_when_used

if TYPE_CHECKING:
    from ganscape.data import DATASETS, Dataset, Source
    from ganscape.errors import UserError
    from ganscape.metrics import METRICS
    from ganscape.metrics.encoders import ENCODERS
    from ganscape.models import FAMILIES, Config
    from ganscape.models.architectures import ARCHITECTURES
    from ganscape.models.generator_file import load_generator, save_generator
    from ganscape.models.losses import LOSSES
    from ganscape.models.penalties import PENALTIES
    from ganscape.results import Results, load, recorded
    from ganscape.search_spaces import (
        STUDIES,
        Choice,
        Fixed,
        Integer,
        LogUniform,
        Partly,
        Phase,
        Scale,
        Space,
        Study,
        Uniform,
        Unless,
        When,
    )
    from ganscape.sweep.api import resume, run, sample, score
    from ganscape.sweep.executors import EXECUTORS
    from ganscape.sweep.plan import plan
    from ganscape.sweep.registration import register
    from ganscape.sweep.resources import Cluster, Resources
    from ganscape.sweep.schedulers import SCHEDULERS
    from ganscape.sweep.searchers import SEARCHERS

__all__ = [
    "ARCHITECTURES",
    "DATASETS",
    "ENCODERS",
    "EXECUTORS",
    "FAMILIES",
    "LOSSES",
    "METRICS",
    "PENALTIES",
    "SCHEDULERS",
    "SEARCHERS",
    "STUDIES",
    "Choice",
    "Cluster",
    "Config",
    "Dataset",
    "Fixed",
    "Integer",
    "LogUniform",
    "Partly",
    "Phase",
    "Resources",
    "Results",
    "Scale",
    "Source",
    "Space",
    "Study",
    "Uniform",
    "Unless",
    "UserError",
    "When",
    "__version__",
    "load",
    "load_generator",
    "plan",
    "recorded",
    "register",
    "resume",
    "run",
    "sample",
    "save_generator",
    "score",
]
__version__ = "0.1.0"

# What the public API has, by the module that defines it.
_HOMES = {
    "data": ("DATASETS", "Dataset", "Source"),
    "errors": ("UserError",),
    "metrics": ("METRICS",),
    "metrics.encoders": ("ENCODERS",),
    "models": ("FAMILIES", "Config"),
    "models.architectures": ("ARCHITECTURES",),
    "models.generator_file": ("load_generator", "save_generator"),
    "models.losses": ("LOSSES",),
    "models.penalties": ("PENALTIES",),
    "results": ("Results", "load", "recorded"),
    "search_spaces": (
        *("STUDIES", "Choice", "Fixed", "Integer", "LogUniform", "Partly", "Phase", "Scale", "Space", "Study"),
        *("Uniform", "Unless", "When"),
    ),
    "sweep.api": ("resume", "run", "sample", "score"),
    "sweep.executors": ("EXECUTORS",),
    "sweep.plan": ("plan",),
    "sweep.registration": ("register",),
    "sweep.resources": ("Cluster", "Resources"),
    "sweep.schedulers": ("SCHEDULERS",),
    "sweep.searchers": ("SEARCHERS",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

# In a checkout the packages are links to the top-level folders; some tools that unpack archives write a link as a file.
if not (Path(__file__).parent / "sweep").is_dir():
    raise ImportError(
        f"{Path(__file__).parent} has lost its links to the folders beside src (an archive unpacked without them?); "
        "clone with git, or install the wheel"
    )

# Imported when they are used: many need JAX, which takes a second, and the help of the command line needs none.
__getattr__, __dir__ = import_when_used(__name__, _HOME)
