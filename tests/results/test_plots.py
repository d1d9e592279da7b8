import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from ganscape.results import budget, frames, importance, incumbents, plots, recorded
from ganscape.results.store import StoreError, open_store

TABLE = {
    "a": [[4.0, 3.0], [2.0, 6.0], [5.0, 5.5], [8.0, 7.0]],
    "b": [[9.0, None], [3.5, 2.5], [1.5, 6.5], [4.5, "running"]],
}
FIGURES = [
    plots.budget_curves, plots.lucic_budget_curves, plots.cost_curves, plots.incumbent_curves,
    plots.score_distributions, plots.top_distributions, plots.seeds_versus_configs,
    plots.performance_profiles, plots.improvement_matrix,
]  # fmt: skip

BANDIT = [{"name": "bandit", "searcher": "gp_bandit", "configs": 1, "seeds": 1, "rounds": 1}]
KNOWN = [{"learning_rate": 1.0}, {"learning_rate": 0.1}]


def slices(results, rule="best", ax=None):
    return plots.slices(results, "learning_rate", rule, ax)


def parallel(results, rule="best", ax=None):
    return plots.parallel_coordinates(results, "a", rule, ax)


FIGURES += [slices, parallel]


@pytest.fixture
def results(build):
    return frames.load(build(TABLE))


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_a_budget_curve_is_the_expected_best_solid_to_half_and_dashed_beyond(results):
    ax = plots.budget_curves(results)
    curve = budget.expected_best_curve(np.array(TABLE["a"]))
    lines = {
        line.get_linestyle(): line
        for line in ax.lines
        if line.get_color() == plots.style(results, "a")["color"] and line.get_linewidth() != 1.4
    }
    assert np.allclose(lines["--"].get_ydata(), curve["mean"])
    solid = np.asarray(lines["-"].get_ydata(), dtype=float)
    assert np.allclose(solid[:2], curve["mean"][:2]) and np.isnan(solid[2:]).all()


def test_the_interval_band_ends_where_the_line_is_dashed(results):
    bands = plots.budget_curves(results).collections
    assert bands and all(path.vertices[:, 0].max() <= 2 for band in bands for path in band.get_paths())


def test_while_failures_leave_no_expectation_the_median_is_dotted(results):
    ax = plots.budget_curves(results)
    scores = budget.replicates(results.per_trial(), "b")
    dotted = [
        line
        for line in ax.lines
        if line.get_linestyle() == ":" and line.get_color() == plots.style(results, "b")["color"]
    ]
    drawn = np.asarray(dotted[0].get_ydata(), dtype=float)
    assert drawn[0] == budget.quantile(scores, 1, 0.5) and np.isnan(drawn[1:]).all()


def test_every_finished_trial_is_a_point_and_failures_are_counted(results):
    ax = plots.score_distributions(results)
    points = [line.get_xdata() for line in ax.lines if line.get_marker() not in ("None", None, "")]
    assert sorted(points[0]) == sorted(np.ravel(TABLE["a"]))
    assert sorted(points[1]) == [1.5, 2.5, 3.5, 4.5, 6.5, 9.0]
    assert texts(ax) == ["8 trials", "7 of 8 trials\n1 failed"]


