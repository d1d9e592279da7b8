"""The command line of Ganscape with workers that train nothing: every trial gets a score at once.

    python benchmarks/idle_workers.py run STUDY --out OUT [--executor local|ray] ...

What such a sweep costs is the driver, the store and the transport of messages. The score of a trial is a hash of its
id, with pictures of 8x8.
"""

import contextlib
import pickle
import signal
import sys
import zlib
from collections.abc import Callable
from typing import Any


def answer_tasks(workload: Any, receive: Callable[[], Any], send: Callable[[Any], None]) -> None:
    """Takes tasks until it receives None, and reports one score of every trial, at the last rung."""
    import numpy as np

    from ganscape.sweep.messages import Baselines, BaselineTask, Free, Ready, Score

    grid, rung = np.zeros((96, 8, 8, 1), np.uint8), workload.rungs[-1]
    send(Ready("nothing"))
    while True:
        send(Free(frozenset()))
        task = receive()
        if task is None:
            return
        if isinstance(task, BaselineTask):
            send(Baselines(()))
            continue
        for trial in task.trials:
            send(Score(trial.id, 0, rung, rung, zlib.crc32(trial.id.encode()) / 2**32, 0.0, grid))


def answer_pipe(pipe: Any, cpus: Any) -> None:
    """Runs a local worker that answers at once: takes the place of `sweep.executors.processes._serve`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        _, workload = pipe.recv()
        answer_tasks(workload, pipe.recv, pipe.send)


def answer_session(config: dict, workload: Any, mailbox: Any) -> None:
    """Runs a worker's session on Ray that answers at once: takes the place of `ray_tune._serve_session`."""
    import ray
    from ray import tune

    from ganscape.sweep.messages import Score

    def send(message: Any) -> None:
        shown = {"report": type(message).__name__}
        if isinstance(message, Score):
            shown |= {f"{workload.metric}/{message.trial}": message.value, f"images/{message.trial}": message.images}
        tune.report({"message": pickle.dumps(message)} | shown)

    name = tune.get_context().get_trial_id()
    answer_tasks(workload, lambda: pickle.loads(ray.get(mailbox.take.remote(name))), send)


def main() -> None:
    from ganscape import __main__ as command_line

    if "ray" in sys.argv:
        from ganscape.sweep.executors import ray_tune

        ray_tune._serve_session = answer_session  # type: ignore[assignment]
    else:
        import idle_workers  # by this name the processes of workers find it

        from ganscape.sweep.executors import processes

        processes._serve = idle_workers.answer_pipe
    command_line.main()


if __name__ == "__main__":
    main()
