"""A worker's side of an executor: its environment before JAX loads, and the loop that trains cohorts."""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import connection
from typing import TYPE_CHECKING

from ganscape.environment import ONE_THREAD, pin_jax
from ganscape.sweep.log import log_to, show_warnings_as_lines
from ganscape.sweep.messages import Baselines, BaselineTask, Free, FromWorker, Ready, Task, Workload
from ganscape.sweep.plugins import import_in_worker
from ganscape.sweep.resources import Resources

if TYPE_CHECKING:
    from ganscape.sweep.measuring.evaluation import Evaluator

logger = logging.getLogger(__name__)
# What a process may grow by, in resident memory, before it forgets its programs: about 16 structures of 125 MB.
PROGRAM_BYTES = 2**31
THREAD_FLAG = "--xla_cpu_multi_thread_eigen"


def worker_environment(cache: str, resources: Resources) -> dict[str, str]:
    """Returns the environment variables of a worker, which are added to a cleaned environment; see
    `ganscape.environment`.

    One XLA and one BLAS thread: results then do not depend on the machine's cores, and as many
    workers as cores use all of them. Other flags of XLA are those of this process. A worker without
    accelerators does not look for any; one with a share of a GPU takes that share of its memory.
    Compiled programs are kept in the cache folder, or where JAX_COMPILATION_CACHE_DIR says.
    """
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if not flag.startswith(THREAD_FLAG)]
    variables = {
        "XLA_FLAGS": " ".join([*flags, f"{THREAD_FLAG}=false"]),
        **ONE_THREAD,
        "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAX_COMPILATION_CACHE_DIR") or cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    if weights := os.environ.get("GANSCAPE_WEIGHTS"):
        variables["GANSCAPE_WEIGHTS"] = weights
    if not resources.gpus and not resources.tpus:
        variables["JAX_PLATFORMS"] = "cpu"
    if 0 < resources.gpus < 1:
        variables["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{0.9 * resources.gpus:.3f}"
    return variables


def serve_pipe(pipe: connection.Connection) -> None:
    """Runs a local worker process: receives a workload, then cohorts, until the pipe closes.

    The process ends at once when its parent dies.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    show_warnings_as_lines()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        workload = pipe.recv()
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


def _die_with_parent() -> None:
    """Waits for the end of the parent process, then exits: `daemon=True` does not cover a parent that is killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


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
