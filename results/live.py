"""How far a sweep is, from its store alone, while it runs or after it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ganscape.results import budget, statistics
from ganscape.results.frames import Results

if TYPE_CHECKING:
    import pandas as pd

STATES = ("done", "running", "stopped", "failed")


class Progress(NamedTuple):
    """What `progress` found.

    counts: trials asked so far by state, see STATES. expected: trials that the definition asks for, at most.
    failures: final ones by cause. per_minute: rungs scored per minute since the sweep was last started, NaN before the
    first. left: seconds to the last rung of all expected trials at that rate, NaN where there is none, 0 at the end.
    idle: seconds since the last score of this start, 0 before the first.
    methods: see `by_method`.
    """

    counts: dict[str, int]
    expected: int
    failures: dict[str, int]
    per_minute: float
    left: float
    idle: float
    methods: "pd.DataFrame"


def progress(results: Results, now: datetime | None = None) -> Progress:
    """The state of a sweep at the instant that was loaded; now: UTC, for the rate of a sweep that is being written."""
    status = results.trials()["status"].value_counts()
    counts = {state: int(status.get(state, 0)) for state in STATES}
    failures = results.failures().query("final and cause != 'stopped'")["cause"].value_counts()
    ended = sum(counts.values()) - counts["running"]
    expected = max(expected_trials(results), sum(counts.values()))
    rate, idle = _pace(results, datetime.now(UTC) if now is None else now)
    to_go = expected * len(results.study.get("rungs", ())) - _rungs_behind(results)
    left = 0.0 if 0 < ended == expected else to_go / rate if rate > 0 else np.nan
    causes = {str(cause): int(count) for cause, count in failures.items()}
    return Progress(counts, expected, causes, 60 * rate, float(left), idle, by_method(results))


def methods_without_score(results: Results) -> dict[str, dict[str, int]]:
    """Methods all of whose trials failed -> how many failed of which cause. A trial that was stopped has not failed."""
    trials, failures = results.trials(), results.failures().query("final")
    without = {}
    for method, group in trials.groupby("method", sort=False):
        if (group["status"] == "failed").all():
            causes = failures[failures["trial"].isin(group["trial"])]["cause"].value_counts()
            without[str(method)] = {str(cause): int(count) for cause, count in causes.items()}
    return without


def expected_trials(results: Results) -> int:
    """Trials of all methods and phases, if no searcher runs out of configs; 0 before the sweep began."""
    study = results.study
    phases = [study, *study.get("phases", [])] if study else []
    return len(study.get("methods", ())) * sum(phase["configs"] * phase["seeds"] for phase in phases)


def by_method(results: Results, rule: str = "best") -> "pd.DataFrame":
    """One row per method: method done failed failed_low failed_high best config seed k expected low high.

    failed_low, failed_high: Wilson's 95 % interval of the share of trials that fail. best, config, seed: the lowest
    score so far, of unfinished trials too. expected, low, high: the expected best of k configs and its 95 % interval,
    with k half the configs that are finished in the method with the fewest; NaN for searches that learn, and while
    there are too few.
    """
    import pandas as pd

    trials, searched, scores = results.per_trial(rule), results.searched(rule), results.lowest()
    tables = {method: budget.replicates(searched, method) for method in results.methods()}
    k = min(map(len, tables.values()), default=0) // 2
    rows = []
    for method, table in tables.items():
        status = trials.loc[trials["method"] == method, "status"]
        failed, done = int((status == "failed").sum()), int((status == "done").sum())
        _, *reach = statistics.share(failed, failed + done)
        best = next(scores[scores["method"] == method].itertuples(), None)
        found = (best.value, best.config, best.seed) if best else (np.nan, "", -1)
        known = k > 0 and results.exchangeable() and not results.begins_with_known()
        expected = (budget.expected_best(table, k), *budget.interval(table, k)) if known else (np.nan,) * 3
        rows.append((method, done, failed, *reach, *found, k, *expected))
    columns = ["method", "done", "failed", "failed_low", "failed_high", "best", "config", "seed", "k", "expected",
               "low", "high"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _pace(results, now) -> tuple[float, float]:
    """Rungs scored per second since the last start, and seconds since the last of them.

    The time is that until now, or until the last score where the sweep has been silent for ten times the usual.
    """
    starts, scored = results.environments()["recorded"], results.scored_at()
    times = [at for at in scored if at >= starts.iloc[-1]] if len(starts) else []
    if not times:
        return np.nan, 0.0
    began, last = (datetime.fromisoformat(at).timestamp() for at in (starts.iloc[-1], max(times)))
    idle = max(now.timestamp() - last, 0.0)
    usual = max(last - began, 1e-3) / len(times)
    until = last + idle if idle < 10 * usual else last
    return len(times) / max(until - began, 1e-3), idle


def _rungs_behind(results) -> int:
    """Rungs that need no more training: scored ones, and all of trials that ended otherwise."""
    trials, rungs = results.trials(), len(results.study.get("rungs", ()))
    ended = trials["status"] != "running"
    return int(trials["rungs"].where(~ended, rungs).sum())
