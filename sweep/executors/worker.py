"""A worker's side of an executor: what it is told before JAX loads, and what it does with cohorts."""

import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing import connection

from ganscape.sweep.messages import Ready
from ganscape.sweep.resources import Resources

THREAD_FLAG = "--xla_cpu_multi_thread_eigen"


def environment(cache: str, resources: Resources) -> dict[str, str]:
    """Environment variables of a worker, to be set before JAX loads.

    One XLA and one BLAS thread: results then do not depend on the machine's cores, and as many
    workers as cores use all of them. Other flags of XLA are those of this process. A worker without
    accelerators does not look for any; one with a share of a GPU takes that share of its memory.
    Compiled programs are kept in the cache folder, or where JAX_COMPILATION_CACHE_DIR says.
    """
    others = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if not flag.startswith(THREAD_FLAG)]
    variables = {
        "XLA_FLAGS": " ".join([*others, f"{THREAD_FLAG}=false"]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
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


def live(pipe: connection.Connection, variables: dict[str, str]) -> None:
    """The life of a worker process: a workload, then cohorts in; messages out, None after each cohort.

    It ends when the pipe closes, and at once when its parent dies.
    """
    os.environ.update(variables)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        _serve(pipe)


def _serve(pipe: connection.Connection) -> None:
    from ganscape.sweep.trial import train

    workload = pipe.recv()
    evaluator = prepare(workload)
    pipe.send(ready())
    while True:
        train(pipe.recv(), workload, evaluator, pipe.send)
        pipe.send(None)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def prepare(workload):
    """The evaluator of a workload, made once per worker."""
    from ganscape.sweep.measuring.evaluation import evaluator
    from ganscape.sweep.measuring.reference_cache import reference_features

    return evaluator(workload.metric, workload.dataset.test, workload.samples, reference_features)


def ready() -> Ready:
    """What a worker says when it is ready."""
    import jax

    kinds = sorted({f"{device.platform}: {device.device_kind}" for device in jax.local_devices()})
    return Ready(f"{jax.local_device_count()} x {', '.join(kinds)}")
