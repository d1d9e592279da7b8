"""Studies that are given more: what can be united, and what is refused in words."""

import pytest

from ganscape.results.frames import load
from ganscape.results.store import StoreError, describe_growth, open_store, read
from ganscape.results.store.database import rows_of
from ganscape.results.store.growth import place_trials, unite

RATE = {"kind": "LogUniform", "low": 1e-5, "high": 0.01}
SPACE = {"fixed": {"loss": "hinge"}, "dimensions": {"g_lr": RATE}, "defaults": [{"g_lr": 1e-4}], "source": "a paper"}
DEFINITION = {
    "study": "s", "question": "?", "source": "a paper", "scale": "smoke", "data": "digits", "data_fingerprint": "f",
    "image_shape": [8, 8, 1], "seed": 0, "seeds": 2, "configs": 4, "rounds": 1, "searcher": "random",
    "methods": {"a": SPACE}, "settings": {}, "images": 20, "rungs": [10, 20], "metric": "fd", "protocol": "p",
}  # fmt: skip
CONFIRM = {"name": "confirm", "searcher": "best", "configs": 1, "seeds": 3, "rounds": 1, "settings": {}}
BANDIT = {"name": "bandit", "searcher": "gp_bandit", "configs": 4, "seeds": 1, "rounds": 2, "settings": {}}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"seeds": 3}, "seeds 2 -> 3"),
        ({"configs": 8, "scale": "laptop"}, "configs 4 -> 8"),
        ({"images": 40, "rungs": [10, 20, 30, 40]}, "images 20 -> 40"),
        ({"phases": [CONFIRM]}, "phase confirm"),
        ({"phases": [CONFIRM | {"methods": ["a"]}]}, "phase confirm of a"),
        ({"methods": {"a": SPACE, "b": SPACE}}, "method b"),
        ({"configs": 8, "rounds": 2}, "configs 4 -> 8, rounds 1 -> 2"),
    ],
)
def test_more_of_a_study_is_united_and_told_in_words(change, words):
    asked = DEFINITION | change
    united = unite("out", DEFINITION, asked)
    assert {name: united[name] for name in change if name != "phases"} == {
        name: value for name, value in change.items() if name != "phases"
    }
    assert describe_growth(DEFINITION, united) == words
    assert unite("out", united, asked) == united, "asked again it is the same"
    assert describe_growth(united, united) == ""


def test_methods_and_phases_that_are_not_asked_for_stay():
    stored = DEFINITION | {"methods": {"a": SPACE, "b": SPACE}, "phases": [CONFIRM]}
    assert unite("out", stored, DEFINITION) == stored
    united = unite("out", stored, DEFINITION | {"methods": {"c": SPACE}})
    assert list(united["methods"]) == ["a", "b", "c"] and united["phases"][0]["name"] == "confirm"


def test_a_phase_of_some_methods_is_for_those_of_both_and_for_all_once_it_is_asked_for_all():
    first, second = (DEFINITION | {"phases": [CONFIRM | {"methods": [name]}]} for name in "ab")
    both = unite("out", first, second)
    assert both["phases"][0]["methods"] == ["a", "b"]
    assert describe_growth(first, both) == "phase confirm of a, b"
    every = unite("out", both, DEFINITION | {"phases": [CONFIRM]})
    assert "methods" not in every["phases"][0] and describe_growth(both, every) == "phase confirm of all methods"
    assert "methods" not in unite("out", every, first)["phases"][0]


def test_a_length_that_is_no_multiple_of_the_interval_stays_a_rung():
    stored = DEFINITION | {"images": 25, "rungs": [10, 20, 25]}
    assert unite("out", stored, DEFINITION | {"images": 40, "rungs": [10, 20, 30, 40]})["rungs"] == [10, 20, 25, 30, 40]


