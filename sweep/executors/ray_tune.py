"""Ray Tune as an executor, the only file that imports ray: a Tune trial is a worker's shift.

Tune is asked for placement, processes and transport, and for nothing that must last: its state is
written to a folder that is deleted at the end, what a lost worker was doing comes back to the backlog, and a
resumed study is a new Tuner against the same store. Tune keeps tens of KiB of every trial as long as it runs, and Ray
every report of a trial as long as that lasts: so a Tune trial is a shift of many cohorts, but ends.
"""

import contextlib
import functools
import importlib
import logging
import math
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ganscape.sweep.backlog import Backlog
from ganscape.sweep.executors.contract import RunningExecutor
from ganscape.sweep.executors.mailbox import Mailbox
from ganscape.sweep.executors.pool import WorkerPool
from ganscape.sweep.executors.worker import environment, prepare, ready
from ganscape.sweep.messages import Cohort, Free, Workload
from ganscape.sweep.resources import Cluster, ExecutorError, Resources, cores, default_workers

SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
KNOCK_SECONDS, ANSWER_SECONDS = 5.0, 60.0
MAX_WAITING = 10_000
SHIFT_BYTES, REPORT_BYTES = 2**20, 2**11
_evaluators: dict = {}
_warm: set[str] = set()


@contextlib.contextmanager
def opened(out: Path, workers: int | None, resources: Resources, cluster: Cluster) -> Iterator[RunningExecutor]:
    """Runs a backlog on workers that are trials of one Tuner.

    On the cluster of that address, or that RAY_ADDRESS names, else on one of its own that ends with it. Where the
    cluster runs already, there are as many workers as fit, `workers` at most.

    Raises:
      ExecutorError: for an address where no cluster answers, a callback that cannot be had, or if no node of the
        cluster has what one worker needs.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if ray.is_initialized():
        raise ExecutorError("Ray is already initialised in this process; call ray.shutdown() first")
    callbacks = [_callback(name) for name in cluster.callbacks]
    state = out.absolute() / "tune"
    variables = environment(str(out.absolute() / "xla-cache"), resources)
    address = cluster.address or os.environ.get("RAY_ADDRESS")
    try:
        if address:
            _join(address, variables)
            workers = min(_capacity(resources), workers or sys.maxsize)
        else:
            workers = workers or default_workers(resources)
            _start(workers, resources, variables)
            _capacity(resources)
        run = functools.partial(_run, state=state, workers=workers, resources=resources, callbacks=callbacks)
        yield RunningExecutor(workers, run)
    finally:
        ray.shutdown()
        if not callbacks:
            shutil.rmtree(state, ignore_errors=True)


def _run(
    backlog: Backlog,
    workload: Workload,
    *,
    state: Path,
    workers: int,
    resources: Resources,
    callbacks: list[tune.Callback],
) -> None:
    post = _post()

    def give(worker: str, cohort: Cohort | None) -> None:
        post.put.remote(worker, pickle.dumps(cohort))

    hiring = CohortSearcher(WorkerPool(backlog, resources, give, SHIFT_BYTES), lambda: _ask_after(post))
    trainable = tune.with_resources(tune.with_parameters(_serve, workload=workload, post=post), resources.named())
    tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=hiring, num_samples=-1, max_concurrent_trials=workers, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            name="workers",
            storage_path=str(state),
            verbose=0,
            callbacks=[CommitScores(hiring), *callbacks, DropResultKeys()],
            stop=StopWhenDone(hiring),
        ),
    ).fit()
    if hiring.error is not None:
        raise hiring.error
    if not backlog.done():
        raise ExecutorError("Ray Tune ended before the study did; the same command continues")


class CohortSearcher(Searcher):
    """Tune's view of a crew: workers to launch, None for later, FINISHED at the end.

    An exception of the backlog (a full disk, say) is kept in `error` and ends the Tuner: raised
    inside Tune's callbacks it would be taken for a trial's failure.
    """

    def __init__(self, crew: WorkerPool, check: Callable[[], None]):
        super().__init__()
        self.crew, self.check = crew, check
        self.hired = 0
        self.error: Exception | None = None

    def suggest(self, trial_id: str):
        if self.guarded(self.crew.backlog.done) or self.error is not None:
            return Searcher.FINISHED
        if not self.crew.wanted():
            return None
        self.crew.hire(trial_id)
        self.hired += 1
        return {"worker": self.hired}

    def on_trial_complete(self, trial_id: str, result=None, error: bool = False):
        """A worker's shift is over, at its end or before."""
        if trial_id in self.crew.seats and self.error is None:
            self.guarded(lambda: self.crew.leave(trial_id, "the Ray worker died or raised"))
            if error and self.error is None:
                self.guarded(self.check)

    def guarded(self, call):
        try:
            return call()
        except Exception as error:
            self.error = error
            return None

    def __getstate__(self) -> dict:
        """Nothing, though Tune pickles its searcher and callbacks: this one stays where it is."""
        return {}

    def save(self, checkpoint_path: str):
        """Nothing: the store is the truth."""

    def restore(self, checkpoint_path: str):
        """Nothing: a resumed study is a new Tuner."""


class StopWhenDone(tune.Stopper):
    """Ends the Tuner when the backlog raised, and when the study is finished though a worker still waits for a node."""

    def __init__(self, hiring: CohortSearcher):
        self.hiring = hiring

    def __call__(self, trial_id: str, result: Mapping) -> bool:
        return self.hiring.error is not None

    def stop_all(self) -> bool:
        return self.hiring.error is not None or bool(self.hiring.guarded(self.hiring.crew.over))

    def __getstate__(self) -> dict:
        return {}


