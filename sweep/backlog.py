"""The queue of a sweep: which trials to run next. Its state can always be rebuilt from the plan and the store."""

import logging
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable

from ganscape.garbage import uncollected
from ganscape.results import counts
from ganscape.results.store import Store
from ganscape.sweep import checkpoints, pictures
from ganscape.sweep.baseline_queue import BaselineQueue
from ganscape.sweep.cohort_size import cohort_limit, refill_size, slots
from ganscape.sweep.early_stopping import EarlyStopping
from ganscape.sweep.keeping import NOTHING, Keep
from ganscape.sweep.kept_files import KeptFiles
from ganscape.sweep.messages import Baselines, Cohort, Compiled, Failure, Ready, Score, Trial
from ganscape.sweep.outcomes import MAX_FAILURES, Outcomes, check_failures
from ganscape.sweep.plan import Plan
from ganscape.sweep.population import images_per_cycle
from ganscape.sweep.proposals import stored_trial
from ganscape.sweep.rounds import Entry, Rounds
from ganscape.sweep.rows import ended_row, failure_row, generator_rows, score_rows, trial_row
from ganscape.sweep.schedulers import Decision
from ganscape.sweep.searchers import SELECTORS
from ganscape.sweep.waiting import WaitingTrials

ATTEMPTS = 3
logger = logging.getLogger(__name__)


