"""The queue of a sweep: which trials to run next. Its state can always be rebuilt from the plan and the store."""

import logging
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from ganscape.models import Config
from ganscape.results import counts
from ganscape.results.store import Store
from ganscape.sweep import checkpoints, generators, pictures
from ganscape.sweep.baseline_queue import BaselineQueue
from ganscape.sweep.cohort_size import cohort_limit, refill_size, slots
from ganscape.sweep.early_stopping import EarlyStopping
from ganscape.sweep.keeping import NOTHING, Change, Keep, Kept
from ganscape.sweep.measuring.evaluation import GRID, WALK
from ganscape.sweep.messages import Baselines, Cohort, Compiled, Failure, Ready, Score, Trial
from ganscape.sweep.plan import Plan
from ganscape.sweep.population import images_per_cycle
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.resources import ExecutorError
from ganscape.sweep.rounds import Entry, Rounds
from ganscape.sweep.schedulers import Course, Decision
from ganscape.sweep.searchers import SELECTORS

ATTEMPTS = 3
MAX_FAILURES, FEWEST_ENDED = 0.5, 10
SCORED = ("done", "stopped")
logger = logging.getLogger(__name__)


class Backlog:
    """Hands out cohorts of trials and commits the reports of workers.

    Args:
      plan: the study.
      store: the open store; every report is committed before the next cohort is handed out.
      workers: how many share the work; cohorts are no larger than a worker's share.
      environment: host, versions and options of this start, recorded when the first worker is ready.
      observe: called with this backlog after every change.
      max_failures: the share of the trials that ended since this start, of FEWEST_ENDED at least, that may have crashed
        or been lost; `record` and `lost` raise ExecutorError beyond it. One that diverged is a result.
      keep: how many trained generators are kept.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        workers: int,
        environment: dict,
        observe: Callable[["Backlog"], None],
        max_failures: float = MAX_FAILURES,
        keep: Keep = NOTHING,
    ):
        self.plan, self.store, self.workers, self.keep = plan, store, workers, keep
        self.environment, self.observe, self.max_failures = environment, observe, max_failures
        self.trials: dict[str, Trial] = {}
        self.structures: dict[str, str] = {}
        self.rounds = Rounds(plan)
        self.stopping = EarlyStopping(plan)
        self.baselines = BaselineQueue(plan, store)
        self.unfinished: Counter[str] = Counter()
        self.exhausted: set[str] = set()
        self.committed: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self.finished: dict[str, str] = {}
        self.confirming: set[str] = set()
        self.waiting: list[str] = []
        self.alone: set[str] = set()
        self.started: set[str] = set()
        self.ready: set[Ready] = set()
        self.paused: dict[str, int] = {}
        self.running: dict[str, Cohort] = {}
        self.compilations = 0
        self.values: dict[str, float] = {}
        self.losses: dict[str, int] = defaultdict(int)
        self.began = time.monotonic()
        self._recall()
        self.done_before = self.rungs_done()
        self.finished_before = set(self.finished)

    def take(self, warm: frozenset[str] = frozenset()) -> Cohort | None:
        """Returns the next cohort to train, preferring structures that the worker has compiled (`warm`); None if
        nothing is ready."""
        self._ask()
        if not self.waiting:
            return None
        first = self._first(warm)
        self.started.add(self.structures[first])
        kind = self._kind(first)
        alike = [trial for trial in self.waiting if self._kind(trial) == kind]
        limit, refill = 1, 0
        if first not in self.alone:
            limit = cohort_limit(self.plan, self.trials[first].config, len(self.trials), self.workers)
            refill = refill_size(len(alike), self.plan.workload.lanes, self.workers)
        chosen = alike[: max(limit, refill)]
        cohort = Cohort(
            tuple(self.trials[trial] for trial in chosen),
            tuple(frozenset(self.committed[trial]) for trial in chosen),
            tuple(self.store.attempts(trial) for trial in chosen),
            slots(min(len(chosen), limit), self.plan.workload.lanes),
            self._pause_at(first),
        )
        self.waiting = [trial for trial in self.waiting if trial not in chosen]
        self.running.update(dict.fromkeys(chosen, cohort))
        self.observe(self)
        return cohort

    def _kind(self, trial: str) -> tuple[str, bool, int | None]:
        """What the trials of a cohort have in common."""
        return self.structures[trial], trial in self.alone, self._pause_at(trial)

    def _pause_at(self, trial: str) -> int | None:
        """The next rung at which the scheduler decides about the trial; None if there is none."""
        return self.stopping.next_pause(trial, self.committed[trial])

    def worker_ready(self, ready: Ready) -> None:
        """Records what this start of the sweep runs on, once for every kind of device."""
        if ready not in self.ready:
            self.ready.add(ready)
            self.store.add_environment(self.environment | {"devices": ready.devices})

    def record(self, message: Score | Failure | Compiled | Baselines) -> None:
        """Commits a worker's report."""
        if isinstance(message, Compiled):
            self._record_programs(message)
        elif isinstance(message, Baselines):
            self.baselines.record(message)
        elif isinstance(message, Score):
            self._record_score(message)
        else:
            logger.warning("trial %s %s at step %d: %s", message.trial, message.cause, message.step, message.message)
            removed = self.kept.on_failure(message.trial)
            self.store.add_failure(message._asdict() | {"final": True, "generators": _rows(removed)})
            self._remove(removed)
            self._finish(message.trial, message.cause)
            self._check_failures(message.message)
        if isinstance(message, Score | Failure):
            self._decide(self.trials[message.trial].method)
        self.observe(self)

    def lost(self, cohort: Cohort, message: str) -> None:
        """Handles the death of the cohort's worker: the trials that had slots are tried again, each by itself.

        A trial that is lost three times without a score between is given up.
        """
        unfinished = [trial for trial in cohort.trials if self.running.get(trial.id) is cohort]
        for trial in unfinished[: cohort.size]:
            attempt = self.store.attempts(trial.id)
            self.losses[trial.id] += 1
            final = self.losses[trial.id] >= ATTEMPTS
            logger.warning("trial %s lost, %s", trial.id, "given up" if final else "tried again by itself")
            removed = self.kept.on_failure(trial.id) if final else []
            row = _failure_row(trial.id, attempt, "lost", message, final=final)
            self.store.add_failure(row | {"generators": _rows(removed)})
            self._remove(removed)
            if final:
                self._finish(trial.id, "lost")
                self._check_failures(message)
                self._decide(trial.method)
            else:
                self.alone.add(trial.id)
        self.give_back(cohort)

    def _check_failures(self, last: str) -> None:
        """Raises ExecutorError when most trials fail for no reason of their own."""
        ended = [outcome for trial, outcome in self.finished.items() if trial not in self.finished_before]
        bad = sum(outcome in ("crashed", "lost") for outcome in ended)
        if len(ended) >= FEWEST_ENDED and bad > self.max_failures * len(ended):
            raise ExecutorError(
                f"{bad} of {len(ended)} trials that ended since the start crashed or were lost, more than "
                f"--max-failures {self.max_failures:g} allows; the last: {last}; "
                "the same command continues with the others"
            )

    def give_back(self, cohort: Cohort) -> None:
        """Puts the trials that the cohort has not finished back at the head of the queue."""
        for trial in cohort.trials:
            if self.running.get(trial.id) is cohort:
                del self.running[trial.id]
                self.waiting.insert(0, trial.id)
        self.observe(self)

    def done(self) -> bool:
        """Whether every trial of the study is finished and nobody measures baselines; asks for the next rounds before
        it says so."""
        self._ask()
        return not (self.waiting or self.running or self.paused or self.baselines.pending)

    @property
    def best(self) -> tuple[float, Trial] | None:
        """The lowest score of all trials that have not failed, and its trial."""
        values = {trial: value for trial, value in self.values.items() if self.finished.get(trial, "done") in SCORED}
        if not values:
            return None
        trial = min(values, key=values.__getitem__)
        return values[trial], self.trials[trial]

    def failed(self) -> int:
        """The number of failed trials."""
        return sum(outcome not in SCORED for outcome in self.finished.values())

    def stopped(self) -> int:
        """The number of trials that the scheduler stopped."""
        return sum(outcome == "stopped" for outcome in self.finished.values())

    def expected(self) -> int:
        """The number of trials of the whole study: those that were asked for, and those of rounds to come."""
        return sum(map(self.rounds.expected, self.plan.methods))

    def rungs_done(self) -> int:
        """The number of rungs that need no more work; a failed or stopped trial counts with all of its rungs."""
        scored = {trial: len(self.committed[trial]) for trial in self.trials}
        return counts.rungs_done(scored, self.finished, len(self.plan.workload.rungs))

    def seconds_left(self) -> float:
        """Estimated seconds to the end, from the pace so far; NaN before the first score."""
        total = self.expected() * len(self.plan.workload.rungs)
        return counts.seconds_left(self.done_before, self.rungs_done(), total, time.monotonic() - self.began)

    def _record_programs(self, message: Compiled) -> None:
        """Commits what the worker compiled or loaded; a cohort whose programs it had already leaves no row."""
        if message.compiled or message.loaded:
            if message.lanes < self.plan.workload.lanes:
                logger.warning("lanes lowered to %d of %d: more do not fit in memory", message.lanes,
                               self.plan.workload.lanes)  # fmt: skip
            logger.info("programs ready after %.1f s: %s", message.seconds, message.structure)
            self.compilations += message.compiled
            self.store.add_programs(message._asdict())

    def _record_score(self, message: Score) -> None:
        folder = self._samples / message.trial
        pictures.save_grid(folder / f"{message.rung}.png", message.grid[:GRID], WALK)
        pictures.save_grid(folder / f"{message.rung}_walks.png", message.grid[GRID:], WALK)
        changes = self.kept.on_score(message.trial, message.rung, message.value, self._generator_bytes(message))
        self.store.add_scores(_score_rows(self.plan, message, changes))
        self._remove(changes)
        if message.generator_bytes and not self.kept.holds(message.trial, message.rung):
            generators.remove(self.plan.workload.generators, message.trial, message.rung)
        self._know(message.trial, message.rung, message.value)

    def _generator_bytes(self, message: Score) -> int:
        """The size of the generator that a worker wrote, 0 where it cannot be seen from here."""
        size = generators.size_of(self.plan.workload.generators, message.trial, message.rung)
        if message.generator_bytes and not size:
            logger.warning("the generator of trial %s is not kept: OUT is no folder that its worker shares",
                           message.trial)  # fmt: skip
        return size if message.generator_bytes else 0

    def _remove(self, changes: list[Change]) -> None:
        """Removes the files of generators that are not kept any longer, once the store says so."""
        for change in changes:
            if not change.kept:
                generators.remove(self._generators, change.trial, change.rung)

    @property
    def _generators(self) -> Path:
        return self.store.folder / generators.FOLDER

    @property
    def _samples(self) -> Path:
        return self.store.folder / "samples"

    def _know(self, trial: str, rung: int, value: float) -> None:
        self.committed[trial][rung] = value
        self.values[trial] = min(value, self.values.get(trial, value))
        self.losses.pop(trial, None)
        if rung == self.plan.workload.rungs[-1]:
            self._finish(trial, "done")
        elif self.stopping.pauses_at(trial, rung):
            self.running.pop(trial, None)
            self.paused[trial] = rung

    def _decide(self, method: str) -> None:
        """Stops or continues the method's paused trials, as far as the scheduler can decide."""
        while decisions := self.stopping.decisions(method, self.paused, self._course):
            for trial, decision in decisions:
                if decision is Decision.CONTINUE:
                    del self.paused[trial]
                    self.waiting.append(trial)
                else:
                    self._stop(trial)

    def _course(self, trial: str) -> Course:
        outcome = self.finished.get(trial, "")
        return Course(self.committed[trial], outcome == "stopped", outcome not in ("", *SCORED))

    def _stop(self, trial: str) -> None:
        rung = self.paused[trial]
        config = self.trials[trial].config
        step = rung // images_per_cycle(config) * config.disc_iters
        message = f"{self.plan.scheduler} at {rung} images, where its lowest score was {self.values[trial]:.6g}"
        self.store.add_failure(_failure_row(trial, self.store.attempts(trial), "stopped", message, rung, step))
        self._finish(trial, "stopped")

    def _finish(self, trial: str, outcome: str) -> None:
        if trial not in self.finished:
            self.unfinished[self.trials[trial].method] -= 1
        self.finished[trial] = outcome
        self.running.pop(trial, None)
        self.paused.pop(trial, None)
        checkpoints.forget(self.plan.workload.checkpoints, trial)

    def _recall(self) -> None:
        """Rebuilds the state from the store."""
        indices = {phase.name: index for index, phase in enumerate(self.plan.phases)}
        for row in self.store.trials():
            trial = trial_of(self.plan.seed, row["method"], Config.from_dict(row["settings"]), row["seed"])
            index = indices.get(row["phase"], self.plan.phase_index(row["round"]))
            self._enqueue(Entry(trial, index, row["round"]))
        for row in self.store.scores(self.plan.workload.metric, self.plan.protocol.fingerprint):
            self._know(row["trial"], row["rung"], row["value"])
        for row in self.store.failures():
            if row["final"]:
                self._finish(row["trial"], row["cause"])
            else:
                self.alone.add(row["trial"])
        self._recall_generators()
        over = self.finished.keys() | self.paused.keys()
        self.waiting = [trial for trial in self.waiting if trial not in over]
        for method in self.plan.methods:
            self._decide(method)

    def _recall_generators(self) -> None:
        """Rebuilds which generators are kept, and tidies up after a start that was killed."""

        def is_there(trial: str, rung: int) -> bool:
            return generators.path_of(self._generators, trial, rung).is_file()

        self.kept = Kept(self.keep, self._group, self.values, self.store.generators())
        if missing := self.kept.drop_missing(is_there):
            logger.warning("%d kept generators are not there any more", len(missing))
            self.store.add_generators(_rows(missing))
        self.remove_unknown_generators()

    def remove_unknown_generators(self) -> None:
        """Removes files of generators that the store does not say are kept. One whose score may still be reported, from
        a checkpoint, stays."""
        for trial, rung in generators.found_in(self._generators):
            unreported = trial in self.trials and trial not in self.finished and rung not in self.committed[trial]
            if not unreported and not self.kept.holds(trial, rung):
                generators.remove(self._generators, trial, rung)

    def _group(self, trial: str) -> tuple[str, bool]:
        return self.trials[trial].method, trial in self.confirming

    def _ask(self) -> None:
        """Asks each method whose current round is finished for its next round. Methods advance independently."""
        for method in self.plan.methods:
            if not self.unfinished[method] and method not in self.exhausted:
                self._ask_round(method)

    def _ask_round(self, method: str) -> None:
        """Stores and enqueues the method's next trials, or notes that it has no more."""
        entries = self.rounds.next(method, self._result)
        if not entries:
            self.exhausted.add(method)
            return
        number = entries[0].number
        index = entries[0].phase_index
        phase = self.plan.phases[index].name
        place = {"phase": phase, "phase_round": number - self.plan.first_round(index)}
        self.store.add_trials(number, [_row(entry.trial) | place for entry in entries])
        logger.info("round %d of %s (phase %s): %d trials", number, method, phase, len(entries))
        for entry in entries:
            self._enqueue(entry)

    def _result(self, trial: str) -> float:
        """The lowest score of a trial that has ended, infinite for a failed one."""
        return self.values[trial] if self.finished[trial] in SCORED else math.inf

    def _enqueue(self, entry: Entry) -> None:
        trial = entry.trial
        self.rounds.add(entry)
        self.trials[trial.id] = trial
        if self.plan.phases[entry.phase_index].searcher in SELECTORS:
            self.confirming.add(trial.id)
        self.structures[trial.id] = sys.intern(trial.config.structure())
        self.stopping.add(entry)
        self.unfinished[trial.method] += 1
        self.waiting.append(trial.id)

    def _first(self, warm: frozenset[str]) -> str:
        """Returns a waiting trial: of a structure that the worker has compiled, else of one that no worker has yet;
        among these, of the structure with most trials waiting."""
        waiting = defaultdict(list)
        for trial in self.waiting:
            waiting[self.structures[trial]].append(trial)
        best = max(
            waiting,
            key=lambda structure: (structure in warm, structure not in self.started, len(waiting[structure])),
        )
        return waiting[best][0]


