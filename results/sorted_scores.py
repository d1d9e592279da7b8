"""Scores of configurations and seeds, checked and sorted once for all budgets."""

from typing import NamedTuple

import numpy as np


class SortedScores(NamedTuple):
    """The scores of n configurations in each of several replicates of a search (seeds), sorted.

    scores, order: [seeds, n], each replicate's scores from the lowest, and the configurations that they are of.
    failures: [seeds], failed runs in each replicate. merged: [seeds * n], all scores from the lowest; rank: of each of
    these in its own replicate, from 0. positive: whether all scores are.
    """

    n: int
    order: np.ndarray
    scores: np.ndarray
    failures: np.ndarray
    merged: np.ndarray
    rank: np.ndarray
    positive: bool


def sort_scores(values, k: int | None = None) -> SortedScores:
    """Returns the sorted scores of `values`, see `columns_of`. Raises ValueError for a budget k outside 1 .. n."""
    columns = columns_of(values)
    n, seeds = columns.shape
    check_budget(n, n if k is None else k)
    order = np.argsort(columns, axis=0, kind="stable").T
    scores = np.take_along_axis(columns.T, order, axis=1)
    merge = np.argsort(scores.ravel(), kind="stable") if seeds > 1 else np.arange(n)
    failures, positive = np.isinf(columns).sum(axis=0), bool(scores[:, 0].min() > 0)
    return SortedScores(n, order, scores, failures, scores.ravel()[merge], merge % n, positive)


def columns_of(values) -> np.ndarray:
    """Returns values, [configs] or [configs, seeds], as float64 [configs, seeds].

    Raises ValueError if they are empty or contain NaN or -inf.
    """
    columns = np.asarray(values, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or columns.size == 0:
        raise ValueError(f"values has shape {np.shape(values)}; expected [configs] or [configs, seeds], not empty")
    if np.isnan(columns).any() or np.isneginf(columns).any():
        raise ValueError("values holds NaN or -inf; a failed run is +inf, an unfinished one is left out")
    return columns


def check_budget(n: int, k: int) -> None:
    """Raises ValueError for a budget k outside 1 .. n."""
    if not 1 <= k <= n:
        raise ValueError(f"budget k = {k} is outside 1 .. {n}, the number of configurations")