class CommitScores(tune.Callback):
    """Commits what workers report, in the driver's process, before Tune goes on; callbacks after it see numbers."""

    def __init__(self, hiring: CohortSearcher):
        self.hiring = hiring

    def __getstate__(self) -> dict:
        return {}

    def on_trial_result(self, iteration, trials, trial, result, **info):
        message = result.pop("message", None)
        if self.hiring.error is None and message is not None:
            size = len(message) + REPORT_BYTES
            self.hiring.guarded(lambda: self.hiring.crew.hear(trial.trial_id, pickle.loads(message), size))


class DropResultKeys(tune.Callback):
    """Takes out of a result what is named after a trial, when every callback has seen it: Tune keeps statistics of
    each name that it meets for as long as it runs."""

    def on_trial_result(self, iteration, trials, trial, result, **info):
        for name in [name for name in result if "/" in name]:
            del result[name]


def _serve(config: dict, workload: Workload, post) -> None:
    """A Tune trial: a worker's shift, in which it takes cohorts from the post until it takes None. The evaluator and
    the compiled programs stay for the shifts to come."""
    from ganscape.sweep.messages import Score
    from ganscape.sweep.trial import train

    def send(message):
        shown: dict[str, Any] = {"report": type(message).__name__}
        if isinstance(message, Score):
            shown |= {f"{workload.metric}/{message.trial}": message.value, f"images/{message.trial}": message.images}
            shown["timesteps_total"] = message.images
        tune.report({"message": pickle.dumps(message)} | shown)

    study = (workload.dataset.fingerprint, workload.metric, workload.samples)
    if study not in _evaluators:
        _evaluators[study] = prepare(workload)
    send(ready())
    name = tune.get_context().get_trial_id()
    while True:
        send(Free(frozenset(_warm)))
        cohort = pickle.loads(ray.get(post.take.remote(name)))
        if cohort is None:
            return
        _warm.add(cohort.trials[0].config.structure())
        train(cohort, workload, _evaluators[study], send)


def _post():
    """An actor that lives and dies with this process, on its node."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "max_concurrency": MAX_WAITING, "scheduling_strategy": here}
    return ray.remote(Mailbox).options(**options).remote()


def _ask_after(post) -> None:
    """Raises ExecutorError if the post has gone: its workers would go one after the other."""
    try:
        ray.get(post.answer.remote(), timeout=ANSWER_SECONDS)
    except (ray.exceptions.RayError, TimeoutError) as error:
        gone = f"the actor that hands cohorts to Ray's workers has gone ({type(error).__name__})"
        raise ExecutorError(f"{gone}; the same command continues") from error


def _start(workers: int, resources: Resources, variables: dict[str, str]) -> None:
    """A cluster of one node that ends with this process, whatever else runs on this machine."""
    cpus = max(cores(), math.ceil(workers * resources.cpus))
    with _sigterm_as_it_is():
        ray.init(address="local", num_cpus=cpus, include_dashboard=False, **_quietly(variables))


def _join(address: str, variables: dict[str, str]) -> None:
    """This process becomes a driver of the cluster at the address; asked first whether anybody is there, as `ray.init`
    tries for minutes."""
    try:
        _knock(address)
        with _sigterm_as_it_is():
            ray.init(address=address, **_quietly(variables))
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ExecutorError(f"cannot join a Ray cluster at {address!r}: {reason}") from error


@contextlib.contextmanager
def _sigterm_as_it_is() -> Iterator[None]:
    """Ray would answer SIGTERM by leaving at once; what answered before does so afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def _quietly(variables: dict[str, str]) -> dict[str, Any]:
    return {"log_to_driver": False, "logging_level": logging.ERROR, "runtime_env": {"env_vars": variables}}


def _knock(address: str) -> None:
    """Raises OSError or ValueError unless a Ray cluster answers at an address of host and port."""
    if address in ("auto", "local"):
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise ValueError("an address is HOST:PORT of the head node, or auto on a node of the cluster")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS):
        pass
    status = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address]
    try:
        subprocess.run(status, capture_output=True, timeout=ANSWER_SECONDS, check=True)
    except subprocess.TimeoutExpired:
        raise OSError("something listens there, but it does not answer like the head of a Ray cluster") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no answer"]
        raise OSError(lines[-1]) from None


def _capacity(resources: Resources) -> int:
    """How many workers the cluster has room for. Tune waits for ever for what no node has, so this asks first."""
    needed = resources.named()
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    fit = sum(min(int(node.get(name, 0) / amount + 1e-9) for name, amount in needed.items()) for node in nodes)
    if fit:
        return fit
    raise ExecutorError(
        f"no node of the Ray cluster has {_amounts(needed)} for a worker; it has "
        f"{'; '.join(f'{count} x {offered}' for offered, count in Counter(map(_offered, nodes)).items())}"
    )


def _offered(node: dict[str, float]) -> str:
    """What a node has, without what Ray adds of its own."""
    own = ("node:", "memory", "object_store_memory")
    return _amounts({name: amount for name, amount in node.items() if not name.startswith(own)}) or "nothing"


def _amounts(named: dict[str, float]) -> str:
    return ", ".join(f"{name}={amount:g}" for name, amount in sorted(named.items()))


def _callback(name: str) -> tune.Callback:
    """What the factory "module:name" makes; modules are looked for in this folder too."""
    module, _, factory = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        made = getattr(importlib.import_module(module), factory)()
    except Exception as error:
        raise ExecutorError(f"--callback {name!r} cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(made, tune.Callback):
        raise ExecutorError(f"--callback {name!r} makes a {type(made).__name__}, not a ray.tune.Callback")
    return made
