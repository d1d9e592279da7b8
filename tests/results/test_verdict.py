import math

from ganscape.results import frames, sentences, verdict
from ganscape.results.store import open_store


def test_best_configs_ranks_by_the_median_over_seeds_and_not_by_the_luckiest_seed(build):
    table = verdict.best_configs(
        frames.load(build({"lucky": [[0.1, 9.0, 9.0]], "steady": [[3.0, 4.0, 5.0], [6.0, 6.0, 6.0]]}))
    )
    assert table["method"].tolist() == ["steady", "lucky"]
    first = table.iloc[0]
    assert (first["config"], first["scores"]) == ("steady-0", [3.0, 4.0, 5.0])
    assert (first["median"], first["mean"], first["sd"], first["low"], first["high"]) == (4.0, 4.0, 1.0, 3.0, 5.0)


def test_a_configuration_that_is_not_finished_or_failed_on_half_its_seeds_is_not_chosen(build):
    table = verdict.best_configs(
        frames.load(build({"a": [[0.1, "running"], [0.2, None], [7.0, 8.0]], "b": [[None, None]]}))
    )
    assert table["config"].tolist() == ["a-2", ""]
    assert table[["configs", "trials", "finished", "failed"]].values.tolist() == [[3, 6, 5, 1], [1, 2, 2, 2]]
    assert math.isinf(table["median"][1])


CONFIRM = [{"name": "confirm", "searcher": "best", "configs": 1, "seeds": 2, "rounds": 1}]


def test_the_choice_is_the_search_s_and_its_numbers_are_those_of_fresh_seeds(build):
    """What a config scores again can neither make nor unmake it the chosen one."""
    table = {"a": [[1.0, 3.0], [4.0, 4.0]], "b": [[5.0, 5.0], [6.0, 6.0]]}
    again = {"a": ("a-0", [6.0, 7.0, 9.0], 1), "b": ("b-0", [5.5, 4.5, None], 1)}
    folder = build(table, searcher="random", phases=CONFIRM, again=again)
    found = verdict.best_configs(frames.load(folder)).set_index("method")
    assert found["confirmed"].all() and found["median"].to_dict() == {"a": 7.0, "b": 5.5}
    assert found["config"].to_dict() == {"a": "a-0", "b": "b-0"}
    assert found.loc["a", "scores"] == [6.0, 7.0, 9.0]
    assert found[["trials", "finished", "failed"]].to_numpy().tolist() == [[7, 7, 1], [7, 7, 0]]
    text = " ".join(sentences.describe(frames.load(folder)))
    assert "Best configuration: b with a median fd_digits of 5.5 over 3 seeds" in text
    assert "No method is shown to be best" in text and "those of 3 fresh seeds" in text
    assert "looks better than it is" not in text


def test_trials_stopped_early_take_part_in_no_test_of_pairs(build):
    folder = build({"a": [[1.0], [3.0], ["running"]], "b": [[5.0], [6.0], [7.0]]})
    assert len(frames.load(folder).independent())
    with open_store(folder) as store:
        store.add_failure({"trial": "a-2-0", "attempt": 0, "cause": "stopped", "rung": 200, "step": 5,
                           "message": "worse than half", "detail": "", "final": True})  # fmt: skip
    results = frames.load(folder)
    assert results.independent().empty
    assert verdict.best_configs(results).set_index("method")["stopped"].to_dict() == {"a": 1, "b": 0}
