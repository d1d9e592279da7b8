"""The interface of executors: a RunningExecutor, once the resources of its workers are there."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ganscape.sweep.backlog import Backlog
    from ganscape.sweep.messages import Workload


class RunningExecutor(NamedTuple):
    """An executor that is ready.

    workers: how many processes it will use.
    run: called with a backlog and its workload; trains cohorts on the workers until the backlog is done.
    """

    workers: int
    run: Callable[["Backlog", "Workload"], None]
