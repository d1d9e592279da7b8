"""Claims judged by stores whose truth is known: made scores, and the recorded studies."""

import html
import math

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ganscape.results import load
from ganscape.results.calibration import COLUMNS, write_table
from ganscape.results.claims import CLAIMS, encoders, judge, rows, shared_caveats, table, write_markdown
from ganscape.results.claims.calibrations import ONE_PER_CLASS, REAL
from ganscape.results.claims.rules import EVERY
from ganscape.results.claims.searches import ALL, GANS
from ganscape.results.frames import RECORDED
from ganscape.results.report import render
from ganscape.results.store import StoreError, open_store
from ganscape.search_spaces import STUDIES
from ganscape.sweep.commands.cli import app

DEFAULT = {"learning_rate": 1.0}


TEXTS = ["data", "compared", "published", "needed", "caveats"]


def by_name(answers):
    return {answer.claim.name: answer for answer in answers}


def searched(build, scores, name="out", **changes):
    """A finished folder of equal/wide: scores[method] are those of its authors' setting, then of its random configs."""
    methods = {method: {"defaults": [DEFAULT]} for method in scores}
    table = {method: [[score] for score in values] for method, values in scores.items()}
    return build(table, name, **({"methods": methods, "searcher": "random"} | changes))


def drawn(median, deviation=0.3, configs=24, default=100.0, seed=0):
    rng = np.random.default_rng(seed)
    return [default, *np.exp(math.log(median) + deviation * rng.normal(size=configs))]


def test_a_clear_difference_holds_one_way_and_fails_the_other(build):
    scores = {method: drawn(10.0, seed=i) for i, method in enumerate(ALL)} | {"ns_gan": drawn(1.0, seed=9)}
    answers = by_name(judge([searched(build, scores)]))
    assert answers["equal/ns-below-mm"].verdict == "holds"
    assert answers["equal/alike"].verdict == "fails"
    assert answers["equal/tuning-pays"].verdict == "holds"
    turned = by_name(judge([searched(build, scores | {"ns_gan": drawn(100.0, seed=9)}, "turned")]))
    assert turned["equal/ns-below-mm"].verdict == "fails"
    ratio = rows([answers["equal/ns-below-mm"]])[0]
    assert ratio.value < 0.2 and ratio.low < ratio.value < ratio.high and ratio.units == 24


def test_scores_of_one_distribution_decide_nothing_about_an_order(build):
    answers = by_name(judge([searched(build, {method: drawn(10.0, 0.8, 8, seed=i) for i, method in enumerate(ALL)})]))
    answer = answers["equal/rank-depends-on-budget"]
    assert answer.verdict == "undecided" and answer.needed


def test_an_order_that_budgets_reverse_is_found(build):
    """One method always scores 3, another mostly 30 and now and then 0.3."""
    rng = np.random.default_rng(0)
    safe, bold = drawn(3.0, 0.05, 60), [100.0, *np.exp(np.where(np.arange(60) % 4 == 0, math.log(0.3), math.log(30.0)))]
    bold = [score * math.exp(0.05 * rng.normal()) for score in bold]
    scores = {method: drawn(500.0, 0.05, 60, seed=i) for i, method in enumerate(ALL)} | {"wgan": safe, "lsgan": bold}
    answer = by_name(judge([searched(build, scores)]))["equal/rank-depends-on-budget"]
    assert answer.verdict == "holds"


def test_the_authors_settings_are_no_draws(build):
    """A default of 1e-6 would be the best of any budget."""
    scores = {method: drawn(10.0, 0.3, seed=i, default=1e-6) for i, method in enumerate(ALL)}
    answers = by_name(judge([searched(build, scores)]))
    assert answers["equal/tuning-pays"].verdict == "fails"
    assert rows([answers["equal/ns-below-mm"]])[0].value > 0.5


