"""What remains to be done: a pure function of the study and the store, kept up to date as scores arrive."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from models import Config
from results.store import Store
from sweep import checkpoints, pictures
from sweep.evaluation import GRID, WALK
from sweep.executors.worker import Ready
from sweep.plan import Plan, ask, parameters, trial_of
from sweep.searchers import Observation
from sweep.trial import Cohort, Compiled, Failure, Score, Trial

COHORT_TRIALS = 8
COHORT_BYTES = 2**30
ATTEMPTS = 3


class Backlog:
    """Hands out cohorts and commits what comes back; the only object of a sweep that changes.

    Args:
      plan: what the study is.
      store: the open store; every message is committed before the next cohort is handed out.
      workers: how many share the work; cohorts are no larger than a worker's share.
      environment: what this start of the sweep runs on, recorded when the first worker is ready.
      observe: called with this backlog after every change.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        workers: int,
        environment: dict,
        observe: Callable[["Backlog"], None],
    ):
        self.plan, self.store, self.workers = plan, store, workers
        self.environment, self.observe = environment, observe
        self.trials: dict[str, Trial] = {}
        self.asked: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self.unfinished: Counter[str] = Counter()
        self.rounds: Counter[str] = Counter()
        self.exhausted: set[str] = set()
        self.committed: dict[str, set[int]] = defaultdict(set)
        self.finished: dict[str, str] = {}
        self.waiting: list[str] = []
        self.alone: set[str] = set()
        self.started: set[str] = set()
        self.greeted: set[Ready] = set()
        self.running: set[str] = set()
        self.compilations = 0
        self.values: dict[str, float] = {}
        self.losses: dict[str, int] = defaultdict(int)
        self.began = time.monotonic()
        self._recall()
        self.committed_before = self.rungs_done()

    def take(self, warm: frozenset[str] = frozenset()) -> Cohort | None:
        """The next cohort, of a structure among `warm` if one waits; None when there is nothing now."""
        self._ask()
        if not self.waiting:
            return None
        first = self._first(warm)
        structure = self.trials[first].config.structure()
        self.started.add(structure)
        limit = 1 if first in self.alone else self._cohort_limit(self.trials[first].config)
        chosen = [
            trial
            for trial in self.waiting
            if self.trials[trial].config.structure() == structure
            and (trial in self.alone) == (first in self.alone)
        ][:limit]
        self.waiting = [trial for trial in self.waiting if trial not in chosen]
        self.running.update(chosen)
        self.observe(self)
        return Cohort(
            tuple(self.trials[trial] for trial in chosen),
            tuple(frozenset(self.committed[trial]) for trial in chosen),
            tuple(self.store.attempts(trial) for trial in chosen),
            _places(len(chosen), self.plan.workload.lanes),
        )

    def greet(self, ready: Ready) -> None:
        """A worker has started: the first of its kind completes the record of this start."""
        if ready not in self.greeted:
            self.greeted.add(ready)
            self.store.add_environment(self.environment | {"devices": ready.devices})

    def record(self, message: Score | Failure | Compiled) -> None:
        """Commits what a worker reported."""
        if isinstance(message, Compiled):
            self._record_programs(message)
        elif isinstance(message, Score):
            self._record_score(message)
        else:
            self.store.add_failure(message._asdict() | {"final": True})
            self._finish(message.trial, message.cause)
        self.observe(self)

    def lost(self, cohort: Cohort, message: str) -> None:
        """The cohort's worker died: its unfinished trials are tried again, each by itself.

        A trial that is lost three times without a score between is given up.
        """
        for trial in cohort.trials:
            if trial.id not in self.running:
                continue
            attempt = self.store.attempts(trial.id)
            self.losses[trial.id] += 1
            final = self.losses[trial.id] >= ATTEMPTS
            self.store.add_failure(
                {
                    "trial": trial.id,
                    "attempt": attempt,
                    "cause": "lost",
                    "rung": None,
                    "step": None,
                    "message": message,
                    "detail": "",
                    "final": final,
                }
            )
            if final:
                self._finish(trial.id, "lost")
            else:
                self.alone.add(trial.id)
        self.give_back(cohort)

    def give_back(self, cohort: Cohort) -> None:
        """What the cohort has not finished waits again."""
        for trial in cohort.trials:
            if trial.id in self.running:
                self.running.discard(trial.id)
                self.waiting.insert(0, trial.id)
        self.observe(self)

    def done(self) -> bool:
        """Whether every trial of the study is finished; asks for the next rounds before it says so."""
        self._ask()
        return not self.waiting and not self.running

    @property
    def best(self) -> tuple[float, Trial] | None:
        """The lowest score of all trials that have not failed, and its trial."""
        values = {trial: value for trial, value in self.values.items() if self.finished.get(trial, "done") == "done"}
        if not values:
            return None
        trial = min(values, key=values.__getitem__)
        return values[trial], self.trials[trial]

    def failed(self) -> int:
        """The number of failed trials."""
        return sum(cause != "done" for cause in self.finished.values())

    def expected(self) -> int:
        """Trials of the whole study: those asked, and those of rounds to come, where a method has more to ask."""
        return sum(map(self._expected, self.plan.methods))

    def rungs_done(self) -> int:
        """Rungs that need no more work, those that a failed trial will not reach included."""
        every = len(self.plan.workload.rungs)
        return sum(every if trial in self.finished else len(self.committed[trial]) for trial in self.trials)

    def seconds_left(self) -> float | None:
        """Estimated seconds to the end, from the pace so far; None before the first score."""
        advanced = self.rungs_done() - self.committed_before
        if advanced <= 0:
            return None
        left = self.expected() * len(self.plan.workload.rungs) - self.rungs_done()
        return (time.monotonic() - self.began) / advanced * left

    def _record_programs(self, message: Compiled) -> None:
        """Nothing, if the worker had them."""
        if message.compiled or message.loaded:
            self.compilations += message.compiled
            self.store.add_programs(message._asdict())

    def _record_score(self, message: Score) -> None:
        folder = self._samples / message.trial
        pictures.save_grid(folder / f"{message.rung}.png", message.grid[:GRID], WALK)
        pictures.save_grid(folder / f"{message.rung}_walks.png", message.grid[GRID:], WALK)
        row = message._asdict() | {
            "metric": self.plan.workload.metric,
            "protocol": self.plan.protocol.fingerprint,
        }
        del row["grid"]
        row["signs"] = [sign._asdict() for sign in message.signs]
        self.store.add_scores([row])
        self._know(message.trial, message.rung, message.value)

    @property
    def _samples(self) -> Path:
        return self.store.folder / "samples"

    def _know(self, trial: str, rung: int, value: float) -> None:
        self.committed[trial].add(rung)
        self.values[trial] = min(value, self.values.get(trial, value))
        self.losses.pop(trial, None)
        if rung == self.plan.workload.rungs[-1]:
            self._finish(trial, "done")

    def _finish(self, trial: str, outcome: str) -> None:
        if trial not in self.finished:
            self.unfinished[self.trials[trial].method] -= 1
        self.finished[trial] = outcome
        self.running.discard(trial)
        checkpoints.forget(self.plan.workload.checkpoints, trial)

    def _recall(self) -> None:
        """Everything that the store knows."""
        for row in self.store.trials():
            trial = self._trial(row["method"], Config.from_dict(row["settings"]), row["seed"])
            self._enlist(trial, self.plan.place(row["round"]))
            self.rounds[row["method"]] = row["round"] + 1
        for row in self.store.scores():
            self._know(row["trial"], row["rung"], row["value"])
        for row in self.store.failures():
            if row["final"]:
                self._finish(row["trial"], row["cause"])
            else:
                self.alone.add(row["trial"])
        self.waiting = [trial for trial in self.waiting if trial not in self.finished]

    def _ask(self) -> None:
        """The next round of every method that has all scores of the one before; no method waits for another."""
        for method in self.plan.methods:
            if not self.unfinished[method] and method not in self.exhausted:
                self._ask_round(method)

    def _ask_round(self, method: str) -> None:
        """The next round of the method, of the next phase where one has nothing more to ask."""
        number = self.rounds[method]
        while number < self.plan.rounds:
            place = self.plan.place(number)
            known = self._observations(method)
            configs = ask(self.plan, method, number, known, len(self.asked[method, place]))
            trials = [self._trial(method, config, seed) for config in configs for seed in self.plan.seeds_of(place)]
            if trials:
                self.store.add_trials(number, [_row(trial) for trial in trials])
                self.rounds[method] = number + 1
                for trial in trials:
                    self._enlist(trial, place)
                return
            number = self.plan.first_round(place + 1)
        self.rounds[method] = number
        self.exhausted.add(method)

    def _expected(self, method: str) -> int:
        """A phase whose searcher gave fewer configs than it was asked for has no more."""
        return sum(self._configs(method, place) * each.seeds for place, each in enumerate(self.plan.phases))

    def _configs(self, method: str, place: int) -> int:
        phase, asked = self.plan.phases[place], len(self.asked[method, place])
        rounds = self.rounds[method] - self.plan.first_round(place)
        return phase.configs if asked >= min(phase.configs, rounds * phase.batch) else asked

    def _observations(self, method: str) -> list[Observation]:
        """What the method's configs scored, in the order they were asked: the lowest rung of each trial."""
        rows = [row for row in self.store.trials() if row["method"] == method]
        settings = {row["config"]: row["settings"] for row in rows}
        scores: dict[str, dict[str, float]] = {config: {} for config in settings}
        trials = {row["trial"]: row["config"] for row in rows}
        for trial, config in trials.items():
            scores[config][trial] = float("inf")
        for row in self.store.scores():
            if (config := trials.get(row["trial"])) and self.finished[row["trial"]] == "done":
                scores[config][row["trial"]] = min(scores[config][row["trial"]], row["value"])
        return [Observation(settings[config], tuple(scores[config].values())) for config in settings]

    def _enlist(self, trial: Trial, place: int) -> None:
        self.trials[trial.id] = trial
        self.asked[trial.method, place].add(trial.config.identity())
        self.unfinished[trial.method] += 1
        self.waiting.append(trial.id)

    def _trial(self, method: str, config: Config, seed: int) -> Trial:
        return trial_of(self.plan.seed, method, config, seed)

    def _first(self, warm: frozenset[str]) -> str:
        """Of the waiting trials one of a warm structure, else of one that no worker compiled yet;
        among those, of the structure with most trials waiting."""
        waiting = defaultdict(list)
        for trial in self.waiting:
            waiting[self.trials[trial].config.structure()].append(trial)
        best = max(
            waiting,
            key=lambda each: (each in warm, each not in self.started, len(waiting[each])),
        )
        return waiting[best][0]

    def _cohort_limit(self, config: Config) -> int:
        """How many trials a worker trains at a time: its share of them, as far as their weights and
        optimizers fit in COHORT_BYTES."""
        shape = self.plan.workload.dataset.image_shape
        member = 12 * sum(parameters(config, shape))
        together = max(each.batch * each.seeds for each in self.plan.phases) * len(self.plan.methods)
        share = math.ceil(min(len(self.trials), together) / self.workers)
        return max(1, self.plan.workload.lanes, min(COHORT_TRIALS, share, COHORT_BYTES // member))


def _row(trial: Trial) -> dict:
    return {
        "trial": trial.id,
        "config": trial.config.identity(),
        "method": trial.method,
        "seed": trial.seed,
        "settings": trial.config.to_dict(),
        "structure": trial.config.structure(),
    }


def _places(trials: int, lanes: int) -> int:
    """Places in the population: a power of two, so that few sizes are compiled, in whole lanes."""
    size = 1 << (trials - 1).bit_length()
    return -(-size // lanes) * lanes
