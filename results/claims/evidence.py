"""The scores that a claim is about, taken from an output folder, or the reason why it cannot be judged there."""

import math
from typing import NamedTuple

import numpy as np

from ganscape.results import budget
from ganscape.results.frames import Results

DRAWN = ("random", "original", "published")  # searchers whose configs are independent draws
LEAST_DRAWS = 4  # configs of each method, below which half of them are no search
SETTING = ("g_lr", "beta1", "beta2", "disc_iters")  # what the fixed settings of LANDSCAPE's table 1 vary, but weights


class NotTestable(Exception):
    """A claim that a folder says nothing about; the message begins with "needs"."""


class Scores(NamedTuple):
    """Scores by method, [configs, seeds] or by setting, finite: a failed trial has the worst score of the folder.

    failed: how many trials failed.
    """

    by_method: dict[str, np.ndarray]
    failed: int


class SettingScores(NamedTuple):
    """Scores by method and setting: by_method[method][setting] is an array of scores, one for each trial of it."""

    by_method: dict[str, dict[tuple, np.ndarray]]
    failed: int


def require(results: Results, studies: tuple[str, ...], methods: tuple[str, ...]) -> None:
    """Raises NotTestable unless the folder holds a finished run of one of the studies with all these methods, scored
    by a metric of which lower is better and positive."""
    study = results.study.get("study", "")
    if study not in studies:
        raise NotTestable(f"needs {' or '.join(studies)}")
    missing = [method for method in methods if method not in results.methods()]
    if missing:
        raise NotTestable(f"needs the methods left out: {', '.join(missing)}")
    trials = results.progress_of_trials()
    running = int((trials["status"] == "running").sum())
    if trials.empty or running:
        raise NotTestable(f"needs a finished sweep: {running:,} of {len(trials):,} trials are not")
    if (trials["status"] == "stopped").any():
        raise NotTestable("needs trials of equal length: a scheduler has stopped some")


def random_draws(results: Results, methods: tuple[str, ...], *, keep_failed: bool) -> Scores:
    """Returns the scores of the random draws of each method's search: not of the settings that are asked first.

    keep_failed: False leaves failed trials out, instead of counting them as the worst score.
    """
    trials = results.searched("best")
    worst = _worst(trials)
    by_method = {method: random_rows(results, method, keep_failed=keep_failed) for method in methods}
    finite = {method: np.where(np.isinf(scores), worst, scores) for method, scores in by_method.items()}
    return Scores(finite, int((trials["status"] == "failed").sum()))


def random_rows(results: Results, method: str, *, keep_failed: bool) -> np.ndarray:
    """Returns the scores of the random draws of a method's search, [configs, seeds], inf for failed trials.

    keep_failed: False leaves configs with failed trials out.
    """
    if not all(phase["searcher"] in DRAWN for phase in results.search()):
        raise NotTestable("needs configs drawn at random")
    scores = _replicates(results, method)[len(_first_asked(results, method)) :]
    scores = scores if keep_failed else scores[np.isfinite(scores).all(axis=1)]
    if len(scores) < LEAST_DRAWS:
        raise NotTestable(f"needs at least {LEAST_DRAWS} random configs of each method; {method} has {len(scores)}")
    return scores


def _replicates(results: Results, method: str) -> np.ndarray:
    """Returns a method's scores of the search, [configs, seeds]: the claims of a paper ask for them again and again."""
    name = ("replicates of the search", method)
    return results.remember(name, lambda: budget.replicates(results.searched("best"), method))


def first_asked(results: Results, methods: tuple[str, ...], *, keep_failed: bool) -> dict[str, np.ndarray]:
    """Returns the scores, one for each seed, of the authors' setting of each method, which the search asks first."""
    trials = results.searched("best")
    worst, by_method = _worst(trials), {}
    for method in methods:
        if not _first_asked(results, method):
            raise NotTestable("needs a study that asks the authors' settings first")
        scores = _replicates(results, method)[0]
        if not np.isfinite(scores).all() and not keep_failed:
            continue
        by_method[method] = np.where(np.isinf(scores), worst, scores)
    return by_method


def scores_of_fixed_settings(results: Results, methods: tuple[str, ...], *, keep_failed: bool) -> SettingScores:
    """Returns the scores of the settings of table 1, which all methods share; a penalty's weights are one setting."""
    trials = results.searched("best")
    trials = trials[(trials["phase"] == results.search()[0]["name"]) & trials["value"].notna()]
    if not results.search()[0]["only_defaults"]:
        raise NotTestable("needs the fixed settings of table 1")
    worst, by_method = _worst(trials), {}
    for method in methods:
        by_setting: dict[tuple, list[float]] = {}
        of_method = trials[trials["method"] == method]
        for config, value in zip(of_method["config"], of_method["value"].to_numpy(dtype=np.float64), strict=True):
            settings = results.settings(config)
            if math.isfinite(value) or keep_failed:
                key = tuple(settings.get(name) for name in SETTING)
                by_setting.setdefault(key, []).append(min(float(value), worst))
        by_method[method] = {key: np.array(values) for key, values in by_setting.items()}
    return SettingScores(by_method, int((trials["status"] == "failed").sum()))


def log_ratios(settings: SettingScores, a: str, b: str, disc_iters: int | None = None) -> np.ndarray:
    """Returns log(score of a / score of b), one for each setting of both: means of logs over weights and seeds.

    disc_iters: keeps the settings with so many updates of the discriminator alone.
    """
    first, second = settings.by_method[a], settings.by_method[b]
    shared = [key for key in first if key in second and disc_iters in (None, key[SETTING.index("disc_iters")])]
    if len(shared) < 3:
        raise NotTestable(f"needs at least 3 settings that {a} and {b} share; there are {len(shared)}")
    return np.array([np.log(first[key]).mean() - np.log(second[key]).mean() for key in shared])


def fresh_seeds(results: Results, methods: tuple[str, ...], *, keep_failed: bool) -> dict[str, np.ndarray]:
    """Returns the scores of each method's best config on seeds that had no say in choosing it."""
    trials = results.confirmed("best")
    worst, by_method = _worst(results.per_trial("best")), {}
    for method in methods:
        scores = trials.loc[trials["method"] == method, "value"].to_numpy(dtype=np.float64)
        scores = np.where(np.isinf(scores), worst, scores) if keep_failed else scores[np.isfinite(scores)]
        if len(scores) < 3:
            raise NotTestable(f"needs at least 3 fresh seeds of each method's best config; {method} has {len(scores)}")
        by_method[method] = scores
    return by_method


def _first_asked(results: Results, method: str) -> list[dict]:
    space = results.study["methods"].get(method, {})
    return space.get("defaults", [])[:1] if results.search()[0]["searcher"] == "random" else []


def _worst(trials) -> float:
    values = trials["value"].to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        raise NotTestable("needs trials that work: all have failed")
    if values.min() <= 0:
        raise NotTestable("needs scores above 0: ratios of these mean nothing")
    return float(values.max())
