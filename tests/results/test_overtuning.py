import math

import pytest

from ganscape.results import frames
from ganscape.results.overtuning import describe_leaders, overtuning
from ganscape.results.page import tables
from ganscape.results.store import open_store

PHASE = {
    "name": "fresh", "searcher": "leaders", "configs": 3, "seeds": 2, "rounds": 1, "independent": False,
    "only_defaults": False, "confirms": True,
}  # fmt: skip


@pytest.fixture
def trained_again(build):
    """A search that reports 8, 5, 9, 3 in this order, whose leaders score otherwise on two fresh seeds."""

    def write(fresh):
        folder = build({"ns": [[8.0], [5.0], [9.0], [3.0]]}, phases=[PHASE])
        with open_store(folder) as store:
            for config, values in fresh.items():
                for seed, value in enumerate(values, 1):
                    trial = f"{config}-again{seed}"
                    row = {"trial": trial, "config": config, "method": "ns", "seed": seed, "structure": "s"}
                    store.add_trials(1, [row | {"settings": {"learning_rate": 1.0}}])
                    if math.isinf(value):
                        failure = {"trial": trial, "attempt": 0, "cause": "diverged", "rung": 100, "step": 7}
                        store.add_failure(failure | {"message": "loss is nan", "detail": "", "final": True})
                        continue
                    score = {"trial": trial, "rung": 200, "images": 200, "metric": "fd_digits", "value": value,
                             "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0}  # fmt: skip
                    store.add_scores([score])
        return frames.load(folder)

    return write


def test_a_longer_search_may_report_less_and_be_worse_on_fresh_seeds(trained_again):
    results = trained_again({"ns-0": [9.0, 9.0], "ns-1": [5.5, 6.5], "ns-3": [7.0, 8.0]})
    table = overtuning(results)
    assert table["configs"].tolist() == [1, 2, 4]
    assert table["config"].tolist() == ["ns-0", "ns-1", "ns-3"]
    assert table["reported"].tolist() == [8.0, 5.0, 3.0]
    assert table["fresh"].tolist() == [9.0, 6.0, 7.5]
    assert table["overtuning"].tolist() == [0.0, 0.0, 1.5]
    assert (table["low"] <= table["fresh"]).all() and (table["fresh"] <= table["high"]).all()


def test_a_leader_that_was_not_trained_again_has_no_row(trained_again):
    assert overtuning(trained_again({"ns-3": [7.0, 8.0]}))["configs"].tolist() == [4]


def test_a_leader_that_fails_on_a_fresh_seed_is_infinitely_worse(trained_again):
    table = overtuning(trained_again({"ns-1": [5.5, 6.5], "ns-3": [7.0, math.inf]}))
    assert table["overtuning"].tolist() == [0.0, math.inf]


FRESH = {"ns-0": [9.0, 9.0, 9.0], "ns-1": [8.8, 9.2, 9.1], "ns-3": [4.0, 4.1, 3.9]}


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([4.0, 4.1, 3.9], "scores 0.4444 times (0.4"),
        ([4.0, 4.1, 3.9], "as much as the leader after 1, on 3 fresh seeds, so it is better."),
        ([90.0, 91.0, 92.0], "so it is worse."),
        ([4.0, 9.0, 20.0], "which does not tell them apart."),
        (
            [4.0, math.inf, 3.9],
            "that takes two fresh seeds of each without a failure.",
        ),
    ],
)
def test_the_longest_search_is_called_better_or_worse_only_outside_of_luck(trained_again, scores, words):
    (sentence,) = describe_leaders(trained_again(FRESH | {"ns-3": scores}))
    assert sentence.startswith("ns: the leader after 4 configurations ")
    assert words in sentence


def test_scores_below_zero_are_compared_by_their_difference(trained_again):
    (sentence,) = describe_leaders(trained_again({"ns-0": [-0.5, 0.5], "ns-3": [7.9, 8.1]}))
    assert "scores 8 (" in sentence and "more than the leader after 1, on 2 fresh seeds, so it is worse" in sentence


def test_a_leader_that_stays_is_compared_with_none(build):
    folder = build({"ns": [[3.0], [5.0]]}, phases=[PHASE], again={"ns": ("ns-0", [4.0, 5.0], 1)})
    (sentence,) = describe_leaders(frames.load(folder))
    assert sentence == "ns: the configuration that led after 1 of 2 still led after all."


def test_the_page_has_leaders_only_where_the_study_trains_them_again(trained_again, build):
    section = tables.leaders_on_fresh_seeds(trained_again(FRESH))
    assert [row["fresh"] for row in section["rows"]] == pytest.approx([9.0, 27.1 / 3, 4.0])
    assert len(section["sentences"]) == 1
    best = [PHASE | {"searcher": "best"}]
    assert tables.leaders_on_fresh_seeds(frames.load(build({"ns": [[3.0], [5.0]]}, "other", phases=best))) is None
