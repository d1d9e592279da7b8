"""Every study by name, and what selects on a data set."""

from ganscape.errors import check_name
from ganscape.search_spaces import equal, landscape, presets, r3gan, tricks
from ganscape.search_spaces.study import Study, StudyError


def find(name: str) -> Study:
    """The study called `name`; StudyError listing the choices otherwise."""
    check_name("study", name, STUDIES, StudyError)
    return STUDIES[name]


def metric(data: str) -> str:
    """Name of the metric that selects on data set `data`: its own classifier's features, else pixels."""
    return _METRICS.get(data, "fd_pixels")


_METRICS = {
    "digits":  "fd_digits",
    "mnist":   "fd_mnist",
    "mnist5k": "fd_mnist",
    "mnist16": "fd_mnist16",
    "mnist16_5k": "fd_mnist16",
}  # fmt: skip

STUDIES: dict[str, Study] = equal.STUDIES | landscape.STUDIES | presets.STUDIES | r3gan.STUDIES | tricks.STUDIES
