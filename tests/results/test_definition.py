import copy

import pytest

from ganscape.results import concat, frames
from ganscape.results.definition import decisive_part, phase_of_round, phases_of
from ganscape.results.store import StoreError, open_store

from .conftest import definition

PHASES = [
    {"name": "bandit", "searcher": "gp_bandit", "configs": 4, "seeds": 1, "rounds": 2, "settings": {}},
    {"name": "confirm", "searcher": "best", "configs": 1, "seeds": 5, "rounds": 1, "settings": {}},
]
OLD = definition(["a", "b"], 3, 2, searcher="points", rounds=2, phases=PHASES)


def with_facts(independent):
    """The same definition as a later version writes it."""
    new = copy.deepcopy(OLD) | {"independent": independent, "only_defaults": True, "confirms": False}
    new["phases"][0] |= {"independent": False, "only_defaults": False, "confirms": False}
    new["phases"][1] |= {"independent": False, "only_defaults": False, "confirms": True}
    return new


def test_a_definition_without_facts_has_those_of_its_searchers_names():
    assert phases_of(OLD) == phases_of(with_facts(True))
    facts = [(each["independent"], each["only_defaults"], each["confirms"]) for each in phases_of(OLD)]
    assert facts == [(True, True, False), (False, False, False), (False, False, True)]


def test_a_stated_fact_is_stronger_than_a_name():
    assert not phases_of(with_facts(False))[0]["independent"]


def test_the_first_phase_has_the_size_that_the_definition_states():
    first, *later = phases_of(OLD)
    assert (first["name"], first["configs"], first["seeds"], first["rounds"]) == ("points", 3, 2, 2)
    assert [each["name"] for each in later] == ["bandit", "confirm"]


def test_rounds_are_numbered_through_all_phases():
    names = [phase_of_round(phases_of(OLD), number) for number in range(7)]
    assert names == ["points", "points", "bandit", "bandit", "confirm", "confirm", "confirm"]


@pytest.mark.parametrize("stored, asked", [(OLD, with_facts(True)), (with_facts(True), OLD), (OLD, with_facts(False))])
def test_a_folder_goes_on_whether_or_not_its_definition_states_facts(tmp_path, stored, asked):
    with open_store(tmp_path) as store:
        store.begin(stored)
        store.begin(asked)
        assert store.study() == stored


@pytest.mark.parametrize("where", ["definition", "phase"])
def test_what_decides_what_is_trained_is_compared(tmp_path, where):
    other = with_facts(True)
    (other if where == "definition" else other["phases"][0])["searcher"] = "random"
    assert decisive_part(other) != decisive_part(OLD)
    with open_store(tmp_path) as store, pytest.raises(StoreError, match="holds another study"):
        store.begin(OLD)
        store.begin(other)


def test_a_folder_goes_on_under_the_present_name_of_its_searcher(tmp_path):
    later = with_facts(True) | {"searcher": "defaults"}
    later["phases"][0]["searcher"] = "published"
    earlier = copy.deepcopy(OLD)
    earlier["phases"][0]["searcher"] = "original"
    with open_store(tmp_path) as store:
        store.begin(earlier)
        store.begin(later)
        assert store.study() == earlier


def test_words_are_not_compared_anywhere():
    other = copy.deepcopy(OLD) | {"question": "Others?", "methods": {"a": {"source": "elsewhere"}, "b": {}}}
    assert decisive_part(other) == decisive_part(OLD)


def test_folders_of_two_versions_are_put_together(build):
    parts = [
        frames.load(build({name: [[1.0]]}, name, searcher="points", phases=each["phases"], rounds=2))
        for name, each in (("a", OLD), ("b", with_facts(True)))
    ]
    assert concat(parts).methods() == ["a", "b"]
