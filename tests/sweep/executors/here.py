"""An executor from outside: its one worker is the process of the driver."""

import contextlib

from threadpoolctl import threadpool_limits

import ganscape
from ganscape.sweep.executors.contract import RunningExecutor
from ganscape.sweep.executors.pool import WorkerPool
from ganscape.sweep.executors.worker import evaluator_of, run_tasks
from ganscape.sweep.messages import LogLine


@contextlib.contextmanager
def start(out, workers, resources, cluster):
    def run(backlog, workload):
        tasks, messages = [], []
        pool = WorkerPool(backlog, resources, lambda _, task: tasks.append(task))
        pool.start("1")

        def send(message):
            if not isinstance(message, LogLine):  # it is in the driver's log already
                messages.append(message)

        def receive():
            """The next task. What was sent is handled here, so that an error of the driver is none of a trial's."""
            while messages:
                pool.on_message("1", messages.pop(0))
            return tasks.pop()

        with threadpool_limits(1):
            run_tasks(workload, evaluator_of(workload), receive, send, set())

    yield RunningExecutor(1, run)


ganscape.register(executors={"here": start})
