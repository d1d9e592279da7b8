"""A worker's side of an executor: the loop that does its tasks."""

import contextlib
import logging
from collections.abc import Callable
from multiprocessing import connection
from typing import TYPE_CHECKING

from ganscape.environment import pin_jax
from ganscape.sweep.log import log_to, show_warnings_as_lines
from ganscape.sweep.messages import Baselines, BaselineTask, Free, FromWorker, Ready, Task, Workload
from ganscape.sweep.plugins import import_in_worker

if TYPE_CHECKING:
    from ganscape.sweep.measuring.evaluation import Evaluator

logger = logging.getLogger(__name__)
# What a process may grow by, in resident memory, before it forgets its programs: about 16 structures of 125 MB.
PROGRAM_BYTES = 2**31


def serve_pipe(pipe: connection.Connection) -> None:
    """Runs a local worker process: receives a workload with the folder of compiled programs, then tasks, until the pipe
    closes. What training needs is imported before."""
    import jax

    from ganscape.sweep import trial  # noqa: F401 - imported while the driver may still make its plan
    from ganscape.sweep.measuring import baselines, reference_cache  # noqa: F401

    show_warnings_as_lines()
    with contextlib.suppress(EOFError, OSError):
        cache, workload = pipe.recv()
        jax.config.update("jax_compilation_cache_dir", cache)
        if not import_plugins_or_refuse(workload, pipe.send):
            pipe.recv()  # until the driver ends this process
            return
        run_tasks(workload, evaluator_of(workload), pipe.recv, pipe.send, set())


def import_plugins_or_refuse(workload: Workload, send: Callable[[FromWorker], None]) -> bool:
    """Imports the sweep's modules from outside; tells the driver if that fails. Returns whether the worker can work."""
    refusal = import_in_worker(workload.plugins)
    if refusal:
        send(Ready("", refusal=refusal))
    return not refusal


def run_tasks(
    workload: Workload,
    evaluator: "Evaluator",
    receive: Callable[[], Task | None],
    send: Callable[[FromWorker], None],
    warm: set[str],
) -> None:
    """Asks for tasks and does them until it receives None.

    Args:
      receive: waits for the next cohort to train, or a request for baselines. send: carries a message to the driver.
      warm: the structures that this process has compiled; grows, until their programs take more than PROGRAM_BYTES:
        then all are forgotten, and read from the compilation cache if they are needed again.
    """
    from ganscape.sweep import programs
    from ganscape.sweep.trial import train

    begun = programs.resident_bytes()
    pin_jax()  # a script's own imports may have loaded JAX in this process, and set its options
    with log_to(send):
        send(ready())
        while True:
            send(Free(frozenset(warm)))
            task = receive()
            if task is None:
                return
            if isinstance(task, BaselineTask):
                _measure_baselines(task, workload, evaluator, send)
            else:
                structure = task.trials[0].structure
                if structure not in warm and programs.resident_bytes() > begun + PROGRAM_BYTES:
                    logger.info("%d structures forgotten: their programs took too much memory", len(warm))
                    programs.forget_programs()
                    warm.clear()
                warm.add(structure)
                train(task, workload, evaluator, send)


def _measure_baselines(
    task: BaselineTask, workload: Workload, evaluator: "Evaluator", send: Callable[[FromWorker], None]
) -> None:
    """Sends all baselines together. A sweep goes on without them if they cannot be had: the log then says why."""
    from ganscape.sweep.measuring.baselines import measure

    try:
        send(Baselines(tuple(measure(task.trials, workload, evaluator))))
    except Exception as error:
        logger.warning("no baselines: %s", " ".join(f"{type(error).__name__} {error}".split()))


def evaluator_of(workload: Workload) -> "Evaluator":
    """Returns the evaluator of a workload; features of its reference images are read from a cache if they are there."""
    from ganscape.sweep.measuring.evaluation import evaluator
    from ganscape.sweep.measuring.reference_cache import reference_features

    return evaluator(workload.metric, workload.dataset.test, workload.samples, reference_features, workload.further)


def ready() -> Ready:
    """Returns the message of a worker that has started: its devices, and whether it computes."""
    import jax

    from ganscape.sweep.proof import fault

    kinds = sorted({f"{device.platform}: {device.device_kind}" for device in jax.local_devices()})
    return Ready(f"{jax.local_device_count()} x {', '.join(kinds)}", fault())
