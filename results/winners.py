"""The best trials of a sweep: what each scored, how much its config depends on the seed, where its generator is."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganscape.errors import check_name
from ganscape.results.frames import Results
from ganscape.results.store import StoreError


class Winner(NamedTuple):
    """A trial with its lowest score.

    values: the lowest scores of all trials of its config that have ended, infinite for failed ones, increasing.
    seconds: that training and evaluating it took up to its rung. generator: its file, None if it is not kept.
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
    if method is not None:
        check_name("method", method, results.methods(), StoreError)
    scores = results.lowest()
    scores = scores if method is None else scores[scores["method"] == method]
    if scores.empty:
        raise StoreError(f"no trial{f' of {method}' if method else ''} in '{results.folder}' has a score yet")
    return [_winner(results, row) for row in scores.head(top).itertuples()]


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
        Path(kept["path"].iloc[0]) if len(kept) else None,
    )
