import numpy as np
import pytest

from ganscape.results import frames, ranking, sentences, verdict, wording
from ganscape.results.store import open_store


def said(folder):
    return " ".join(sentences.describe(frames.load(folder)))


def test_methods_that_overlap_are_not_told_apart(build):
    rng = np.random.default_rng(0)
    text = said(build({name: rng.uniform(10, 12, (12, 2)).tolist() for name in ("a", "b")}))
    assert text.startswith("No method is shown to be best: this sweep does not tell ")
    assert "at 5 % over 1 comparison: none" in text


def test_methods_far_apart_have_a_best_one(build):
    rng = np.random.default_rng(0)
    text = said(build({"a": rng.uniform(90, 91, (12, 2)).tolist(), "b": rng.uniform(10, 11, (12, 2)).tolist()}))
    assert text.startswith("b is better than every other method at a budget of 3 configurations.")
    assert "Told from b at 5 % over 1 comparison: all." in text


def test_methods_that_may_be_best_are_named_with_those_that_are_worse(build):
    rng = np.random.default_rng(1)
    table = {name: rng.uniform(10, 12, (12, 1)).tolist() for name in ("a", "b")}
    text = said(build(table | {"c": rng.uniform(90, 91, (12, 1)).tolist()}))
    assert "a or b may be best" in text.replace("b or a", "a or b") and "tell them apart; c is worse." in text


def test_no_winner_is_named_while_a_method_has_nothing_finished(build):
    rng = np.random.default_rng(0)
    table = {"a": rng.uniform(90, 91, (12, 1)).tolist(), "b": rng.uniform(10, 11, (12, 1)).tolist()}
    folder = build(table | {"c": [["running"]]})
    found = verdict.find_verdict(frames.load(folder))
    assert found.candidates == ("b", "c") and found.winner == "" and "b or c may be best" in said(folder)


def test_the_method_that_leads_and_that_of_the_best_configuration_are_one_or_explained(build):
    """The one lucky score of `a` is the lowest, and `b` is expected to reach less."""
    folder = build({"a": [[1.0], [90.0], [95.0], [99.0]], "b": [[5.0], [6.0], [7.0], [8.0]]})
    text = said(folder)
    assert "trained once, from 4 configurations each, with 95 % intervals: b 6.5" in text
    assert "Best configuration: a with" in text and "the lowest score may be luck: so b leads" in text
    assert "may be luck" not in said(build({"a": [[1.0], [2.0]], "b": [[5.0], [6.0]]}, "same"))


def test_one_config_of_each_has_no_interval_and_none_is_named(build):
    text = said(build({"a": [[3.0]], "b": [[4.0]]}))
    assert "trained once, from 1 configuration each: a 3, b 4. With fewer than" in text


def test_little_evidence_and_the_choice_by_the_same_scores_are_said(build):
    text = said(build({"a": [[1.0, 2.0], [3.0, 4.0]]}))
    assert "little evidence (2 configurations per method and 2 seeds per configuration)" in text
    assert "looks better than it is" in text


def test_a_large_sweep_is_not_called_little(build):
    rng = np.random.default_rng(0)
    assert "little evidence" not in said(build({"a": rng.uniform(1, 2, (20, 5)).tolist()}))


def test_failures_and_unfinished_trials_are_counted(build):
    text = said(build({"a": [[1.0], [None], ["running"]]}))
    assert "2 of 3 trials are finished" in text and "1 of 2 finished trials failed" in text


def test_a_searcher_that_does_not_draw_at_random_is_named(build):
    assert "searcher 'gp_bandit'" in said(build({"a": [[1.0], [2.0]]}, searcher="gp_bandit"))
    assert "searcher" not in said(build({"a": [[1.0], [2.0]]}, "two", searcher="random"))


BANDIT = [{"name": "bandit", "searcher": "gp_bandit", "configs": 1, "seeds": 1, "rounds": 1}]


def test_a_phase_that_learns_makes_no_draw_of_any_config(build):
    table = {"a": [[8.0], [6.0], [4.0]], "b": [[7.0], [9.0], [1.0]]}
    methods = {name: {"defaults": [{"learning_rate": 1.0}, {"learning_rate": 0.1}]} for name in "ab"}
    text = said(build(table, searcher="points", phases=BANDIT, round=(0, 0, 1), methods=methods))
    assert "settings known beforehand first, in any order, then those of the searcher 'gp_bandit'" in text
    assert "on average: b 1 and a 4" in text
    assert "does not decide" in text and "95 %" not in text and "expected best" not in text


def test_a_search_that_learns_is_told_in_its_order(build):
    text = said(build({"a": [[2.0], [8.0], [1.0]], "b": [[3.0], [1.5]]}, searcher="gp_ei"))
    assert "With a budget of 2 configurations, in the order in which the searcher 'gp_ei' asked" in text
    assert "on average: b 1.5 and a 2" in text and "expected best" not in text