@pytest.mark.parametrize("draw", FIGURES)
def test_figures_name_metric_samples_reference_data_and_rule(results, draw):
    ax = draw(results, rule="last")
    words = " ".join([ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")])
    compares = draw in (plots.seeds_versus_configs, plots.improvement_matrix, parallel)  # no axis of scores
    for word in (
        "fd_digits",
        "" if compares else "lower is better",
        "797 samples",
        "digits/test (797)",
        "data digits",
        "last rung",
    ):
        assert word in words


@pytest.mark.parametrize("draw", FIGURES)
def test_figures_draw_on_the_axes_they_are_given_and_save_nothing(results, draw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    ax = Figure().subplots()
    assert draw(results, ax=ax) is ax and (ax.has_data() or ax.texts)
    assert sorted(tmp_path.rglob("*")) == before


STAGES = [{"a": [["running"]]}, {"a": [[None, None]]}, {"a": [[1.0]]}, {"a": [[0.0, 0.0]], "b": [[None, 1.0]]}]


@pytest.fixture(scope="module", params=STAGES)
def stage(request, write_store, tmp_path_factory):
    return frames.load(write_store(tmp_path_factory.mktemp("stage") / "out", request.param))


@pytest.mark.parametrize("draw", FIGURES)
def test_figures_exist_at_every_stage_of_a_sweep(stage, draw):
    ax = draw(stage)
    ax.figure.draw_without_rendering()
    nothing = not np.isfinite(stage.per_trial()["value"]).any()
    if nothing and draw in (plots.budget_curves, plots.score_distributions):
        assert texts(ax) == ["no trial has finished without failing"]


def test_methods_differ_in_colour_and_in_marker_and_stay_the_same_between_figures(build):
    names = [f"method{i}" for i in range(7)]
    results = frames.load(build({name: [[1.0 + i]] for i, name in enumerate(names)}))
    styles = [plots.style(results, name) for name in names]
    assert len({style["marker"] for style in styles}) == len({style["color"] for style in styles}) == 7
    luminance = [np.dot(to_rgb(style["color"]), (0.2126, 0.7152, 0.0722)) for style in styles]
    assert max(luminance) < 0.72, "every colour is seen on white"


def line(ax, label):
    return next(line for line in ax.lines if str(line.get_label()).startswith(label))


def test_the_lucic_curve_is_the_bootstrap_and_says_so(results):
    ax = plots.lucic_budget_curves(results)
    curve = budget.lucic_curve(np.array(TABLE["a"]))
    assert np.allclose(np.asarray(line(ax, "a ").get_ydata(), dtype=float)[:2], curve["mean"][:2])
    assert "with replacement" in ax.get_title(loc="left")


@pytest.mark.parametrize("unit, words", [("images", "real images seen"), ("seconds", "device-seconds")])
def test_cost_curves_end_at_what_was_spent_and_name_the_unit(results, unit, words):
    ax = plots.cost_curves(results, unit=unit)
    x = line(ax, "a ").get_xdata()
    assert x[-1] == pytest.approx(800 if unit == "images" else 80) and words in ax.get_xlabel()
    assert [ax.xaxis.get_major_formatter()(value, 0) for value in (1_250_000, 500, 0.25)] == [
        "1,250,000",
        "500",
        "0.25",
    ]
    with pytest.raises(ValueError, match="unknown unit 'hours'; one of: images, seconds"):
        plots.cost_curves(results, unit="hours")


def test_incumbents_follow_the_order_asked(results):
    ax = plots.incumbent_curves(results)
    assert np.allclose(line(ax, "a ").get_ydata(), [3.5, 2.5, 2.5, 2.5])


def test_the_authors_settings_are_starred_and_begin_the_mixed_budget(build):
    methods = {"a": {"defaults": [{"learning_rate": 0.1}]}, "b": {}}
    results = frames.load(build(TABLE, methods=methods))
    stars = [line for line in plots.score_distributions(results).lines if line.get_marker() == "*"]
    assert {star.get_xdata()[0] for star in stars} == {4.0}
    ax = plots.mixed_budget_curves(results)
    assert len(ax.get_legend().get_texts()) == 1 and "1 known, 3 searched" in ax.get_legend().get_texts()[0].get_text()
    assert np.allclose(line(ax, "a ").get_ydata(), [4.0, 2.75, 2.75, 2.75])  # of 2 and 6 with 4 and 3
    assert "no method has known settings" in texts(plots.mixed_budget_curves(frames.load(build(TABLE, "two"))))[0]


def test_known_settings_with_more_seeds_than_the_search_that_follows_are_all_used(build):
    """The search of phase 2 was trained once, the known settings twice: pairs of their replicates are averaged."""
    table, methods = {"a": [[4.0, 8.0], [6.0, 2.0], [3.0]]}, {"a": {"defaults": KNOWN}}
    folder = build(table, searcher="points", phases=BANDIT, round=(0, 0, 1), methods=methods)
    curve = incumbents.of_method(frames.load(folder), "a")
    assert curve[["k", "fixed", "bandit"]].to_numpy().tolist() == [[1, 1, 0], [2, 2, 0], [3, 2, 1]]
    assert curve["mean"].tolist() == [5.0, 3.0, 2.5]  # of 4, 6, 8, 2; of 4 and 2; of 3 and 2


@pytest.mark.parametrize("draw", [plots.budget_curves, plots.lucic_budget_curves, plots.cost_curves])
def test_configs_that_were_chosen_by_scores_are_not_drawn_as_draws(build, draw):
    first = frames.load(build(TABLE, "first", searcher="gp_bandit"))
    later = frames.load(build(TABLE, "later", searcher="points", phases=BANDIT, round=(0, 0, 1, 1)))
    for results in (first, later):
        ax = draw(results)
        assert "chosen by 'gp_bandit'" in texts(ax)[0] and not ax.lines
    assert plots.incumbent_curves(first).lines and plots.budget_curves(frames.load(build(TABLE, "none"))).lines


def test_comparisons_leave_out_configs_that_were_chosen_by_scores(build):
    results = frames.load(build(TABLE, searcher="points", phases=BANDIT, round=(0, 0, 1, 1)))
    assert "2 configs per method" in plots.improvement_matrix(results).get_title(loc="left")
    assert "2 configs, 2 seeds" in plots.performance_profiles(results).get_legend().get_texts()[0].get_text()


def test_top_distributions_keep_the_best_twentieth(results):
    ax = plots.top_distributions(results, share=0.25)
    assert [list(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"] == [[2.0, 3.0]]
    assert texts(ax)[0] == "2 of 8 trials"


def test_a_profile_rises_to_the_share_that_worked(results):
    shares = [line.get_ydata()[-1] for line in plots.performance_profiles(results).lines]
    assert shares == [1.0, pytest.approx(5 / 6)]


def test_the_matrix_holds_both_directions(results):
    first = [text for text in texts(plots.improvement_matrix(results)) if "to" not in text]
    assert len(first) == 2 and sum(map(int, first)) == 100


def test_a_slice_stands_where_the_setting_is_and_failures_above(results):
    ax = plots.slices(results, "learning_rate")
    drawn = line(ax, "a ")
    assert sorted(set(drawn.get_xdata())) == pytest.approx([0.001, 0.01, 0.1, 1.0]) and len(drawn.get_xdata()) == 8
    assert "1 failed trial" in ax.get_title(loc="left")
    with pytest.raises(ValueError, match="unknown setting 'lr'; one of: learning_rate, loss"):
        plots.slices(results, "lr")


def test_parallel_coordinates_draw_each_config_once_the_best_last(results):
    ax = plots.parallel_coordinates(results, "a")
    ends = [line.get_ydata()[-1] for line in ax.lines if list(line.get_xdata()) == [0, 1]]
    assert ends == sorted(ends, reverse=True) and len(ends) == 4 and (ends[0], ends[-1]) == (1, 0)


def test_importance_that_may_not_be_read_is_not_drawn(results):
    found = importance.importance(results)
    assert texts(plots.importance_bars(found)) == [f"not shown: {found.reason}"]


def test_every_figure_of_the_studies_can_be_drawn_by_name():
    study = recorded("equal_wide_digits")
    for draw in set(plots.STUDIES_FIGURES.values()):
        assert draw(study).has_data()


def two_measures(build):
    folder = build({"a": [[float(i), i + 0.5] for i in range(1, 9)]})
    with open_store(folder) as store:
        for i in range(8):
            for seed in (0, 1):
                store.add_scores([{"trial": f"a-{i}-{seed}", "rung": 200, "images": 200, "metric": "fd_pixels",
                                   "value": 10.0 * (i + 1), "protocol": "0123456789ab", "attempt": 0,
                                   "seconds": 1.0}])  # fmt: skip
    return frames.load(folder)


def test_two_encoders_are_compared_config_by_config(build):
    found = two_measures(build)
    ax = plots.encoder_scatter(found, "fd_digits", "fd_pixels")
    assert ax.lines[0].get_xdata().tolist() == pytest.approx([i + 0.25 for i in range(1, 9)])
    assert ax.lines[0].get_ydata().tolist() == [10.0 * i for i in range(1, 9)]
    assert "8 configs" in ax.get_title(loc="left") and "Spearman 1.00" in ax.get_title(loc="left")
    with pytest.raises(ValueError, match="unknown measure 'fid'; one of: fd_digits, fd_pixels"):
        plots.encoder_scatter(found, "fid", "fd_digits")


def test_samples_are_those_of_the_nearest_rung(results):
    folder = results.folder / "samples" / "a-0-0"
    folder.mkdir(parents=True)
    Image.fromarray(np.full((4, 4), 128, np.uint8)).save(folder / "100.png")
    ax = plots.sample_grid(results, "a-0-0")
    assert ax.images and "rung 100" in ax.get_title(loc="left")
    assert "no samples of trial a-1-0" in texts(plots.sample_grid(results, "a-1-0"))[0]


def test_axes_refuse_scores_of_a_second_protocol(build):
    one, other = (frames.load(build({"a": [[1.0], [2.0]]}, name, protocol=name)) for name in ("one", "other"))
    ax = plots.score_distributions(frames.load(build({"a": [[1.0], [2.0]]}, "drawn")))
    for second in (one, other):
        with pytest.raises(StoreError, match="scores of two protocols do not share a figure: fingerprint"):
            plots.canvas.entitle(ax, second, "best")


def test_the_title_of_a_matrix_of_two_methods_is_inside_its_figure(results):
    figure = plots.improvement_matrix(results).figure
    figure.draw_without_rendering()
    assert len(results.methods()) == 2
    assert figure.get_tightbbox().x1 <= figure.get_size_inches()[0]


@pytest.mark.parametrize("figure", [plots.budget_curves, plots.cost_curves, plots.score_distributions])
def test_a_long_protocol_stays_within_its_figure(figure):
    ax = figure(recorded("completion_digits"))
    whole = ax.get_figure(root=True)
    whole.draw_without_rendering()
    title = ax._left_title.get_window_extent()
    assert title.x0 >= 0 and title.x1 <= whole.bbox.x1
