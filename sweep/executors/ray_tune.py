"""Ray Tune as an executor, the only file that imports ray: a Tune trial is a worker's session of many cohorts.

Tune provides placement, processes and transport, and keeps nothing that must last: its state is written to a folder
that is deleted at the end, the cohort of a lost worker goes back to the backlog, and a resumed study is a new Tuner
on the same store. Tune keeps tens of KiB of every Tune trial as long as it runs, so a session trains many cohorts;
Ray keeps every report of a session as long as that lasts, so sessions end after SESSION_BYTES.
"""

import contextlib
import functools
import importlib
import logging
import os
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import ray
from ray import tune
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ganscape.sweep.backlog import Backlog
from ganscape.sweep.executors.contract import RunningExecutor
from ganscape.sweep.executors.mailbox import Mailbox
from ganscape.sweep.executors.pool import WorkerPool
from ganscape.sweep.executors.processes import worker_environment
from ganscape.sweep.executors.ray_cluster import ANSWER_SECONDS, count_fitting, end_cluster, join_cluster, start_cluster
from ganscape.sweep.executors.worker import evaluator_of, import_plugins_or_refuse, run_tasks
from ganscape.sweep.messages import FromWorker, Task, Workload
from ganscape.sweep.resources import Cluster, ExecutorError, Resources, default_workers

SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
MAX_WAITING = 10_000
SESSION_BYTES, REPORT_BYTES = 2**20, 2**11
Result = TypeVar("Result")
# Kept between the sessions of a process, which Tune reuses.
_evaluators: dict[tuple, Any] = {}
_warm: set[str] = set()


@contextlib.contextmanager
def start(out: Path, workers: int | None, resources: Resources, cluster: Cluster) -> Iterator[RunningExecutor]:
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
    variables = worker_environment(str(out.absolute() / "xla-cache"), resources)
    address = cluster.address or os.environ.get("RAY_ADDRESS")
    try:
        if address:
            join_cluster(address, variables)
            workers = min(count_fitting(resources), workers or sys.maxsize)
        else:
            workers = workers or default_workers(resources)
            start_cluster(workers, resources, variables)
            count_fitting(resources)
        run = functools.partial(_run, state=state, workers=workers, resources=resources, callbacks=callbacks)
        yield RunningExecutor(workers, run)
    finally:
        end_cluster()
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
    # What becomes of workers and disks is told by the sweep itself; Tune would add a traceback for its own state.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    mailbox = _start_mailbox()

    def send(worker: str, task: Task | None) -> None:
        mailbox.put.remote(worker, pickle.dumps(task))

    pool = WorkerPool(backlog, resources, send, SESSION_BYTES)
    searcher = CohortSearcher(pool, lambda: _check_mailbox(mailbox))
    parameters = {"workload": workload, "mailbox": mailbox}
    trainable = tune.with_resources(tune.with_parameters(_serve_session, **parameters), resources.named())
    tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=searcher, num_samples=-1, max_concurrent_trials=workers, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            name="workers",
            storage_path=str(state),
            verbose=0,
            callbacks=[CommitScores(searcher), *callbacks, DropResultKeys()],
            stop=StopWhenDone(searcher),
        ),
    ).fit()
    if searcher.error is not None:
        raise searcher.error
    if not backlog.done():
        raise ExecutorError("Ray Tune ended before the study did; the same command continues")


class CohortSearcher(Searcher):
    """The worker pool as a searcher of Tune: a suggestion starts a worker, None means later, FINISHED the end.

    An exception of the backlog (a full disk, say) is kept in `error` and ends the Tuner: raised
    inside Tune's callbacks it would be taken for a trial's failure.

    Args:
      check_mailbox: raises ExecutorError if workers can no longer be reached.
    """

    def __init__(self, pool: WorkerPool, check_mailbox: Callable[[], None]):
        super().__init__()
        self.pool, self.check_mailbox = pool, check_mailbox
        self.started = 0
        self.error: Exception | None = None

    def suggest(self, trial_id: str) -> Any:
        if self.guarded(self.pool.backlog.done) or self.error is not None:
            return Searcher.FINISHED
        if not self.pool.needs_worker():
            return None
        self.pool.start(trial_id)
        self.started += 1
        return {"worker": self.started}

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """Removes a worker whose session has ended, by itself or with its process."""
        if trial_id in self.pool.workers and self.error is None:
            self.guarded(lambda: self.pool.stop(trial_id, "the Ray worker died or raised"))
            if error and self.error is None:
                self.guarded(self.check_mailbox)

    def guarded(self, call: Callable[[], Result]) -> Result | None:
        """Returns what the call returns; keeps an exception for the end of the Tuner and returns None."""
        try:
            return call()
        except Exception as error:
            self.error = error
            return None

    def __getstate__(self) -> dict:
        """Nothing: Tune pickles its searcher and callbacks, but the pool and the open store stay in this process."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Does nothing: everything that must last is in the store."""

    def restore(self, checkpoint_path: str) -> None:
        """Does nothing: a resumed study is a new Tuner."""


