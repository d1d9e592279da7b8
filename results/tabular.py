"""A finished sweep as a benchmark: what a config scored at a rung with a seed, and what that cost, without training.

    table = ganscape.benchmark.Tabular(ganscape.recorded("equal_wide_mnist16"))
    config = table.configs("wgan_gp")[0]
    table.ask(config, rung=table.rungs[0], seed=1)

Searchers and schedulers can be compared on real training curves of GANs in seconds; `results.surrogate` answers between
the configs of the table.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganscape.errors import check_name
from ganscape.results.frames import Results, load
from ganscape.results.store import StoreError


class Replay(NamedTuple):
    """What training a config to a rung gave.

    value: the score, infinite for a trial that had failed by then. seconds: of training and evaluating it up to there.
    images: real images that it saw. seed: which of the config's trials it is.
    """

    value: float
    seconds: float
    images: int
    seed: int


class Tabular:
    """The trials of a finished sweep, to be asked as if they were trained now.

    metric: what scores are called; lower is better. rungs: the numbers of real images at which there are scores,
    increasing. methods: the methods of the study.
    """

    def __init__(self, source: str | Path | Results):
        """source: an output folder or its results. Raises StoreError for a sweep in which no trial has ended."""
        results = source if isinstance(source, Results) else load(source)
        trials = results.per_trial("last")
        ended = trials[trials["status"].isin(["done", "stopped", "failed"])]
        if ended.empty:
            raise StoreError(f"no trial in '{results.folder}' has ended; a benchmark replays what was trained")
        self.results, self.metric, self.methods = results, str(results.study["metric"]), results.methods()
        self.rungs = tuple(int(rung) for rung in results.study["rungs"])
        scores = results.scores()
        scores = scores[(scores["metric"] == self.metric) & (scores["protocol"] == results.study["protocol"])]
        columns = [scores[name].tolist() for name in ("trial", "rung", "value", "seconds", "images")]
        self._scores: dict[tuple[str, int], tuple[float, float, int]] = {
            (trial, rung): (value, seconds, images)
            for trial, rung, value, seconds, images in zip(*columns, strict=True)
        }
        spent = results.costs().fillna(0.0)
        columns = [spent[name].tolist() for name in ("trial", "seconds", "images")]
        self._costs = {trial: (seconds, int(images)) for trial, seconds, images in zip(*columns, strict=True)}
        self._status = dict(zip(ended["trial"], ended["status"], strict=True))
        self._trials: dict[str, dict[int, str]] = {}
        self._methods: dict[str, list[str]] = {method: [] for method in self.methods}
        for row in ended.itertuples():
            if row.config not in self._trials:
                self._methods[str(row.method)].append(str(row.config))
            self._trials.setdefault(str(row.config), {})[int(row.seed)] = str(row.trial)  # type: ignore[arg-type]

    def configs(self, method: str) -> list[str]:
        """Returns the ids of a method's configs, in the order in which they were asked for."""
        check_name("method", method, self.methods, StoreError)
        return list(self._methods[method])

    def settings(self, config: str) -> dict[str, Any]:
        """Returns the settings of a config."""
        self._check(config)
        return dict(self.results.settings(config))

    def seeds(self, config: str) -> list[int]:
        """Returns the seeds with which a config was trained."""
        self._check(config)
        return sorted(self._trials[config])

    def ask(
        self, config: str, rung: int | None = None, seed: int | None = None, rng: np.random.Generator | None = None
    ) -> Replay:
        """Returns the score of a config at a rung, and its cost.

        Args:
          rung: one of `rungs`; the last by default.
          seed: one of the config's; by default one of them is drawn by `rng`, or the first is taken without.

        Raises:
          StoreError: for a config, rung or seed that the table does not have, and for a rung beyond the one at which a
            scheduler had stopped the trial.
        """
        seeds = self.seeds(config)
        rung = self.rungs[-1] if rung is None else rung
        if rung not in self.rungs:
            raise StoreError(f"rung={rung} is none of: {', '.join(map(str, self.rungs))}")
        if seed is None:
            seed = seeds[0] if rng is None else int(rng.choice(seeds))
        answers = self.curve(config, seed)
        if len(answers) < len(self.rungs) and rung >= self.rungs[len(answers)]:
            trial = self._trials[config][seed]
            raise StoreError(f"trial {trial} was stopped before {rung:,} images; the table has no score of it there")
        return answers[self.rungs.index(rung)]

    def curve(self, config: str, seed: int) -> tuple[Replay, ...]:
        """Returns what training a config with this seed gave at each rung: at fewer than `rungs` where a scheduler
        stopped the trial; infinity, and the whole cost, from the rung on that a failed one did not reach.

        Raises StoreError for a config or seed that the table does not have.
        """
        if seed not in (seeds := self.seeds(config)):
            raise StoreError(f"seed={seed} of config {config} was not trained; one of: {', '.join(map(str, seeds))}")
        trial, answers = self._trials[config][seed], []
        for rung in self.rungs:
            if (trial, rung) in self._scores:
                answers.append(Replay(*self._scores[trial, rung], seed))
            elif self._status[trial] == "stopped":
                break
            else:
                answers.append(Replay(np.inf, *self._costs[trial], seed))
        return tuple(answers)

    def lowest(self, method: str, rung: int | None = None) -> float:
        """Returns the lowest median over seeds among a method's configs at a rung: what a search can hope for."""
        return min(
            float(np.median([self.ask(config, rung, seed).value for seed in self.seeds(config)]))
            for config in self.configs(method)
        )

    def _check(self, config: str) -> None:
        if config not in self._trials:
            raise StoreError(f"config {config!r} is none of the {len(self._trials)} of '{self.results.folder}'")