@pytest.mark.parametrize(
    "stored, change, sentence",
    [
        ({}, {"seed": 1}, "holds another study: seed is 0, not 1; choose another folder"),
        ({}, {"protocol": "q", "metric": "kid"}, 'metric is "fd", not "kid", protocol is "p", not "q"'),
        ({}, {"seeds": 1}, r"seeds=1 is fewer than the seeds=2 of phase random in 'out'; ask for 2 or more"),
        ({}, {"configs": 3}, "configs=3 is fewer than the configs=4"),
        ({}, {"images": 10, "rungs": [10]}, "images=10 is fewer than the images=20 of 'out'; ask for 20 or more"),
        ({}, {"images": 40, "rungs": [5, 10, 15, 20, 40]}, "scores at 10, 20 images, none at 5; keep interval=10"),
        (
            {},
            {"methods": {"a": SPACE | {"dimensions": {"g_lr": RATE | {"high": 0.1}}}}},
            r"method a dimensions g_lr is LogUniform\(1e-05, 0.01\), not LogUniform\(1e-05, 0.1\)",
        ),
        ({"rounds": 2}, {"rounds": 2, "configs": 8}, r"configs=8 in rounds=2 are 4 in a round; .* ask for rounds of 2"),
        ({}, {"configs": 8, "rounds": 4}, r"are 2 in a round; .*4 in a round"),
        ({"phases": [BANDIT]}, {"phases": [BANDIT], "configs": 8}, "phase bandit was chosen from what it found"),
        ({"phases": [CONFIRM]}, {"phases": [BANDIT, CONFIRM]}, 'phase 2: name is "confirm", not "bandit"'),
        ({"scheduler": "halving"}, {"scheduler": "halving", "configs": 8}, "halving has compared those that are there"),
        ({"scheduler": "asha"}, {"scheduler": "asha", "seeds": 3}, "scheduler asha has decided by those"),
        (
            {"scheduler": "asha"},
            {"scheduler": "asha", "images": 40, "rungs": [10, 20, 40]},
            "scheduler asha spread its decisions",
        ),
        ({"scheduler": "asha"}, {}, 'scheduler is "asha", not none'),
    ],
)
def test_what_cannot_be_one_study_is_refused_in_one_line(stored, change, sentence):
    with pytest.raises(StoreError, match=sentence) as refused:
        unite("out", DEFINITION | stored, DEFINITION | change)
    assert "\n" not in str(refused.value) and "..." not in str(refused.value) and "{" not in str(refused.value)


def row(trial, round, config, seed, method="a", phase=None, phase_round=None):
    names = {"trial": trial, "round": round, "config": config, "seed": seed, "method": method}
    return names | {"phase": phase, "phase_round": phase_round}


def test_trials_of_a_grown_study_stand_where_the_larger_one_would_have_asked_for_them():
    larger = DEFINITION | {"seeds": 3, "rounds": 3, "phases": [CONFIRM]}
    first = DEFINITION | {"phases": [CONFIRM]}
    rows = [
        row("old", 0, "x", 0),
        row("other", 0, "y", 0),
        row("confirmed", 1, "x", 2),  # asked when the search had one round
        row("seed", 0, "x", 5, phase="random", phase_round=0),
        row("round", 2, "z", 0, phase="random", phase_round=2),
    ]
    placed = rows_of(place_trials({name: [each[name] for each in rows] for name in rows[0]}, [first, larger]))
    assert [(each["trial"], each["phase"], each["round"]) for each in placed] == [
        ("old", "random", 0),
        ("seed", "random", 0),
        ("other", "random", 0),
        ("round", "random", 2),
        ("confirmed", "confirm", 3),
    ]


def test_the_history_says_who_asked_for_what_and_the_newest_definition_counts(tmp_path):
    for seeds in (2, 3, 3):
        with open_store(tmp_path / "out") as store:
            store.begin(DEFINITION | {"seeds": seeds}, f"ganscape run --seeds {seeds}")
            assert store.study()["seeds"] == seeds
    (row,) = read(tmp_path / "out")["definitions"]
    assert row["command"] == "ganscape run --seeds 3" and row["definition"]["seeds"] == 3 and row["recorded"]
    assert load(tmp_path / "out").study["seeds"] == 3
