"""Ray Tune as an executor, the only file that imports ray: a Tune trial is a cohort.

Tune is asked for placement, processes and transport, and for nothing that must last: its state is
written to a folder that is deleted at the end, failed Tune trials come back to the backlog, and a
resumed study is a new Tuner against the same store.
"""

import contextlib
import functools
import logging
import math
import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher

from sweep.backlog import Backlog
from sweep.executors import ExecutorError, Resources, check_devices, cores
from sweep.executors.worker import Ready, environment, prepare
from sweep.trial import Cohort, Workload

SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
STARTS = 3
_evaluators: dict = {}


@contextlib.contextmanager
def opened(out: Path, workers: int, resources: Resources) -> Iterator[Callable[[Backlog, Workload], None]]:
    """A function that runs a backlog as trials of one Tuner whose workers are reused.

    On the cluster that RAY_ADDRESS names, else on one of its own that ends with it.

    Raises:
      ExecutorError: if no node of the cluster has what one worker needs.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if ray.is_initialized():
        raise ExecutorError("Ray is already initialised in this process; call ray.shutdown() first")
    state = out.absolute() / "tune"
    _connect(workers, resources, environment(str(out.absolute() / "xla-cache"), resources))
    try:
        _check_resources(resources)
        yield functools.partial(_run, state=state, workers=workers, resources=resources)
    finally:
        ray.shutdown()
        shutil.rmtree(state, ignore_errors=True)


def _run(backlog: Backlog, workload: Workload, *, state: Path, workers: int, resources: Resources) -> None:
    cohorts = Cohorts(backlog, resources)
    trainable = tune.with_resources(tune.with_parameters(_train, workload=workload), _requirements(resources))
    tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=cohorts, num_samples=-1, max_concurrent_trials=workers, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            name="cohorts",
            storage_path=str(state),
            verbose=0,
            callbacks=[Commit(cohorts)],
            stop=StopOnError(cohorts),
        ),
    ).fit()
    if cohorts.error is not None:
        raise cohorts.error
    if not backlog.done():
        raise ExecutorError("Ray Tune ended before the study did; the same command continues")


class Cohorts(Searcher):
    """Tune's view of the backlog: what to launch next, None for later, FINISHED at the end.

    An exception of the backlog (a full disk, say) is kept in `error` and ends the Tuner: raised
    inside Tune's callbacks it would be taken for a trial's failure.
    """

    def __init__(self, backlog: Backlog, resources: Resources):
        super().__init__()
        self.backlog, self.resources = backlog, resources
        self.cohorts: dict[str, Cohort] = {}
        self.heard: set[str] = set()
        self.silent = 0
        self.error: Exception | None = None

    def suggest(self, trial_id: str):
        cohort = self.guarded(self.backlog.take)
        if self.error is not None:
            return Searcher.FINISHED
        if cohort is None:
            return Searcher.FINISHED if self.guarded(lambda: self.backlog.done()) else None
        self.cohorts[trial_id] = cohort
        return {"cohort": pickle.dumps(cohort)}

    def on_trial_complete(self, trial_id: str, result=None, error: bool = False):
        """A cohort left its worker; whatever it did not finish is handed out again."""
        cohort = self.cohorts.pop(trial_id, None)
        if cohort is None or self.error is not None:
            return
        if trial_id in self.heard:
            self.silent = 0
            self.guarded(lambda: self.backlog.lost(cohort, "the Ray worker died or raised"))
            return
        self.silent += 1
        self.guarded(lambda: self.backlog.give_back(cohort))
        if self.silent >= STARTS:
            self.error = ExecutorError(f"{STARTS} Ray workers died as they started; Ray's logs say why")

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


class StopOnError(tune.Stopper):
    """Ends the Tuner at once when the backlog raised."""

    def __init__(self, cohorts: Cohorts):
        self.cohorts = cohorts

    def __call__(self, trial_id: str, result: Mapping) -> bool:
        return self.stop_all()

    def stop_all(self) -> bool:
        return self.cohorts.error is not None

    def __getstate__(self) -> dict:
        return {}


class Commit(tune.Callback):
    """Commits what workers report, in the driver's process, before Tune goes on."""

    def __init__(self, cohorts: Cohorts):
        self.cohorts = cohorts

    def __getstate__(self) -> dict:
        return {}

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.cohorts.heard.add(trial.trial_id)
        if self.cohorts.error is None and "message" in result:
            self.cohorts.guarded(lambda: self._commit(pickle.loads(result["message"])))

    def _commit(self, message):
        if isinstance(message, Ready):
            check_devices(message.devices, self.cohorts.resources)
            self.cohorts.backlog.greet(message)
        else:
            self.cohorts.backlog.record(message)


def _train(config: dict, workload: Workload) -> None:
    """A Tune trial: one cohort. The evaluator and the compiled programs stay with the worker."""
    from sweep.trial import train

    def send(message):
        tune.report({"message": pickle.dumps(message)})

    study = (workload.dataset.fingerprint, workload.metric, workload.samples)
    if study not in _evaluators:
        _evaluators[study] = prepare(workload, send)
    train(pickle.loads(config["cohort"]), workload, _evaluators[study], send)


def _connect(workers: int, resources: Resources, variables: dict[str, str]) -> None:
    own: dict[str, Any] = {"num_cpus": max(cores(), math.ceil(workers * resources.cpus)), "include_dashboard": False}
    ray.init(
        **({} if os.environ.get("RAY_ADDRESS") else own),
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env={"env_vars": variables},
    )


def _requirements(resources: Resources) -> dict[str, float]:
    named = {"CPU": resources.cpus, "GPU": resources.gpus, "TPU": resources.tpus}
    return {name: amount for name, amount in named.items() if amount}


def _check_resources(resources: Resources) -> None:
    """Tune waits for ever for what no node has, so this asks first."""
    needed = _requirements(resources)
    for node in ray.nodes():
        offered = node["Resources"]
        if node["Alive"] and all(offered.get(name, 0) >= amount for name, amount in needed.items()):
            return
    cluster = {name: amount for name, amount in ray.cluster_resources().items() if name in needed}
    wanted = ", ".join(f"{name}={amount:g}" for name, amount in needed.items())
    raise ExecutorError(
        f"no node of the Ray cluster has {wanted} for a worker; the cluster has "
        f"{', '.join(f'{name}={amount:g}' for name, amount in cluster.items()) or 'none of these'}"
    )