def test_trials_that_were_stopped_count_with_what_they_had_and_make_no_draws(build):
    folder = build({"a": [["running"], [3.0], [4.0]], "b": [[5.0], [6.0], [7.0]]})
    with open_store(folder) as store:
        store.add_scores([{"trial": "a-0-0", "rung": 100, "images": 100, "metric": "fd_digits", "value": 9.0,
                           "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0}])  # fmt: skip
        store.add_failure({"trial": "a-0-0", "attempt": 0, "cause": "stopped", "rung": 200, "step": 5,
                           "message": "worse than half at rung 100", "detail": "", "final": True})  # fmt: skip
    results = frames.load(folder)
    row = results.per_trial("last").iloc[0]
    assert (row["status"], row["value"], row["rung"]) == ("stopped", 9.0, 100)
    text = said(folder)
    assert "1 trial stopped early" in text and "failed" not in text and "expected best" not in text


@pytest.mark.parametrize("table", [{"a": [["running"]]}, {"a": [[None]], "b": [[None]]}])
def test_without_a_score_nothing_is_claimed(build, table):
    text = said(build(table))
    assert text.startswith("No configuration has worked") and "best" not in text


@pytest.mark.parametrize(
    ("value", "text"), [(12.3456, "12.35"), (0.00012347, "0.0001235"), (12345.6, "12,346"), (2, "2"), (1e12, "1e+12")]
)
def test_numbers_have_four_digits(value, text):
    assert wording.rounded(value) == text


def test_without_intervals_nothing_is_decided(build):
    text = said(build({"a": [[1.0]], "b": [[9.0]]}))
    assert "With fewer than 12 configurations of each nothing is tested" in text
    assert text.startswith("No method is shown to be best")


def test_that_defaults_are_no_random_draws_is_said(build):
    table = {"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]}
    first = {"searcher": "random", "methods": {"a": {"defaults": [{"beta1": 0.5}]}, "b": {}}}
    assert "Defaults of the study were tried first" in said(build(table, "with", **first))
    assert "Defaults of the study" not in said(build(table, "without", searcher="random"))


CONFIRM = [{"name": "confirm", "searcher": "best", "configs": 1, "seeds": 2, "rounds": 1}]


def test_fresh_seeds_count_when_all_of_them_are_finished(build):
    again = {"a": ("a-0", [9.0, "running"], 1)}
    folder = build({"a": [[1.0], [2.0]]}, searcher="random", phases=CONFIRM, again=again)
    (row,) = verdict.best_configs(frames.load(folder)).to_dict("records")
    assert (row["median"], row["confirmed"]) == (1.0, False)
    assert "looks better than it is" in said(folder)


def test_with_every_score_tied_no_method_is_named(build):
    first = sentences.describe(frames.load(build({name: [[1.0, 1.0], [1.0, 1.0]] for name in ("first", "second")})))[0]
    assert "first" not in first and "second" not in first and first.startswith("No method is better")


def test_one_method_alone_is_compared_with_nothing(build):
    assert sentences.describe(frames.load(build({"a": [[1.0], [2.0]]})))[0].startswith("Nothing to compare a with")


def test_fresh_seeds_decide_where_there_are_any(build):
    """Searches of two configs decide nothing; Welch's p of these fresh seeds is far below 5 %."""
    table = {"a": [[50.0], [70.0]], "b": [[51.0], [69.0]]}
    again = {"a": ("a-0", [37.0, 34.1, 40.8, 36.0], 1), "b": ("b-0", [53.8, 48.7, 59.4, 52.0], 1)}
    results = frames.load(build(table, searcher="random", phases=CONFIRM, again=again))
    found = verdict.find_verdict(results)
    assert (found.rule, found.winner, found.worse) == ("fresh seeds", "a", ("b",))
    assert sentences.describe(results)[0] == (
        "a is better than every other method by the best configuration of each, trained again on fresh seeds."
    )


HOLES = {"fixed": {"family": "completion", "mask": "box", "mask_share": 0.25}}
TWO = {"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]}


def test_scores_of_completed_images_are_told_from_those_of_whole_ones(build):
    results = frames.load(build(TWO, "holes", methods={"a": HOLES, "b": HOLES}))
    text = " ".join(sentences.describe(results))
    assert "completed box holes of 0.25 of the pixels" in text and "nor of other holes" in text
    assert results.protocol_label().endswith("(797), box holes of 0.25 of the pixels completed")
    mixed = said(build(TWO, "mixed", methods={"a": HOLES, "b": {}}))
    assert "The scores of b, whole generated images, do not compare with the others" in mixed
    larger = {"fixed": HOLES["fixed"] | {"mask_share": 0.5}}
    assert "different holes" in said(build(TWO, "other", methods={"a": HOLES, "b": larger}))
    assert "holes" not in said(build(TWO, "none"))


def two_steps(build, b):
    """A search that leaves a and b and not c, then fresh seeds of the best configs of a and b."""
    rng = np.random.default_rng(0)
    table = {"a": rng.uniform(10, 12, (12, 1)).tolist(), "b": rng.uniform(10, 12, (12, 1)).tolist()}
    table |= {"c": rng.uniform(90, 91, (12, 1)).tolist()}
    best = {method: f"{method}-{np.argmin(rows)}" for method, rows in table.items()}
    again = {"a": (best["a"], [11.0, 11.2, 11.4], 1), "b": (best["b"], b, 1)}
    return frames.load(build(table, searcher="random", phases=CONFIRM, again=again))


def test_fresh_seeds_of_what_a_search_leaves_decide(build):
    results = two_steps(build, [15.0, 15.2, 15.4])
    found = verdict.find_verdict(results)
    assert (found.winner, set(found.worse), set(found.contenders)) == ("a", {"b", "c"}, {"a", "b"})
    text = " ".join(sentences.describe(results))
    assert text.startswith("a is better than every other method: the search leaves ")
    assert "Told from a by fresh seeds, at 2.5 % over 1 comparison: all." in text
    assert "as the expected best of 3 configurations, at 2.5 % over all 2 comparisons: c." in text
    assert "Best configuration: a with a median fd_digits of 11.2 over 3 seeds" in text and "then b with 15.2" in text
    assert "The best configurations of a and b were trained again" in text


def test_what_the_search_tells_at_5_but_not_at_2_5_percent_still_contends(build, monkeypatch):
    by_budget = ranking.by_budget

    def nearly(scores, k):
        return by_budget(scores, k)._replace(p={"b": 0.03, "c": 0.02}).at_level(ranking.LEVEL)

    monkeypatch.setattr(ranking, "by_budget", nearly)
    found = verdict.find_verdict(two_steps(build, [15.0, 15.2, "running"]))
    assert (set(found.worse), set(found.contenders)) == ({"b", "c"}, {"a", "b"})


def test_fresh_seeds_that_overlap_leave_what_the_search_left(build):
    found = verdict.find_verdict(two_steps(build, [11.1, 11.2, 11.3]))
    assert (found.winner, set(found.candidates), found.worse) == ("", {"a", "b"}, ("c",))


def test_fresh_seeds_of_one_contender_alone_decide_nothing(build):
    found = verdict.find_verdict(two_steps(build, [15.0, 15.2, "running"]))
    assert (found.rule, found.worse) == ("budget", ("c",))


def test_the_best_at_the_edge_of_its_range_is_pointed_out(build):
    def study(low):
        methods = {"a": {"dimensions": {"learning_rate": {"kind": "LogUniform", "low": low, "high": 100.0}}}, "b": {}}
        return build({"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]}, f"from-{low}", methods=methods)

    assert "edge of its range in learning_rate 1 (range 1 to 100)" in said(study(1.0))
    assert "edge of its range" not in said(study(0.01))


def test_listed_settings_are_at_no_edge_because_no_range_is_searched(build):
    methods = {"a": {"dimensions": {"learning_rate": {"kind": "LogUniform", "low": 1.0, "high": 100.0}}}, "b": {}}
    table = {"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]}
    assert "edge of its range" not in said(build(table, methods=methods, searcher="defaults", only_defaults=True))
    assert "edge of its range" in said(build(table, "drawn", methods=methods))


def add_baselines(folder, **values):
    with open_store(folder) as store:
        shared = {"source": "", "metric": "fd_digits", "protocol": "0123456789ab"}
        for kind, drawn in values.items():
            store.add_baselines([shared | {"kind": kind, "draw": i, "value": value} for i, value in enumerate(drawn)])


def test_scores_are_read_by_real_images_and_untrained_generators(build):
    folder = build({"a": [[3.0], [4.0]], "b": [[70.0], [80.0]]})
    assert "For comparison" not in said(folder), "a store that has none"
    add_baselines(folder, real=[1.0, 2.0], noise=[90.0], untrained=[60.0, 65.0])
    text = said(folder)
    assert (
        "real images score 1.5 (1 to 2), untrained generators 62.5 (60 to 65) and noise with their moments 90" in text
    )
    assert "b is not told from an untrained generator." in text and "No method is shown to work" not in text


def test_a_sweep_in_which_nothing_was_learnt_names_no_method(build):
    folder = build({"a": [[70.0], [80.0]], "b": [[75.0], [99.0]]})
    add_baselines(folder, real=[1.0], untrained=[60.0])
    text = said(folder)
    assert text.startswith(
        "No method is shown to work: the best configuration is not told from an untrained generator."
    )
    assert "a and b are not told from an untrained generator." in text


def test_untrained_generators_alone_are_a_comparison_too(build):
    """As for metrics that search a generator's latents."""
    folder = build({"a": [[3.0], [4.0]], "b": [[70.0], [80.0]]})
    add_baselines(folder, untrained=[65.0])
    assert "For comparison: untrained generators score 65. b is not told from" in said(folder)
