"""Importance of hyperparameters, and whether it can be determined.

A random forest (scikit-learn) predicts the score from the settings. Two answers, in shares that do not depend on the
unit of the score: permutation importance on held-out configs (Breiman 2001), and the functional analysis of variance of
the forest (Hutter, Hoos and Leyton-Brown 2014), which divides its variance over the whole space into the effects
of single settings and the interactions of two. Both describe the forest: if it cannot predict unseen configs
(out-of-fold R^2 below `TRUSTED`) they mean nothing, and `Importance.interpretable` is False.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ganscape.results.frames import Results
from ganscape.results.statistics import log_scale

if TYPE_CHECKING:
    import pandas as pd

TRUSTED = 0.3
CONFIGS = 10  # with fewer configs no forest is fitted
MOST = 500  # configs a forest is fitted to; of more this many are drawn
TREES, FOLDS, REPEATS = 100, 5, 10
LOGARITHMIC = 20.0  # a positive number that spans more than this factor is searched on a log scale


class Importance(NamedTuple):
    """How much each setting explains of a method's scores, or the reason why that cannot be told.

    r2: out-of-fold, NaN for too few configs; configs, trials: how many were used, at most `MOST` configs; reason: why
    the result is not interpretable, else empty.

    single: setting alone alone_sd permutation permutation_sd; alone: the share of the forest's variance that the
    setting explains by itself (sd: between trees), permutation: the rise of the squared error in units of the variance
    when the setting is shuffled among held-out trials (sd: between repeats), best first.
    pairs: a b share share_sd; share: the share of the variance that two settings explain beyond each alone.
    """

    r2: float
    configs: int
    trials: int
    interpretable: bool
    reason: str
    single: "pd.DataFrame"
    pairs: "pd.DataFrame"


def importance(results: Results, method: str | None = None, rule: str = "best", seed: int = 0) -> Importance:
    """Returns the importance of settings that differ between trials of a method, or of all (method as a setting)."""
    table, score, config = design(results, method, rule, MOST, seed)
    count = int(config.nunique())
    if count < CONFIGS or table.empty or np.ptp(score) == 0:
        few = f"{count} finished configs, fewer than {CONFIGS}" if count < CONFIGS else "nothing varies"
        return Importance(np.nan, count, len(table), False, few, *_empty())
    x, bounds = encode(table)
    r2, rises = _held_out(x, score, config.to_numpy(), seed)
    trees = [_shares(tree, bounds) for tree in _forest(seed).fit(x, score).estimators_]
    trees = [shares for shares in trees if shares is not None]
    single, both = (np.array(part) for part in zip(*trees, strict=True))
    reason = (
        "" if r2 >= TRUSTED else f"the forest explains {max(r2, 0):.0%} of held-out configs, less than {TRUSTED:.0%}"
    )
    tables = _tables(list(table.columns), single, both, rises)
    return Importance(r2, count, len(table), not reason, reason, *tables)


def design(results: Results, method: str | None = None, rule: str = "best", most: int | None = None, seed: int = 0):
    """Returns the settings that differ (one column each), the scores and the configs of the finished trials.

    Of more than `most` configs that many are drawn. Scores are on their log scale; a failure counts as the worst of
    them. Settings that always change together (such as equal learning rates) are one column, named after the first.
    With several methods the method is a setting, and settings that it determines are left out.
    """
    value = results.searched(rule).set_index("trial")["value"]
    trials = results.progress_of_trials().set_index("trial").loc[value.index]
    kept = value.notna() & ((trials["method"] == method) if method else True)
    trials, value = trials[kept], value[kept]
    configs = trials["config"].unique()
    if most is not None and len(configs) > most:
        kept = trials["config"].isin(np.random.default_rng(seed).choice(configs, most, replace=False))
        trials, value = trials[kept], value[kept]
    finite = value[np.isfinite(value)]
    score = log_scale(value)(value.clip(upper=finite.max())).to_numpy() if len(finite) else np.zeros(len(value))
    settings = results.frame_of_settings(trials["config"].tolist()).set_axis(trials.index)
    if method is None and trials["method"].nunique() > 1:
        varies = settings.astype(str).groupby(trials["method"]).nunique().max() > 1
        settings = settings.loc[:, varies]
        settings.insert(0, "method", trials["method"])
    distinct: dict[tuple, str] = {}
    for name in settings.columns:
        words = settings[name].astype(str)
        if words.nunique() > 1:
            distinct.setdefault(tuple(words) if is_number(settings[name]) else tuple(words.factorize()[0]), name)
    return settings[list(distinct.values())], score, trials["config"]


def encode(table: "pd.DataFrame") -> tuple[np.ndarray, np.ndarray]:
    """Returns settings as numbers [trials, settings], and their ranges [settings, 2] for the analysis of variance.

    Numbers that span more than a factor of 20 become logarithms; a trial without the setting gets the median. Words
    become 0, 1, ... in alphabetical order, each of equal weight.
    """
    columns, bounds = [], []
    for name in table.columns:
        column = table[name]
        if is_number(column):
            filled = column.astype("float64")
            x = filled.fillna(filled.median()).to_numpy()
            x = np.log(x) if x.min() > 0 and x.max() / x.min() > LOGARITHMIC else x
            columns.append(x)
            bounds.append((x.min(), x.max()))
        else:
            codes, words = column.fillna("absent").astype(str).factorize(sort=True)
            columns.append(codes.astype(np.float64))
            bounds.append((-0.5, len(words) - 0.5))
    return np.stack(columns, axis=1), np.array(bounds)


def is_number(column) -> bool:
    """Returns whether all values of a setting are numbers."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in column.dropna())


