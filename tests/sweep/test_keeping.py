"""Which generators are kept: the best trials of each method, whatever the order in which their scores arrive."""

import math
import random

import pytest

from ganscape.search_spaces import StudyError
from ganscape.sweep import generators
from ganscape.sweep.keeping import BYTES, TOP, Keep, Kept, count_kept, find_keep, generator_bytes
from ganscape.sweep.plan import plan

GROUPS = {"a": ("wgan", False), "b": ("wgan", False), "c": ("wgan", False), "d": ("vae", False), "e": ("wgan", True)}
SCORES = {"a": (9.0, 3.0, 5.0), "b": (4.0, 8.0, 1.0), "c": (2.0, 6.0, 7.0), "d": (9.5, 9.6, 9.7), "e": (7.0, 0.5, 6.0)}


def kept_after(keep, scores, rows=()):
    """The (trial, rung) that are kept after scores (trial, rung, value), and every change on the way."""
    kept, rows = Kept(keep, GROUPS.__getitem__, {}, list(rows)), list(rows)
    for trial, rung, value in scores:
        rows += [change._asdict() for change in kept.on_score(trial, rung, value, 100)]
    return {(change.trial, change.rung) for change in kept.files.values()}, rows


def in_some_order(seed):
    """The scores of all trials, each trial's in order, otherwise shuffled."""
    left = {trial: [(trial, rung, value) for rung, value in enumerate(values)] for trial, values in SCORES.items()}
    shuffled = random.Random(seed)
    while left:
        trial = shuffled.choice(sorted(left))
        yield left[trial].pop(0)
        if not left[trial]:
            del left[trial]


@pytest.mark.parametrize("seed", range(20))
def test_the_lowest_rungs_of_the_best_trials_of_each_group_are_kept_in_any_order_of_arrival(seed):
    kept, rows = kept_after(Keep(2, 1), in_some_order(seed))
    assert kept == {("b", 2), ("c", 0), ("d", 0), ("e", 1)}
    again = Kept(Keep(2, 1), GROUPS.__getitem__, {}, rows)
    assert {(change.trial, change.rung) for change in again.files.values()} == kept, "the store says the same"


def test_all_keeps_one_of_every_trial_and_none_keeps_nothing():
    assert kept_after(Keep(math.inf, math.inf), in_some_order(0))[0] == {
        *(("a", 1), ("b", 2), ("c", 0), ("d", 0), ("e", 1))
    }
    assert kept_after(Keep(0, 0), in_some_order(0)) == (set(), [])


def test_a_failed_trial_s_generator_is_kept_no_longer():
    kept = Kept(Keep(2, 1), GROUPS.__getitem__, {})
    kept.on_score("a", 0, 1.0, 100)
    (change,) = kept.on_failure("a")
    assert (change.trial, change.rung, change.kept) == ("a", 0, False) and not kept.files
    assert kept.on_failure("b") == []


def test_a_score_without_a_file_leaves_the_one_before():
    kept = Kept(Keep(2, 1), GROUPS.__getitem__, {})
    kept.on_score("a", 0, 2.0, 100)
    assert kept.on_score("a", 1, 1.0, 0) == [] and kept.holds("a", 0)


def test_a_file_that_is_gone_is_said_to_be_kept_no_longer():
    _, rows = kept_after(Keep(2, 1), in_some_order(0))
    kept = Kept(Keep(2, 1), GROUPS.__getitem__, {}, rows)
    changes = kept.drop_missing(lambda trial, rung: trial != "d")
    assert [(change.trial, change.kept) for change in changes] == [("d", False)] and not kept.holds("d", 0)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    settings = {"configs": 6, "images": 6400, "interval": 3200, "confirm": 40}
    return plan("equal/wide", out=tmp_path_factory.mktemp("out"), seeds=1, settings=settings)


def test_by_default_the_best_three_and_as_many_confirmed_ones_as_fit(planned):
    keep = find_keep(planned)
    assert keep.top == TOP
    assert keep.confirmed * len(planned.methods) * generator_bytes(planned) <= BYTES
    assert count_kept(planned, keep) == len(planned.methods) * (3 + min(40, keep.confirmed))


def test_large_generators_are_kept_one_of_each_method(planned, monkeypatch):
    monkeypatch.setattr("ganscape.sweep.keeping.generator_bytes", lambda plan: BYTES)
    assert find_keep(planned) == Keep(1, 1)
    assert find_keep(planned, top=5).top == 5


def test_the_size_of_a_generator_is_that_of_its_file(planned, tmp_path):
    import numpy as np

    from ganscape.models import FAMILIES
    from ganscape.models.generator_file import save_generator
    from ganscape.sweep.rounds import first_configs

    config = first_configs(planned, "ns_gan")[0]
    state = FAMILIES["gan"].init(config, (8, 8, 1), np.zeros(2, np.uint32))
    assert save_generator(tmp_path / "g", config, state, (8, 8, 1)) == pytest.approx(generator_bytes(planned), rel=0.1)


@pytest.mark.parametrize(
    "policy, top, sentence",
    [
        ("bset", None, r"unknown --keep 'bset' \(did you mean 'best'\?\); one of: best, all, none"),
        ("all", 3, "--keep-top 3 means nothing with --keep all"),
        ("best", 0, "--keep-top 0 must be at least 1; --keep none keeps nothing"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_one_line(planned, policy, top, sentence):
    with pytest.raises(StudyError, match=sentence):
        find_keep(planned, policy, top)


def test_a_folder_of_generators_that_cannot_be_looked_into_loses_none_and_ends_nothing(tmp_path, caplog):
    """A name that is too long for the disk stands for a folder without rights, which root does not meet."""
    hidden = "x" * 300
    assert generators.size_of(str(tmp_path), hidden, 1) == 0
    assert generators.is_there(tmp_path, hidden, 1) and not generators.is_there(tmp_path, "absent", 1)
    generators.remove(tmp_path, "absent", 1)
    assert not caplog.messages
    generators.remove(tmp_path, hidden, 1)
    assert "cannot be removed" in caplog.text
