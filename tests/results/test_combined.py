import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from ganscape.results import concat, frames, incumbents, plots, sentences
from ganscape.results.store import StoreError, open_store

ONE = {"a": [[4.0, 3.0], [2.0, 6.0]]}
TWO = {"b": [[9.0, 5.0], [None, 2.5]]}


@pytest.fixture
def both(build):
    """both(changes of the second, table of the second) -> two Results."""

    def both(table=TWO, **changes):
        return [frames.load(build(ONE, "one")), frames.load(build(table, "two", **changes))]

    return both


def test_folders_of_one_protocol_are_one_study(both):
    parts = both()
    found = concat(parts)
    assert found.methods() == ["a", "b"] and found.searches() == tuple(parts)
    for frame in ("trials", "scores", "failures", "per_trial"):
        assert len(getattr(found, frame)()) == sum(len(getattr(part, frame)()) for part in parts)
    assert found.per_trial()["value"].tolist() == [4.0, 3.0, 2.0, 6.0, 9.0, 5.0, np.inf, 2.5]
    assert found.best()["trial"].tolist() == ["a-1-0"]
    assert len(found.protocols()) == 1 and len(found.environments()) == 2
    assert "Best configuration: a with a median" in " ".join(sentences.describe(found))
    assert plots.budget_curves(found).lines and concat(parts[:1]).methods() == ["a"]


@pytest.mark.parametrize("name, value", [("rungs", [100, 300]), ("data", "mnist"), ("searcher", "gp_bandit")])
def test_what_differs_is_named(both, name, value):
    with pytest.raises(StoreError, match=rf"'.*one' and '.*two' cannot be concatenated: {name} is"):
        concat(both(**{name: value}))


def other_protocol(folder):
    with open_store(folder) as store:
        store.add_protocol("fedcba987654", {"metric": "fd_digits", "encoder": "digits", "samples": 500,
                                            "reference": "digits/test", "reference_samples": 797})  # fmt: skip
    return frames.load(folder)


def test_scores_of_two_protocols_never_meet(build):
    one = frames.load(build(ONE, "one"))
    two = other_protocol(build(TWO, "two", protocol="fedcba987654"))
    with pytest.raises(StoreError, match=r"do not compare: .*samples is 797, not 500"):
        concat([one, two])
    for draw in (plots.budget_curves, plots.score_distributions, plots.performance_profiles, plots.cost_curves):
        ax = draw(one, ax=Figure().subplots())
        draw(one, ax=ax)
        if draw(two).has_data():
            with pytest.raises(StoreError, match=r"do not share a figure: .*samples is 797, not 500"):
                draw(two, ax=ax)


def test_a_method_is_one_space_and_a_trial_is_in_one_folder(both):
    with pytest.raises(StoreError, match="both hold trial 'a-0-0'"):
        concat(both(ONE))
    with pytest.raises(StoreError, match="nothing to concatenate"):
        concat([])


def test_a_method_is_asked_from_one_space(build):
    parts = [frames.load(build(ONE, name, methods={"a": {"fixed": {"loss": name}}})) for name in ("one", "two")]
    with pytest.raises(StoreError, match='method a fixed loss is "one", not "two"'):
        concat(parts)


def test_a_folder_without_a_study_is_named(both, tmp_path):
    open_store(tmp_path / "empty").close()
    with pytest.raises(StoreError, match=r"'.*empty' holds no study yet"):
        concat([both()[0], frames.load(tmp_path / "empty")])


def searches(build):
    """Two searches of one method that learn, the second one config longer, and their trials named apart."""
    parts = []
    for name, scores in (("one", [[8.0], [4.0]]), ("two", [[6.0], [7.0], [1.0]])):
        folder = build({"a": scores, f"{name}_only": [[5.0]]}, name, searcher="gp_bandit", methods={"a": {}})
        part = frames.load(folder)
        for table in part.tables().values():
            if "trial" in table:
                table["trial"] = [f"{name}-{trial}" for trial in table["trial"]]
        parts.append(frames.Results(part.folder, part.tables()))
    return parts


def test_searches_that_learn_have_an_interval_over_searches(build):
    found = concat(searches(build))
    curve = incumbents.of_study(found)["a"]
    assert curve["k"].tolist() == [1, 2] and curve["mean"].tolist() == [7.0, 5.0]
    low, high = stats.t.interval(0.95, 1, loc=np.log(7), scale=stats.sem([8.0, 6.0]) / 7)
    assert curve[["low", "high"]].iloc[0].tolist() == pytest.approx([np.exp(low), np.exp(high)])
    text = " ".join(sentences.describe(found))
    assert "over 2 searches" in text and "one search per method" not in text
    ax = plots.incumbent_curves(found)
    assert "over 2 searches" in ax.get_title(loc="left") and ax.collections
    assert "no interval" in plots.incumbent_curves(found.searches()[0]).get_title(loc="left")