def test_f1_is_judged_by_how_many_configs_reach_it(build):
    """Scores are 1 - F1. Four configs that all miss 0.8 do not say that the best of 100 does; two that reach it do, and
    one without a flaw has the score 0."""

    def verdict(name, **scores):
        missed = {method: [1.0] * 5 for method in ALL}
        folder = searched(build, missed | scores, name, study="equal/f1")
        answers = by_name(judge([folder]))
        return answers["equal/high-f1"], answers["equal/low-f1"]

    high, low = verdict("all_missed")
    assert high.verdict == low.verdict == "undecided"
    assert "--set configs=" in high.needed
    reached = [1.0, 0.1, 0.0, 1.0, 1.0]
    high, low = verdict("reached", ns_gan=reached, wgan=reached)
    assert (high.verdict, low.verdict) == ("holds", "undecided")
    assert rows([high])[0].value == pytest.approx(0.5 - 0.5 ** (1 / 100))
    _, low = verdict("all_reached", **{method: [1.0, 0.1, 0.1, 0.1, 1.0] for method in ALL})
    assert low.verdict == "fails"


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({"searcher": "gp_bandit"}, "needs configs drawn at random"),
        ({"study": "own"}, "needs equal/wide or equal/seeds"),
    ],
)
def test_another_search_or_study_is_not_testable(build, change, needed):
    scores = {method: drawn(10.0, configs=8) for method in ALL}
    answer = by_name(judge([searched(build, scores, **change)]))["equal/alike"]
    assert answer.verdict == "not testable" and answer.needed == needed and answer.decision is None


def test_an_unfinished_sweep_and_a_method_left_out_are_not_testable(build):
    scores = {method: drawn(10.0, configs=8) for method in ALL}
    running = scores | {"wgan": [*scores["wgan"][:-1], "running"]}
    unfinished = searched(build, running)
    assert by_name(judge([unfinished]))["equal/alike"].needed == "needs a finished sweep: 1 of 72 trials are not"
    both = judge([unfinished, searched(build, scores, "finished")])
    (answer,) = (answer for answer in both if answer.claim.name == "equal/alike")
    assert answer.decision, "what a folder lacks is not said where another of the same data answers"
    del scores["began"]
    answer = by_name(judge([searched(build, scores, "less")]))["equal/alike"]
    assert answer.verdict == "not testable" and answer.needed == "needs the methods left out: began"


def test_failed_trials_are_told_and_their_part_in_the_verdict(build):
    scores = {method: drawn(10.0, 0.2, seed=i) for i, method in enumerate(ALL)}
    scores["mm_gan"] = [score if i % 2 else None for i, score in enumerate(drawn(10.0, 0.2, seed=9))]
    answer = by_name(judge([searched(build, scores | {"vae": drawn(1000.0)})]))["equal/alike"]
    failed = sum(score is None for score in scores["mm_gan"])
    assert f"{failed} failed trials count as the worst score" in answer.caveats


def test_every_answer_says_how_its_data_differ_from_the_papers(build):
    scores = {method: drawn(10.0, configs=8) for method in ALL}
    own = {"data": "mnist", "metric": "fd_digits", "settings": {"architecture": "infogan"}, "images": 1_000_000}
    ours = judge([searched(build, scores)])
    assert shared_caveats(ours)[:2] == [
        "data digits (paper: mnist, fashion_mnist, cifar10, celeba)",
        "scored by fd_digits (paper: fid)",
    ]
    theirs = judge([searched(build, scores, "theirs", **own)])
    assert shared_caveats(theirs) == ["scored by fd_digits (paper: fid)"]


def test_claims_across_data_sets_need_two_and_are_answered_once(build):
    def folder(name, best):
        scores = {method: drawn(100.0, 0.2, seed=i) for i, method in enumerate(ALL)} | {best: drawn(1.0, 0.2)}
        return searched(build, scores, name, data=name)

    one, two = folder("digits", "wgan"), folder("mnist", "lsgan")
    assert by_name(judge([one]))["equal/no-winner"].verdict == "not testable"
    answers = judge([one, two])
    (joint,) = (answer for answer in answers if answer.claim.name == "equal/no-winner")
    assert joint.verdict == "holds" and joint.data == "digits, mnist"
    assert sum(answer.claim.name == "equal/alike" for answer in answers) == 2
    same = by_name(judge([one, folder("cifar10", "wgan")]))["equal/no-winner"]
    assert same.verdict != "holds"


def test_wide_and_narrow_ranges_are_compared_where_scored_alike_in_any_order_of_folders(build):
    def folder(name, level, **changes):
        scores = {method: drawn(level, 0.2, seed=i) for i, method in enumerate(ALL)}
        return searched(build, scores, name, **changes)

    wide, narrow = folder("wide", 10.0), folder("narrow", 100.0, study="equal/narrow")
    other = folder("other", 1000.0, data="mnist", protocol="another")
    for folders in ([other, wide, narrow], [wide, narrow, other], [narrow, wide]):
        (answer,) = (answer for answer in judge(folders) if answer.claim.name == "equal/wide-finds-better")
        assert answer.verdict == "holds" and answer.data == "digits"
    needed = by_name(judge([other, narrow]))["equal/wide-finds-better"].needed
    assert needed == "needs finished folders of equal/wide and equal/narrow with one protocol"