class StopWhenDone(tune.Stopper):
    """Ends the Tuner when the backlog raised, and when the study is finished though a worker still waits for a node."""

    def __init__(self, searcher: CohortSearcher):
        self.searcher = searcher

    def __call__(self, trial_id: str, result: Mapping) -> bool:
        return self.searcher.error is not None

    def stop_all(self) -> bool:
        return self.searcher.error is not None or bool(self.searcher.guarded(self.searcher.pool.finished))

    def __getstate__(self) -> dict:
        return {}


class CommitScores(tune.Callback):
    """Records what workers report, in the driver's process, before Tune continues; later callbacks see only numbers."""

    def __init__(self, searcher: CohortSearcher):
        self.searcher = searcher

    def __getstate__(self) -> dict:
        return {}

    def on_trial_result(self, iteration, trials, trial, result, **info):
        message = result.pop("message", None)
        if self.searcher.error is None and message is not None:
            size = len(message) + REPORT_BYTES
            self.searcher.guarded(lambda: self.searcher.pool.on_message(trial.trial_id, pickle.loads(message), size))


class DropResultKeys(tune.Callback):
    """Removes from a result the keys that name a trial, after every other callback has seen them: Tune keeps
    statistics of each key that it meets for as long as it runs."""

    def on_trial_result(self, iteration, trials, trial, result, **info):
        for name in [name for name in result if "/" in name]:
            del result[name]


def _serve_session(config: dict, workload: Workload, mailbox: Any) -> None:
    """A Tune trial: a worker's session, which trains cohorts from its mailbox until it receives None.

    The evaluator and the compiled programs stay in the process for later sessions.
    """
    from ganscape.sweep.messages import Score

    def send(message: FromWorker) -> None:
        shown: dict[str, Any] = {"report": type(message).__name__}
        if isinstance(message, Score):
            shown |= {f"{workload.metric}/{message.trial}": message.value, f"images/{message.trial}": message.images}
            shown["timesteps_total"] = message.images
        tune.report({"message": pickle.dumps(message)} | shown)

    def receive() -> Task | None:
        return pickle.loads(ray.get(mailbox.take.remote(name)))

    name = tune.get_context().get_trial_id()
    if not import_plugins_or_refuse(workload, send):
        return
    study = (workload.dataset.fingerprint, workload.metric, workload.samples, workload.further)
    if study not in _evaluators:
        _evaluators[study] = evaluator_of(workload)
    run_tasks(workload, _evaluators[study], receive, send, _warm)


def _start_mailbox() -> Any:
    """Starts the mailbox as an actor on this process's node, which ends with this process."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "max_concurrency": MAX_WAITING, "scheduling_strategy": here}
    return ray.remote(Mailbox).options(**options).remote()


def _check_mailbox(mailbox: Any) -> None:
    """Raises ExecutorError if the mailbox has died: every worker would then fail, one after the other."""
    try:
        ray.get(mailbox.ping.remote(), timeout=ANSWER_SECONDS)
    except (ray.exceptions.RayError, TimeoutError) as error:
        gone = f"the actor that hands cohorts to Ray's workers has gone ({type(error).__name__})"
        raise ExecutorError(f"{gone}; the same command continues") from error


def _callback(name: str) -> tune.Callback:
    """Returns the callback that the factory "module:name" makes; modules of the working folder are found too."""
    module, _, factory = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        callback = getattr(importlib.import_module(module), factory)()
    except Exception as error:
        raise ExecutorError(f"--callback {name!r} cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(callback, tune.Callback):
        raise ExecutorError(f"--callback {name!r} makes a {type(callback).__name__}, not a ray.tune.Callback")
    return callback
