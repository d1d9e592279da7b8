"""How far a sweep is, from its store alone, while it runs or after it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ganscape.results import budget, statistics
from ganscape.results.counts import Asked, expected_of_method, rungs_done, seconds_left
from ganscape.results.definition import PhaseDefinition, phases_of, takes_part
from ganscape.results.frames import Results

if TYPE_CHECKING:
    import pandas as pd

STATES = ("done", "running", "stopped", "failed")


class Progress(NamedTuple):
    """How far a sweep is, at one instant.

    counts: trials asked so far by state, see STATES. expected: see `expected_in_all`.
    failures: final ones by cause. per_minute: rungs scored per minute since the sweep was last started, NaN before the
    first. left: seconds to the last rung of all expected trials at that rate, NaN while that says little, 0 at the end.
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
    """Returns the state of a sweep at the instant that was loaded; now: UTC, for the rate of a sweep that is being
    written."""
    status = results.progress_of_trials()["status"].value_counts()
    counts = {state: int(status.get(state, 0)) for state in STATES}
    failures = results.failures().query("final and cause != 'stopped'")["cause"].value_counts()
    ended = sum(counts.values()) - counts["running"]
    expected = max(expected_in_all(results), sum(counts.values()))
    left = 0.0 if 0 < ended == expected else np.nan
    rate, idle = np.nan, 0.0
    if pace := _pace(results, datetime.now(UTC) if now is None else now):
        rate, idle = 60 * pace.scored / pace.seconds, pace.idle
        total = expected * len(results.study.get("rungs", ()))
        done_before, done = (scored_rungs(results, before) for before in (pace.began, None))
        left = left if left == 0 else seconds_left(done_before, done, total, pace.seconds)
    causes = {str(cause): int(count) for cause, count in failures.items()}
    return Progress(counts, expected, causes, rate, left, idle, by_method(results))


def methods_without_score(results: Results) -> dict[str, dict[str, int]]:
    """Returns the methods all of whose trials failed, each with how many failed of which cause; a stopped trial has not
    failed."""
    trials, failures = results.progress_of_trials(), results.failures().query("final")
    without = {}
    for method, group in trials.groupby("method", sort=False):
        if (group["status"] == "failed").all():
            causes = failures[failures["trial"].isin(group["trial"])]["cause"].value_counts()
            without[str(method)] = {str(cause): int(count) for cause, count in causes.items()}
    return without


def expected_in_all(results: Results) -> int:
    """Returns how many trials the sweep will have in all, as far as can be told from its store; 0 before it began."""
    trials = results.progress_of_trials()
    methods = results.study.get("methods", ())
    phases = {method: [phase for phase in phases_of(results.study) if takes_part(phase, method)] for method in methods}
    return sum(_expected_of(phases[method], trials[trials["method"] == method]) for method in methods)


def _expected_of(phases: list[PhaseDefinition], trials: "pd.DataFrame") -> int:
    """Returns how many trials the method of these trials will have in all."""
    failed = (trials["status"] == "failed").groupby(trials["config"]).mean()
    parts = [trials[trials["phase"] == phase["name"]] for phase in phases]
    asked = [Asked(list(rows.groupby("round")["config"].nunique()), len(rows)) for rows in parts]
    running = bool((trials["status"] == "running").any())
    return expected_of_method(phases, asked, running, hopeless=bool((failed >= 0.5).all()))


def by_method(results: Results, rule: str = "best") -> "pd.DataFrame":
    """Returns one row per method, with columns method done failed failed_low failed_high best config seed k expected
    low high.

    failed_low, failed_high: Wilson's 95 % interval of the share of trials that fail. best, config, seed: the lowest
    score so far, of unfinished trials too. expected, low, high: the expected best of k configs and its 95 % interval,
    k being `budget.comparison_budget` of the method with the fewest finished configs; NaN for searches that learn, and
    while there are too few.
    """
    import pandas as pd

    trials, searched, scores = results.per_trial(rule), results.searched(rule), results.lowest()
    tables = {method: budget.replicates(searched, method) for method in results.methods()}
    configs = min(map(len, tables.values()), default=0)
    k = budget.comparison_budget(configs) if configs else 0
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


class _Pace(NamedTuple):
    """Since the last start of a sweep: when that was, rungs scored and the seconds they took; idle: since the last."""

    began: str
    scored: int
    seconds: float
    idle: float


def _pace(results: Results, now: datetime) -> _Pace | None:
    """Returns the pace since the last start of the sweep, None before its first score.

    Its seconds are those until now, or until the last score where no score came for ten times the usual.
    """
    starts, scored = results.environments()["recorded"], results.scored_at()
    times = [at for at in scored if at >= starts.iloc[-1]] if len(starts) else []
    if not times:
        return None
    began, last = (datetime.fromisoformat(at).timestamp() for at in (starts.iloc[-1], max(times)))
    idle = max(now.timestamp() - last, 0.0)
    usual = max(last - began, 1e-3) / len(times)
    until = last + idle if idle < 10 * usual else last
    return _Pace(starts.iloc[-1], len(times), max(until - began, 1e-3), idle)


def scored_rungs(results: Results, before: str | None = None) -> int:
    """Returns how many rungs need no more work, or needed none at an instant, given as the store writes it."""
    scores, failures = (results.tables()[name] for name in ("scores", "failures"))
    scored: dict[str, set[int]] = {trial: set() for trial in results.tables()["trials"]["trial"]}
    for trial, rung, recorded in zip(scores["trial"], scores["rung"], scores["recorded"], strict=True):
        if before is None or recorded < before:
            scored[trial].add(rung)
    ends = zip(failures["trial"], failures["final"], failures["recorded"], strict=True)
    ended = {trial for trial, final, recorded in ends if final and (before is None or recorded < before)}
    return rungs_done({trial: len(own) for trial, own in scored.items()}, ended, len(results.study.get("rungs", ())))
