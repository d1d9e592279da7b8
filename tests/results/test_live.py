import math
from datetime import UTC, datetime, timedelta

import pytest

from ganscape.results import frames, live, store
from ganscape.results.store import StoreError, database, open_store

TABLE = {"a": [[3.0, 4.0], [None, 2.0]], "b": [["running", 5.0], [6.0, 7.0]]}


def test_states_failures_and_the_best_of_each_method_are_counted(build):
    state = live.progress(frames.load(build(TABLE)))
    assert state.counts == {"done": 6, "running": 1, "stopped": 0, "failed": 1}
    assert (state.expected, state.failures) == (8, {"diverged": 1})
    found = state.methods.set_index("method")
    assert found[["done", "failed", "best", "config", "seed"]].to_numpy().tolist() == [
        [3, 1, 2.0, "a-1", 1], [3, 0, 5.0, "b-0", 1],
    ]  # fmt: skip
    assert found.loc["a", "failed_low"] == pytest.approx(0.0456, abs=1e-3)  # Wilson, 1 of 4
    assert found.loc["a", "failed_high"] == pytest.approx(0.6994, abs=1e-3)


def test_expected_trials_are_those_of_all_phases(build):
    phases = [{"name": "x", "searcher": "best", "rounds": 1, "configs": 1, "seeds": 3}]
    results = frames.load(build({"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]}, phases=phases))
    assert live.expected_in_all(results) == 2 * (2 + 3)


def at(monkeypatch, seconds):
    """Every row is recorded so many seconds after the first of January."""

    class Clock(datetime):
        @classmethod
        def now(cls, zone=None):
            return START + timedelta(seconds=seconds)

    monkeypatch.setattr(database, "datetime", Clock)


START = datetime(2026, 1, 1, tzinfo=UTC)
SCORE = {"metric": "fd_digits", "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0, "value": 9.0}


def test_the_rate_is_that_of_the_last_start_and_the_rest_takes_as_long(build, monkeypatch):
    at(monkeypatch, 0)
    folder = build({"a": [[3.0], ["running"], ["running"]]})
    at(monkeypatch, 1000)
    with open_store(folder) as out:
        out.add_environment({})
        at(monkeypatch, 1030)
        out.add_scores([SCORE | {"trial": "a-1-0", "rung": 100, "images": 100}])
    state = live.progress(frames.load(folder), START + timedelta(seconds=1060))
    assert (state.per_minute, state.idle) == (pytest.approx(1.0), 30.0)
    assert state.left == pytest.approx(180.0)  # three rungs of two trials
    silent = live.progress(frames.load(folder), START + timedelta(hours=9))
    assert silent.per_minute == pytest.approx(2.0) and silent.idle > 30_000


def test_at_the_end_nothing_is_left_and_before_the_first_score_nothing_is_known(build, tmp_path):
    assert live.progress(frames.load(build({"a": [[3.0]]}))).left == 0
    state = live.progress(frames.load(build({"a": [["running"]]}, "two")))
    assert math.isnan(state.left) and math.isnan(state.per_minute) and state.methods["best"].isna().all()
    open_store(tmp_path / "empty").close()
    state = live.progress(frames.load(tmp_path / "empty"))
    assert state.expected == 0 and state.methods.empty and math.isnan(state.left), "not at its end: not begun"


def test_an_expectation_is_given_for_independent_draws_only(build):
    table = {"a": [[float(i)] for i in range(1, 9)]}
    assert live.progress(frames.load(build(table))).methods["expected"][0] == pytest.approx(9 / 3)  # (n + 1) / (k + 1)
    learnt = live.progress(frames.load(build(table, "two", searcher="gp_bandit")))
    assert learnt.methods["expected"].isna().all()


def test_the_rows_written_tell_every_commit(build):
    folder = build({"a": [[3.0], ["running"]]})
    seen = [store.rows_written(folder)]
    with open_store(folder) as out:
        for rung in (100, 200):
            out.add_scores([SCORE | {"trial": "a-1-0", "rung": rung, "images": rung}])
            seen.append(store.rows_written(folder))
    assert len(set(seen)) == 3
    with pytest.raises(StoreError, match="no results in"):
        store.rows_written(folder / "nowhere")


def test_reading_changes_no_rows(build):
    folder = build(TABLE)
    before = store.rows_written(folder)
    live.progress(frames.load(folder))
    assert store.rows_written(folder) == before


def test_nothing_is_left_of_a_sweep_whose_trials_all_failed(build):
    assert live.progress(frames.load(build({"a": [[None], [None]]}))).left == 0.0


def test_only_a_method_all_of_whose_trials_failed_has_none_that_worked(build):
    results = frames.load(build({"dead": [[None, None], [None, None]], "half": [[None, 2.0], [None, None]]}))
    assert live.methods_without_score(results) == {"dead": {"diverged": 4}}


def test_a_method_with_a_trial_that_still_runs_may_yet_work(build):
    assert live.methods_without_score(frames.load(build({"running": [["running", None]]}))) == {}