def test_the_table_is_one_for_terminal_docs_notebook_and_report(without_figures):
    answers = judge([RECORDED / "landscape_reg_norm_digits"])
    page = html.unescape(render(load(RECORDED / "landscape_reg_norm_digits")))
    frame = table(answers)
    assert list(frame["claim"].unique()) == [claim.name for claim in CLAIMS]
    text = write_markdown(answers)
    shown = CliRunner().invoke(app, ["claims", str(RECORDED / "landscape_reg_norm_digits")])
    assert shown.exit_code == 0
    for row in rows(answers):
        assert row.sentence in text
        if row.compared:
            assert row.estimate() in text and row.estimate() in shown.output and row.estimate() in page
        else:
            assert row.claim in shown.output


def test_the_csv_holds_every_number(tmp_path):
    folder = RECORDED / "landscape_reg_norm_digits"
    done = CliRunner().invoke(app, ["claims", str(folder), "--csv", str(tmp_path / "claims.csv")])
    assert done.exit_code == 0
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "claims.csv", keep_default_na=False, na_values=["nan", ""]).drop(columns=TEXTS),
        table(judge([folder])).drop(columns=TEXTS),
    )


def test_a_folder_without_anything_is_an_error_of_one_line(tmp_path):
    with pytest.raises(StoreError, match="no sweep and no table"):
        judge([tmp_path])
    done = CliRunner().invoke(app, ["claims", str(tmp_path)])
    assert done.exit_code == 2 and done.output.startswith("error: no sweep")


def calibrated(folder, experiment, levels, against="test", metric="fd_digits"):
    def row(level, repeat, value):
        known = {"experiment": experiment, "data": "digits", "metric": metric, "level": level, "value": value}
        known["against"] = against
        return dict.fromkeys(COLUMNS, "") | known | {"repeat": repeat, "samples": 100, "reference_samples": 100}

    write_table(
        (row(level, i, value) for level, values in levels.items() for i, value in enumerate(values)), folder, experiment
    )


def test_tables_of_calibrations_are_judged(tmp_path):
    rng = np.random.default_rng(0)
    calibrated(tmp_path, "bias", {100: 5.0 + 0.1 * rng.normal(size=20), 50: 9.0 + 3.0 * rng.normal(size=20)})
    calibrated(tmp_path, "modes", {k: 100.0 / k + 0.1 * rng.normal(size=20) for k in range(1, 11)})
    answers = by_name(judge([tmp_path]))
    assert answers["equal/bias-without-variance"].verdict == "holds"
    assert answers["equal/modes-show"].verdict == "holds"
    calibrated(tmp_path, "modes", {k: 100.0 / min(k, 6) + 0.1 * rng.normal(size=20) for k in range(1, 11)})
    calibrated(tmp_path, "bias", {100: 5.0 + 2.0 * rng.normal(size=20)})
    answers = by_name(judge([tmp_path]))
    assert answers["equal/bias-without-variance"].verdict == "fails"
    assert answers["equal/modes-show"].verdict != "holds"


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "holds"), (2.0, "fails")])
def test_partitions_are_compared_with_the_own_split(tmp_path, shift, verdict):
    rng = np.random.default_rng(0)
    calibrated(tmp_path, "bias", {50: 9.0 + rng.normal(size=20), 100: 5.0 + 0.1 * rng.normal(size=20)})
    assert by_name(judge([tmp_path]))["equal/any-partition"].verdict == "not testable"
    calibrated(tmp_path, "bias", {100: 5.0 + shift + 0.1 * rng.normal(size=20)}, against="partition")
    answer = by_name(judge([tmp_path]))["equal/any-partition"]
    assert answer.verdict == verdict and "100 samples" in answer.decision.telling.label
    assert answer.decision.telling.estimate.value == pytest.approx(math.log((5.0 + shift) / 5.0), abs=0.05)


@pytest.mark.parametrize(("collapsed", "verdict"), [(50.0, "holds"), (2.0, "fails")])
def test_one_image_per_class_is_compared_with_real_images(tmp_path, collapsed, verdict):
    rng = np.random.default_rng(0)
    levels = {REAL: 5.0 + 0.1 * rng.normal(size=8), ONE_PER_CLASS: collapsed + 0.1 * rng.normal(size=8)}
    calibrated(tmp_path, "sanity", levels)
    assert by_name(judge([tmp_path]))["equal/collapse-shows"].verdict == verdict


