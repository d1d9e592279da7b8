"""What an executor gives once its workers can be had."""

from collections.abc import Callable
from typing import Any, NamedTuple


class RunningExecutor(NamedTuple):
    """An executor that is ready: how many workers it has, and what makes them work."""

    workers: int
    run: Callable[[Any, Any], None]