def _rows(changes: list[Change]) -> list[dict]:
    return [change._asdict() for change in changes]


def _score_rows(plan: Plan, message: Score, changes: list[Change]) -> list[dict]:
    """The rows of a score, and of the scores of the same samples by further metrics; what goes with them is in the
    first."""
    shared = {name: getattr(message, name) for name in ("trial", "rung", "images", "attempt", "seconds")}
    signs = [sign._asdict() for sign in message.signs]
    first = {"metric": plan.protocol.metric, "protocol": plan.protocol.fingerprint, "value": message.value}
    protocols = {protocol.metric: protocol.fingerprint for protocol in plan.further}
    further = [{"metric": name, "protocol": protocols[name], "value": value} for name, value in message.further]
    return [shared | first | {"signs": signs, "generators": _rows(changes)}, *(shared | row for row in further)]


def _failure_row(
    trial: str,
    attempt: int,
    cause: str,
    message: str,
    rung: int | None = None,
    step: int | None = None,
    final: bool = True,
) -> dict:
    row = {"trial": trial, "attempt": attempt, "cause": cause, "rung": rung, "step": step}
    return row | {"message": message, "detail": "", "final": final}


def _row(trial: Trial) -> dict:
    return {
        "trial": trial.id,
        "config": trial.config.identity(),
        "method": trial.method,
        "seed": trial.seed,
        "settings": trial.config.to_dict(),
        "structure": trial.config.structure(),
    }
