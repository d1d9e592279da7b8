"""The best trials of a sweep: what each scored, how much its config depends on the seed, where its generator is."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganscape.errors import check_name
from ganscape.results.frames import Results
from ganscape.results.store import NO_STUDY, StoreError


class Winner(NamedTuple):
    """A trial with its lowest score.

    values: the lowest scores of all trials of its config that have ended, infinite for failed ones, increasing.
    seconds: that training and evaluating it took up to its rung. generator: its file, None if there
    is none.
    """

    trial: str
    method: str
    config: str
    seed: int
    rung: int
    value: float
    values: tuple[float, ...]
    seconds: float
    settings: dict[str, Any]
    generator: Path | None

    def spread(self) -> str:
        """Returns the scores of the config's seeds in words."""
        if len(self.values) == 1:
            return "one seed"
        failed = sum(np.isinf(self.values))
        words = f"{self.values[0]:.4g} to {self.values[-1 - failed]:.4g} over {len(self.values)} seeds"
        return words + (f", {failed} of them failed" if failed else "")


def winners(results: Results, method: str | None = None, top: int = 1) -> list[Winner]:
    """Returns the trials with the lowest scores, the best first; none that failed.

    Raises:
      StoreError: for a method that the sweep does not have, and where no trial has a score.
    """
    if not results.study:
        raise StoreError(f"'{results.folder}' holds {NO_STUDY}")
    if method is not None:
        check_name("method", method, results.methods(), StoreError)
    scores = results.lowest()
    scores = scores if method is None else scores[scores["method"] == method]
    if scores.empty:
        raise StoreError(f"no trial{f' of {method}' if method else ''} in '{results.folder}' has a score yet")
    return [_winner(results, row) for row in scores.head(top).itertuples()]


def find_winner(results: Results, trial: str | None = None, method: str | None = None) -> Winner:
    """Returns the trial of this id, or else the one with the lowest score, of this method if one is named.

    Raises StoreError if there is none, or if both are named.
    """
    if trial is not None and method is not None:
        raise StoreError(f"trial {trial} and method {method} name two things; give one of them")
    return winners(results, method)[0] if trial is None else find_trial(results, trial)


def find_trial(results: Results, name: str) -> Winner:
    """Returns the trial of this id, or of the one id that begins so.

    Raises:
      StoreError: for none, several, or a trial without a score.
    """
    ids = [trial for trial in results.trials()["trial"] if trial.startswith(name)]
    if len(ids) != 1:
        reason = f"is none of the {len(results.trials())} trials" if not ids else f"is ambiguous: {', '.join(ids[:4])}"
        raise StoreError(f"trial '{name}' {reason} of '{results.folder}'")
    scores = results.lowest()
    rows = list(scores[scores["trial"] == ids[0]].itertuples())
    if not rows:
        raise StoreError(f"trial '{ids[0]}' has failed or has no score yet; there is no generator to sample from")
    return _winner(results, rows[0])


class FurtherScore(NamedTuple):
    """Scores of one trial by a metric that is not the study's, or with other samples.

    values: one per draw of samples, in the order of the draws.
    """

    metric: str
    samples: int
    values: tuple[float, ...]

    def words(self) -> str:
        """The metric with its value, or the mean and range of several draws."""
        label = f"{self.metric} {np.mean(self.values):.6g} of {self.samples:,} samples"
        if len(self.values) == 1:
            return label
        return f"{label}, the mean of {len(self.values)} draws ({min(self.values):.6g} to {max(self.values):.6g})"


def further_scores(results: Results) -> dict[str, list[FurtherScore]]:
    """Returns scores by other protocols than the study's, by trial, at the rung of its lowest score: by further metrics
    of the sweep, and what `ganscape rescore` has found."""
    scores, protocols = results.scores(), results.protocols().set_index("fingerprint").to_dict("index")
    others = scores[scores["protocol"] != results.study.get("protocol")]
    others = others.merge(results.lowest()[["trial", "rung"]], on=["trial", "rung"])
    draws: dict[tuple[str, str, int], list[tuple[int, float]]] = {}
    for row in others.to_dict("records"):
        protocol = protocols[row["protocol"]]
        draw = protocol.get("draw", 0)
        number = int(draw) if draw == draw else 0  # NaN where the protocols of others state a draw
        draws.setdefault((row["trial"], row["metric"], int(protocol["samples"])), []).append((number, row["value"]))
    further: dict[str, list[FurtherScore]] = {}
    for (trial, metric, samples), rows in draws.items():
        values = tuple(value for _, value in sorted(rows))
        further.setdefault(trial, []).append(FurtherScore(metric, samples, values))
    return further


def _winner(results: Results, row) -> Winner:
    trials = results.per_trial()
    values = trials.loc[(trials["config"] == row.config) & (trials["method"] == row.method), "value"].dropna()
    kept = results.generators()
    kept = kept[(kept["trial"] == row.trial) & (kept["rung"] == row.rung)]
    return Winner(
        row.trial,
        row.method,
        row.config,
        int(row.seed),
        int(row.rung),
        float(row.value),
        tuple(sorted(map(float, values))) or (float(row.value),),
        float(row.seconds),
        results.settings(row.config),
        next((path for path in map(Path, kept["path"]) if path.is_file()), None),
    )
