import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from results import budget, frames, plots

TABLE = {
    "a": [[4.0, 3.0], [2.0, 6.0], [5.0, 5.5], [8.0, 7.0]],
    "b": [[9.0, None], [3.5, 2.5], [1.5, 6.5], [4.5, "running"]],
}


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


@pytest.mark.parametrize("draw", [plots.budget_curves, plots.score_distributions])
def test_figures_name_metric_samples_reference_data_and_rule(results, draw):
    ax = draw(results, rule="last")
    words = " ".join([ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")])
    for word in ("fd_digits", "lower is better", "797 samples", "digits/test (797)", "data digits", "last rung"):
        assert word in words


@pytest.mark.parametrize("draw", [plots.budget_curves, plots.score_distributions])
def test_figures_draw_on_the_axes_they_are_given_and_save_nothing(results, draw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    ax = Figure().subplots()
    assert draw(results, ax=ax) is ax and ax.has_data()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "table", [{"a": [["running"]]}, {"a": [[None, None]]}, {"a": [[1.0]]}, {"a": [[0.0, 0.0]], "b": [[None, 1.0]]}]
)
@pytest.mark.parametrize("draw", [plots.budget_curves, plots.score_distributions])
def test_figures_exist_at_every_stage_of_a_sweep(build, draw, table):
    ax = draw(frames.load(build(table)))
    ax.figure.canvas.print_figure("/dev/null", format="svg")
    if not np.isfinite(frames.load(build(table, "two")).per_trial()["value"]).any():
        assert texts(ax) == ["no trial has finished without failing"]


def test_methods_differ_in_colour_and_in_marker_and_stay_the_same_between_figures(build):
    names = [f"method{i}" for i in range(7)]
    results = frames.load(build({name: [[1.0 + i]] for i, name in enumerate(names)}))
    styles = [plots.style(results, name) for name in names]
    assert len({style["marker"] for style in styles}) == len({style["color"] for style in styles}) == 7
    luminance = [np.dot(to_rgb(style["color"]), (0.2126, 0.7152, 0.0722)) for style in styles]
    assert max(luminance) < 0.72, "every colour is seen on white"


def test_figures_leave_no_global_figure_behind(build):
    folder = build(TABLE)
    script = f"""
import sys
from results import frames, plots
plots.budget_curves(frames.load({str(folder)!r})); plots.score_distributions(frames.load({str(folder)!r}))
assert "matplotlib.pyplot" not in sys.modules
assert not {{"jax", "ray", "flax", "optax"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": str(Path(plots.__file__).parents[1])})