def tree_variance(boxes, values, bounds) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns shares of a piecewise constant function's variance over a box: [settings] and [settings, settings].

    boxes: [leaves, settings, 2]; values: [leaves]; bounds: [settings, 2]. The second is zero on its diagonal and
    symmetric. None for a constant function. Exact: Hutter et al. 2014, Algorithms 1 and 2.
    """
    length = (boxes[:, :, 1] - boxes[:, :, 0]) / (bounds[:, 1] - bounds[:, 0])
    mass = values * length.prod(axis=1)
    mean, total = mass.sum(), mass @ values - mass.sum() ** 2
    if total <= 1e-12 * max(1.0, mean**2):
        return None
    count = len(bounds)
    cells = [_cells(boxes[:, j], bounds[j]) for j in range(count)]
    single, both = np.zeros(count), np.zeros((count, count))
    for j, (inside, width) in enumerate(cells):
        single[j] = width @ ((mass / length[:, j]) @ inside) ** 2 - mean**2
    for i in range(count):
        for j in range(i):
            marginal = (cells[i][0] * (mass / length[:, i] / length[:, j])[:, None]).T @ cells[j][0]
            both[i, j] = cells[i][1] @ marginal**2 @ cells[j][1] - mean**2 - single[i] - single[j]
    return single / total, (both + both.T) / total


def _cells(intervals, bound):
    """Returns [leaves, cells], whether each cell between edges lies in a leaf, and [cells], its share of the range."""
    edges = np.unique(intervals)
    inside = (intervals[:, :1] <= edges[:-1]) & (edges[1:] <= intervals[:, 1:])
    return inside.astype(np.float64), np.diff(edges) / (bound[1] - bound[0])


def _shares(tree, bounds):
    boxes, values = _leaves(tree.tree_, bounds)
    return tree_variance(boxes, values, bounds)


def _leaves(tree, bounds):
    """Returns the boxes and values of a scikit-learn tree's leaves within the bounds."""
    boxes, values, waiting = [], [], [(0, bounds)]
    while waiting:
        node, box = waiting.pop()
        if tree.children_left[node] < 0:
            boxes.append(box)
            values.append(tree.value[node].item())
            continue
        j, threshold = tree.feature[node], tree.threshold[node]
        left, right = box.copy(), box.copy()
        left[j, 1], right[j, 0] = threshold, threshold
        waiting += [(tree.children_left[node], left), (tree.children_right[node], right)]
    return np.array(boxes), np.array(values)


def _forest(seed):
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(TREES, min_samples_leaf=2, max_features=0.7, random_state=seed)


def _held_out(x, score, config, seed):
    """Returns the out-of-fold R^2 (folds divide configs), and rises of the squared error [repeats, settings]."""
    from sklearn.model_selection import GroupKFold

    rng, predicted = np.random.default_rng(seed), np.empty(len(score))
    rises = np.zeros((REPEATS, x.shape[1]))
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=seed).split(x, score, config):
        forest = _forest(seed).fit(x[train], score[train])
        predicted[test] = forest.predict(x[test])
        error = np.sum((score[test] - predicted[test]) ** 2)
        shuffled = np.tile(x[test], (REPEATS, x.shape[1], 1, 1))  # [repeats, settings, trials, settings]
        for repeat in range(REPEATS):
            order = rng.permutation(len(test))
            for j in range(x.shape[1]):
                shuffled[repeat, j, :, j] = x[test][order, j]
        again = forest.predict(shuffled.reshape(-1, x.shape[1])).reshape(shuffled.shape[:3])
        rises += ((score[test] - again) ** 2).sum(axis=2) - error
    total = np.sum((score - score.mean()) ** 2)
    return float(1 - np.sum((score - predicted) ** 2) / total), rises / total


def _tables(names, single, both, rises):
    import pandas as pd

    alone = pd.DataFrame({"setting": names, "alone": single.mean(axis=0), "alone_sd": single.std(axis=0),
                          "permutation": rises.mean(axis=0), "permutation_sd": rises.std(axis=0)})  # fmt: skip
    rows = [(names[i], names[j], both[:, i, j].mean(), both[:, i, j].std())
            for i in range(len(names)) for j in range(i + 1, len(names))]  # fmt: skip
    pairs = pd.DataFrame(rows, columns=["a", "b", "share", "share_sd"])
    return (alone.sort_values("alone", ascending=False, ignore_index=True),
            pairs.sort_values("share", ascending=False, ignore_index=True))  # fmt: skip


def _empty():
    import pandas as pd

    single = pd.DataFrame(columns=["setting", "alone", "alone_sd", "permutation", "permutation_sd"])
    return single, pd.DataFrame(columns=["a", "b", "share", "share_sd"])