@pytest.mark.parametrize(("collapsed", "verdict"), [(9.6, "holds"), (5.0, "fails")])
def test_the_classifier_score_of_one_image_per_class_is_compared_with_that_of_real_images(tmp_path, collapsed, verdict):
    rng = np.random.default_rng(0)
    levels = {REAL: 9.6 + 0.01 * rng.normal(size=8), ONE_PER_CLASS: collapsed + 0.01 * rng.normal(size=8)}
    calibrated(tmp_path, "sanity", levels, metric="classifier_score_digits_logits")
    assert by_name(judge([tmp_path]))["equal/score-blind-to-collapse"].verdict == verdict


def test_another_metric_says_nothing_about_the_frechet_distance(tmp_path):
    calibrated(tmp_path, "sanity", {REAL: [1.0] * 8, ONE_PER_CLASS: [2.0] * 8}, metric="recall_digits")
    assert by_name(judge([tmp_path]))["equal/collapse-shows"].needed == "needs a Frechet distance"


def scored_twice(build, correlation, models=200, seed=0, name="out"):
    """A finished folder of equal/wide whose log scores by a second encoder have this Pearson correlation."""
    rng = np.random.default_rng(seed)
    logs = rng.multivariate_normal([0.0, 0.0], [[1.0, correlation], [correlation, 1.0]], size=models)
    folder = build({"ns_gan": [[math.exp(value)] for value in logs[:, 0]]}, name, study="equal/wide")
    with open_store(folder) as store:
        store.add_protocol("other", {"metric": "fd_random_conv"})
        for number, value in enumerate(logs[:, 1]):
            row = {"trial": f"ns_gan-{number}-0", "rung": 200, "images": 200, "attempt": 0, "seconds": 1.0}
            score = {"metric": "fd_random_conv", "value": math.exp(value), "protocol": "other"}
            store.add_scores([row | score])
    return folder


@pytest.mark.parametrize(("correlation", "verdict"), [(0.95, "holds"), (0.5, "fails"), (0.81, "undecided")])
def test_whether_two_encoders_order_models_alike_is_decided(build, correlation, verdict):
    answer = by_name(judge([scored_twice(build, correlation)]))["equal/encoder-alike"]
    assert answer.verdict == verdict
    assert answer.decision.telling.estimate.units == 200


def test_the_encoders_claim_is_wrong_at_its_margin_at_most_5_percent_of_the_time():
    """Of normal pairs Spearman's correlation is 6 / pi asin(rho / 2), so 0.8135 gives 0.8."""
    rng, wrong, cases = np.random.default_rng(0), 0, 1000
    for _ in range(cases):
        x, y = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.8135], [0.8135, 1.0]], size=60).T
        wrong += EVERY.decide([encoders._contrast("a", "b", x, y)], 0.0).verdict != "undecided"
    assert wrong <= 0.06 * cases  # 5 % and two standard errors of the simulation


def test_one_metric_alone_says_nothing_about_encoders(build):
    answer = by_name(judge([build({"ns_gan": [[1.0]] * 20}, study="equal/wide")]))["equal/encoder-alike"]
    assert answer.verdict == "not testable" and "two encoders" in answer.needed


def test_every_claim_is_of_studies_and_methods_that_exist():
    for claim in CLAIMS:
        for study in claim.studies:
            assert study in STUDIES or study in ("calibrate bias", "calibrate modes", "calibrate sanity")
    assert set(GANS) < set(ALL) <= set(STUDIES["equal/wide"].methods)
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)


def test_the_recorded_landscape_study_is_judged_by_its_paired_settings():
    """The ratio of spectral normalization, recomputed with pandas alone."""
    results = load(RECORDED / "landscape_reg_norm_digits")
    answer = by_name(judge([RECORDED / "landscape_reg_norm_digits"]))["landscape/sn-helps"]
    trials = results.trials().merge(results.per_trial()[["trial", "value"]], on="trial")
    trials = trials[trials["phase"] == "points"]
    logs = trials.assign(log=np.log(trials["value"])).pivot_table(
        index=["g_lr", "beta1", "beta2", "disc_iters"], columns="method", values="log"
    )
    gap = (logs["ns_sn"] - logs["ns"]).dropna()
    assert rows([answer])[0].value == pytest.approx(math.exp(gap.mean()))
    assert rows([answer])[0].units == len(gap)
