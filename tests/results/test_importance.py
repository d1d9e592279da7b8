import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from ganscape.results import frames, importance
from ganscape.results.store import open_store

BOX = np.array([[0.0, 1.0], [-1.0, 3.0], [-0.5, 2.5]])


def study(build, function, configs=60, seeds=1, methods=("a",)):
    """A store whose scores are a function of learning_rate, beta1 and a word."""
    folder, rng = build({method: [["running"]] for method in methods}), np.random.default_rng(0)
    with open_store(folder) as store:
        for method, c in product(methods, range(configs)):
            settings = {
                "learning_rate": 10 ** rng.uniform(-5, -2),
                "beta1": rng.uniform(),
                "loss": str(rng.choice(["p", "q"])),
            }
            for seed in range(seeds):
                trial = f"{method}-{c}-{seed}-x"
                store.add_trials(1, [{"trial": trial, "config": f"{method}-{c}-x", "method": method, "seed": seed,
                                      "settings": settings, "structure": "s"}])  # fmt: skip
                value = function(settings, method, rng)
                store.add_scores([{"trial": trial, "rung": 200, "images": 200, "metric": "fd_digits", "value": value,
                                   "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0}])  # fmt: skip
    return frames.load(folder)


def grid_variances(leaves, values):
    """Shares by brute force: the function on a grid whose lines are all edges, every cell weighted by its volume."""
    edges = [np.unique(np.concatenate([leaves[:, j].ravel(), BOX[j]])) for j in range(3)]
    middles = [(e[1:] + e[:-1]) / 2 for e in edges]
    widths = [np.diff(e) / np.ptp(e) for e in edges]
    table = np.empty([len(m) for m in middles])
    for place in np.ndindex(table.shape):
        point = np.array([middles[j][place[j]] for j in range(3)])
        inside = ((leaves[:, :, 0] <= point) & (point <= leaves[:, :, 1])).all(axis=1)
        table[place] = values[inside][0]
    mean = np.einsum("abc,a,b,c", table, *widths)
    centred = table - mean
    total = np.einsum("abc,a,b,c", centred**2, *widths)
    others = (("abc,b,c->a", 1, 2), ("abc,a,c->b", 0, 2), ("abc,a,b->c", 0, 1))
    alone = [np.einsum(sum_over, centred, widths[i], widths[j]) for sum_over, i, j in others]
    both = np.einsum("abc,c->ab", centred, widths[2]) - alone[0][:, None] - alone[1]
    return [w @ f**2 / total for w, f in zip(widths, alone, strict=True)], widths[0] @ both**2 @ widths[1] / total


@pytest.mark.parametrize("seed", range(4))
def test_shares_of_a_tree_equal_sums_over_a_grid(seed):
    from sklearn.tree import DecisionTreeRegressor

    rng = np.random.default_rng(seed)
    x = rng.uniform(BOX[:, 0], BOX[:, 1], (60, 3))
    x[:, 2] = x[:, 2].round()
    y = 3 * x[:, 0] + x[:, 0] * x[:, 1] + (x[:, 2] == 1) * x[:, 1] + rng.normal(0, 0.1, 60)
    tree = DecisionTreeRegressor(max_leaf_nodes=12, random_state=0).fit(x, y)
    leaves, values = importance._leaves(tree.tree_, BOX)
    single, both = importance.tree_variance(leaves, values, BOX)
    alone, pair = grid_variances(leaves, values)
    assert single == pytest.approx(alone, abs=1e-12)
    assert both[0, 1] == both[1, 0] == pytest.approx(pair, abs=1e-12)
    for point, leaf in zip(x, tree.predict(x), strict=True):
        inside = ((leaves[:, :, 0] <= point) & (point <= leaves[:, :, 1])).all(axis=1)
        assert leaf in values[inside]


def test_a_step_and_a_product_have_the_shares_of_arithmetic():
    quarters = np.array([[[a, a + 0.5], [b, b + 0.5]] for a, b in product((0, 0.5), repeat=2)])
    bounds = np.array([[0.0, 1.0], [0.0, 1.0]])
    single, both = importance.tree_variance(quarters, np.array([0.0, 0.0, 0.0, 1.0]), bounds)
    # An AND of two halves: variance 3/16, of which each alone 1/16 and both together 1/16.
    assert single == pytest.approx([1 / 3, 1 / 3]) and both[0, 1] == pytest.approx(1 / 3)
    assert importance.tree_variance(quarters, np.ones(4), bounds) is None


def test_the_setting_that_matters_is_found_and_the_scale_is_logarithmic(build):
    def function(settings, method, rng):
        return math.exp(abs(math.log10(settings["learning_rate"]) + 3.5) + 0.02 * rng.normal())

    found = importance.importance(study(build, function))
    assert found.interpretable and found.r2 > 0.8 and found.reason == ""
    first = found.single.iloc[0]
    assert first["setting"] == "learning_rate" and first["alone"] > 0.6 and first["permutation"] > 0.6
    assert first["alone"] > 5 * found.single["alone"][1]
    assert (found.single["alone"].sum() + found.pairs["share"].sum()) <= 1 + 1e-9
    assert found.single["permutation"][1:].abs().max() < 0.1


def test_an_interaction_is_seen_as_a_pair(build):
    def function(settings, method, rng):
        return math.exp(3.0 * (settings["loss"] == "p" and settings["beta1"] > 0.5))

    found = importance.importance(study(build, function, 120))
    pairs = found.pairs
    assert set(found.single["setting"]) == {"learning_rate", "beta1", "loss"}
    assert set(pairs[["a", "b"]].iloc[0]) == {"loss", "beta1"} and 0.25 < pairs["share"][0] < 0.45


def test_noise_is_refused_also_when_seeds_repeat_it(build):
    noise = {}

    def function(settings, method, rng):
        return noise.setdefault(settings["learning_rate"], rng.lognormal())

    found = importance.importance(study(build, function, 40, seeds=3))
    assert not found.interpretable and found.r2 < importance.TRUSTED and "held-out configs" in found.reason


def test_too_few_configs_are_refused(build):
    found = importance.importance(frames.load(build({"a": [[1.0], [2.0], [None]]})))
    assert (found.interpretable, found.configs) == (False, 3) and math.isnan(found.r2)
    assert found.reason == "3 finished configs, fewer than 10" and found.single.empty and found.pairs.empty


@pytest.mark.parametrize("table", [{"a": [["running"]]}, {"a": [[None]] * 12}, {"a": [[2.0]] * 12}])
def test_nothing_to_explain_is_refused(build, table):
    assert not importance.importance(frames.load(build(table))).interpretable


def test_a_method_is_a_setting_and_what_it_decides_is_left_out(build):
    rows = {name: [[float(i + 1 + 5 * (name == "b"))] for i in range(9)] for name in "ab"}
    table, score, config = importance.design(frames.load(build(rows)))
    assert list(table.columns) == ["method", "learning_rate"]  # `loss` is the name of the method in these stores
    assert score == pytest.approx(np.log(np.ravel([*rows["a"], *rows["b"]]))) and len(config) == 18


def test_a_failure_is_the_worst_score(build):
    _, score, _ = importance.design(frames.load(build({"a": [[math.e], [None], [math.e**3]]})))
    assert score == pytest.approx([1, 3, 3])


def test_encoding_takes_logarithms_medians_and_words():
    table = pd.DataFrame({"rate": [1e-4, 1e-2, None], "beta": [0.1, 0.9, 0.5], "word": ["q", "p", None]})
    x, bounds = importance.encode(table)
    assert x[:, 0] == pytest.approx(np.log([1e-4, 1e-2, 0.00505]))
    assert x[:, 1].tolist() == [0.1, 0.9, 0.5] and x[:, 2].tolist() == [2.0, 1.0, 0.0]
    assert bounds[1:].tolist() == [[0.1, 0.9], [-0.5, 2.5]]
