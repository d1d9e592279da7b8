"""What the database counts of a sweep is what the frames of all of its rows say."""

import math
import sqlite3
from contextlib import closing

import pytest

from ganscape.results import frames, live
from ganscape.results.frames import RECORDED
from ganscape.results.store import StoreError, open_store, read_totals

STUDIES = sorted(path.parent.name for path in RECORDED.glob("*/store.sqlite"))
# Failed, not finished, tied and scored trials; a method all of whose trials failed, and one that has just begun.
TABLE = {
    "a": [[3.0, 4.0], [None, 2.0]],
    "b": [["running", 5.0], [6.0, 7.0]],
    "c": [[None, None], [None, None]],
    "d": [["running", "running"]],
}
CONFIRM = {"name": "x", "searcher": "best", "rounds": 1, "configs": 1, "seeds": 3}


def by_frames(folder):
    """Method -> done, failed, stopped, running, lowest score, its config and seed, from frames of all rows."""
    results = frames.load(folder)
    trials, methods = results.per_trial(), {}
    for method, group in trials.groupby("method", sort=False):
        counts = [int((group["status"] == status).sum()) for status in ("done", "failed", "stopped", "running")]
        ended = group[group["status"] != "running"].sort_values("value", kind="stable")
        top = next(ended.itertuples(), None)
        methods[method] = (*counts, *((top.value, top.config, top.seed) if top else (math.inf, "", -1)))
    return methods, live.expected_in_all(results)


def by_database(folder):
    totals = read_totals(folder)
    methods = {
        name: (part.done, part.failed, part.stopped, part.running, part.lowest, part.config, part.seed)
        for name, part in totals.methods.items()
    }
    return methods, totals.expected()


@pytest.mark.parametrize("name", STUDIES)
def test_recorded_studies_are_counted_as_their_frames_are(name):
    assert by_database(RECORDED / name) == by_frames(RECORDED / name)


@pytest.mark.parametrize("phases", [[], [CONFIRM]])
def test_trials_of_every_status_are_counted_and_the_lowest_score_of_each_method_is_found(build, phases):
    methods, expected = by_database(folder := build(TABLE, phases=phases))
    assert methods == {
        "a": (3, 1, 0, 0, 2.0, "a-1", 1),
        "b": (3, 0, 0, 1, 5.0, "b-0", 1),
        "c": (0, 4, 0, 0, math.inf, "c-0", 0),
        "d": (0, 0, 0, 2, math.inf, "", -1),
    }
    assert (methods, expected) == by_frames(folder)
    assert expected == 14 + len(phases) * 3 * 3, "nothing of c is confirmed"


def test_stopped_lost_and_retried_trials_are_counted_by_what_came_last(build):
    folder = build({"a": [[3.0, 4.0], [None, "running"], ["running", "running"]]})
    failure = {"attempt": 0, "rung": 100, "step": 7, "message": "", "detail": ""}
    score = {"rung": 100, "images": 100, "metric": "fd_digits", "protocol": "0123456789ab", "attempt": 0}
    with open_store(folder) as store:
        store.add_scores([score | {"trial": "a-1-1", "value": 1.0, "seconds": 1.0}])
        store.add_failure(failure | {"trial": "a-1-1", "cause": "stopped", "final": True})
        store.add_failure(failure | {"trial": "a-2-0", "cause": "lost", "final": False})
        store.add_failure(failure | {"trial": "a-2-1", "cause": "crashed", "final": True})
        assert by_database(folder)[0] == {"a": (2, 2, 1, 1, 1.0, "a-1", 1)}
        store.retry(["crashed"])
    assert by_database(folder)[0] == {"a": (2, 1, 1, 2, 1.0, "a-1", 1)}
    assert by_database(folder) == by_frames(folder)


def test_a_study_that_grew_is_counted_where_its_trials_stand_in_the_larger_one(build):
    """Trials that were asked before the study had a second round and a phase of its own are told by their round."""
    folder = build({"a": [[3.0, 4.0], [5.0, 6.0]]}, phases=[CONFIRM])
    with open_store(folder) as store:
        larger = store.study() | {"configs": 4, "rounds": 2, "seeds": 3}
        store.begin(larger, "a command")
        place = {"method": "a", "settings": {}, "structure": "s", "phase": "random"}
        store.add_trials(0, [place | {"trial": "a-0-2", "config": "a-0", "seed": 2, "phase_round": 0}])
        store.add_trials(1, [place | {"trial": "a-2-0", "config": "a-2", "seed": 0, "phase_round": 1}])
    totals = read_totals(folder)
    assert {phase: (*asked.configs,) for phase, asked in totals.methods["a"].asked.items()} == {"random": (2, 1)}
    assert by_database(folder) == by_frames(folder)


def test_a_store_of_an_earlier_version_is_counted(build):
    """It has no phases of trials, nobody could have failed trials tried again, and nothing says what scores mean."""
    folder = build(TABLE)
    before = by_database(folder)
    with closing(sqlite3.connect(folder / "store.sqlite", isolation_level=None)) as db:
        for statement in (
            "ALTER TABLE trials DROP COLUMN phase", "ALTER TABLE trials DROP COLUMN phase_round",
            *(f"DROP TABLE {name}" for name in ("retries", "baselines", "definitions", "generators")),
            "DELETE FROM migrations WHERE name IN ('m004_baselines', 'm005_retries', 'm006_generators', 'm007_growth')",
        ):  # fmt: skip
            db.execute(statement)
    assert by_database(folder) == before == by_frames(folder)


def test_counting_changes_nothing(build):
    folder = build(TABLE)
    content = (folder / "store.sqlite").read_bytes()
    assert by_database(folder) == by_database(folder)
    assert (folder / "store.sqlite").read_bytes() == content


def test_a_folder_without_a_study_has_no_methods_and_one_without_a_store_is_refused(tmp_path):
    open_store(tmp_path / "new").close()
    assert by_database(tmp_path / "new") == ({}, 0)
    with pytest.raises(StoreError, match="no results in"):
        read_totals(tmp_path / "elsewhere")