class Backlog:
    """Hands out cohorts of trials and commits the reports of workers.

    Args:
      plan: the study.
      store: the open store; every report is committed before the next cohort is handed out.
      workers: how many share the work; cohorts are no larger than a worker's share.
      environment: host, versions and options of this start, recorded when the first worker is ready.
      observe: called with this backlog after every change.
      max_failures: the share of trials that may crash or be lost, see `check_failures`; ExecutorError beyond it.
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
        self.rounds = Rounds(plan)
        self.stopping = EarlyStopping(plan)
        self.baselines = BaselineQueue(plan, store)
        self.unfinished: Counter[str] = Counter()
        self.exhausted: set[str] = set()
        self.outcomes = Outcomes(len(plan.workload.rungs))
        self.lowest_of = dict.fromkeys(plan.methods, math.inf)
        self.confirming: set[str] = set()
        self.waiting = WaitingTrials(self.trials, self._pause_at)
        self.ready: set[Ready] = set()
        self.paused: dict[str, int] = {}
        self.running: dict[str, Cohort] = {}
        self.compilations = 0
        self.losses: dict[str, int] = defaultdict(int)
        self.began = time.monotonic()
        with uncollected():
            self._recall()
        self.done_before, self.ends_before = self.rungs_done(), self.outcomes.ends.copy()

    def take(self, warm: frozenset[str] = frozenset()) -> Cohort | None:
        """Returns the next cohort to train, preferring structures that the worker has compiled (`warm`); None if
        nothing is ready."""
        self._ask()
        if not self.waiting:
            return None
        kind = self.waiting.next_kind(warm)
        limit, refill = 1, 0
        if not kind.separate:
            config = self.trials[self.waiting.first(kind)].config
            limit = cohort_limit(self.plan, config, len(self.trials), self.workers)
            refill = refill_size(self.waiting.count(kind), self.plan.workload.lanes, self.workers)
        chosen = self.waiting.take(kind, max(limit, refill))
        cohort = Cohort(
            tuple(self.trials[trial] for trial in chosen),
            tuple(frozenset(self.outcomes.scores[trial]) for trial in chosen),
            tuple(self.store.attempts(trial) for trial in chosen),
            slots(min(len(chosen), limit), self.plan.workload.lanes),
            kind.pause_at,
        )
        self.running.update(dict.fromkeys(chosen, cohort))
        self.observe(self)
        return cohort

    def _pause_at(self, trial: str) -> int | None:
        """Returns the next rung at which the scheduler decides about the trial; None if there is none."""
        return self.stopping.next_pause(trial, self.outcomes.scores[trial])

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
            self._fail(failure_row(message))
        self.observe(self)

    def lost(self, cohort: Cohort, message: str) -> None:
        """Handles the death of the cohort's worker: the trials that had slots are tried again, each by itself.

        A trial that is lost three times without a score between is given up.
        """
        unfinished = [trial for trial in cohort.trials if self.running.get(trial.id) is cohort]
        for trial in unfinished[: cohort.size]:
            self.losses[trial.id] += 1
            final = self.losses[trial.id] >= ATTEMPTS
            logger.warning("trial %s lost, %s", trial.id, "given up" if final else "tried again by itself")
            row = ended_row(trial.id, self.store.attempts(trial.id), "lost", message, final=final)
            if final:
                self._fail(row)
            else:
                self.store.add_failure(row)
                self.waiting.separate(trial.id)
        self.give_back(cohort)

    def _fail(self, row: dict) -> None:
        """Commits a final failure; raises ExecutorError when most trials fail for no reason of their own."""
        trial = row["trial"]
        changes = self.kept.on_failure(trial)
        self.store.add_failure(row | {"generators": generator_rows(changes)})
        self.kept.remove(changes)
        self._finish(trial, row["cause"])
        check_failures(self.outcomes.ends - self.ends_before, self.max_failures, row["message"])
        self._decide(self.trials[trial].method)

    def give_back(self, cohort: Cohort) -> None:
        """Puts the trials that the cohort has not finished back at the head of the queue."""
        for trial in cohort.trials:
            if self.running.get(trial.id) is cohort:
                del self.running[trial.id]
                self.waiting.put_back(trial.id)
        self.observe(self)

    def done(self) -> bool:
        """Asks for the next rounds; returns whether every trial is finished and nobody measures baselines."""
        self._ask()
        return not (self.waiting or self.running or self.paused or self.baselines.pending)

    @property
    def best(self) -> tuple[float, Trial] | None:
        """The lowest score of all trials that have not failed, and its trial."""
        trial = self.outcomes.best_trial()
        return None if trial is None else (self.outcomes.lowest[trial], self.trials[trial])

    def expected(self) -> int:
        """Returns the number of trials of the whole study: those that were asked for, and those of rounds to come."""
        return sum(map(self.rounds.expected, self.plan.methods))

    def rungs_done(self) -> int:
        """Returns the number of rungs that need no more work."""
        return self.outcomes.rungs_done

    def seconds_left(self) -> float:
        """Returns the estimated seconds until the sweep ends, at its pace so far; NaN while there are too few scores to
        tell."""
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
        """Commits a score, after its pictures, and what it changes about kept generators."""
        lowest = self.lowest_of[self.trials[message.trial].method]
        if pictures.are_kept(self.expected(), message.value, lowest):
            pictures.save_samples(self.store.folder, message)
        changes = self.kept.on_score(message)
        self.store.add_scores(score_rows(message, self.plan, changes))
        self.kept.after_score(message, changes)
        self._add_score(message.trial, message.rung, message.value)
        if message.trial in self.outcomes.ended:
            checkpoints.forget(self.plan.workload.checkpoints, message.trial)
        self._decide(self.trials[message.trial].method)

    def _add_score(self, trial: str, rung: int, value: float) -> None:
        """Notes a score that the store has, and whether its trial is at its end or pauses."""
        self.outcomes.add_score(trial, rung, value)
        self.stopping.note_change(trial)
        method = self.trials[trial].method
        self.lowest_of[method] = min(value, self.lowest_of[method])
        self.losses.pop(trial, None)
        if rung == self.plan.workload.rungs[-1]:
            self._end(trial, "done")
        elif self.stopping.pauses_at(trial, rung):
            self.running.pop(trial, None)
            self.paused[trial] = rung

    def _decide(self, method: str) -> None:
        """Stops or continues the method's paused trials, as far as the scheduler can decide."""
        while decisions := self.stopping.decisions(method, self.paused, self.outcomes.course):
            for trial, decision in decisions:
                if decision is Decision.CONTINUE:
                    del self.paused[trial]
                    self.waiting.add(trial)
                else:
                    self._stop(trial)

    def _stop(self, trial: str) -> None:
        """Commits that the scheduler ended a paused trial."""
        rung = self.paused[trial]
        config = self.trials[trial].config
        step = rung // images_per_cycle(config) * config.disc_iters
        lowest = self.outcomes.lowest[trial]
        message = f"{self.stopping.scheduler_of(trial)} at {rung} images, where its lowest score was {lowest:.6g}"
        self.store.add_failure(ended_row(trial, self.store.attempts(trial), "stopped", message, rung, step))
        self._finish(trial, "stopped")

    def _finish(self, trial: str, outcome: str) -> None:
        """Notes the end of a trial, and removes its checkpoints."""
        self._end(trial, outcome)
        checkpoints.forget(self.plan.workload.checkpoints, trial)

    def _end(self, trial: str, outcome: str) -> None:
        if trial not in self.outcomes.ended:
            self.unfinished[self.trials[trial].method] -= 1
        self.outcomes.end(trial, outcome)
        self.stopping.note_change(trial)
        self.running.pop(trial, None)
        self.paused.pop(trial, None)

    def _recall(self) -> None:
        """Rebuilds the state from the store."""
        indices = {phase.name: index for index, phase in enumerate(self.plan.phases)}
        for row in self.store.trials_without_settings():
            trial, phase = stored_trial(self.plan.seed, row, self.store.settings), row["phase"]
            index = indices[phase] if phase in indices else self.plan.phase_index(row["round"])
            self._add_trial(Entry(trial, index, row["round"]))
        for row in self.store.scores(self.plan.workload.metric, self.plan.protocol.fingerprint):
            self._add_score(row["trial"], row["rung"], row["value"])
        for row in self.store.failures():
            if row["final"]:
                self._end(row["trial"], row["cause"])
            else:
                self.waiting.separate(row["trial"])
        self.kept = KeptFiles(self.store, self.plan.workload.generators, self.keep, self._group, self.outcomes.lowest)
        self.remove_unknown_generators()
        checkpoints.forget_trials(self.plan.workload.checkpoints, self.outcomes.ended)
        for name in self.trials:
            if name not in self.outcomes.ended and name not in self.paused:
                self.waiting.add(name)
        for method in self.plan.methods:
            self._decide(method)

    def remove_unknown_generators(self) -> None:
        """Removes files of generators that the store does not say are kept. One whose score may still be reported, from
        a checkpoint, stays."""
        self.kept.remove_unknown(
            lambda trial, rung: (
                trial in self.trials and trial not in self.outcomes.ended and rung not in self.outcomes.scores[trial]
            )
        )

    def _group(self, trial: str) -> tuple[str, bool]:
        """Returns the trials that a trial competes with for being kept: its method, and whether it confirms."""
        return self.trials[trial].method, trial in self.confirming

    def _ask(self) -> None:
        """Asks each method whose current round is finished for its next round. Methods advance independently."""
        for method in self.plan.methods:
            if not self.unfinished[method] and method not in self.exhausted:
                self._ask_round(method)

    def _ask_round(self, method: str) -> None:
        """Stores and enqueues the method's next trials, or notes that it has no more."""
        entries = self.rounds.next(method, self.outcomes.result)
        if not entries:
            self.exhausted.add(method)
            return
        number, phase = entries[0].number, self.plan.phases[entries[0].phase_index].name
        self.store.add_trials(number, [trial_row(entry, self.plan) for entry in entries])
        logger.info("round %d of %s (phase %s): %d trials", number, method, phase, len(entries))
        for entry in entries:
            self._add_trial(entry)
            self.waiting.add(entry.trial.id)

    def _add_trial(self, entry: Entry) -> None:
        """Notes a trial of the study."""
        trial = entry.trial
        self.rounds.add(entry)
        self.trials[trial.id] = trial
        if self.plan.phases[entry.phase_index].searcher in SELECTORS:
            self.confirming.add(trial.id)
        self.stopping.add(entry)
        self.unfinished[trial.method] += 1
