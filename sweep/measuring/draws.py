"""Kept generators, each scored by several draws of samples: how much of a score is the draw."""

from collections.abc import Iterator
from typing import Any

from ganscape.data import Dataset
from ganscape.models.generator_file import load_generator
from ganscape.results.frames import Results
from ganscape.results.lottery import NothingToSplitError
from ganscape.sweep.measuring.evaluation import evaluator
from ganscape.sweep.measuring.resampling import score_again


def score_draws(results: Results, dataset: Dataset, draws: int) -> Iterator[dict[str, Any]]:
    """Yields the score of every kept generator of a sweep by each of `draws` draws of samples, none of which is the one
    that it was scored by in the sweep: rows with the keys of `results.lottery.COLUMNS`.

    The sweep chose the rung of a generator by its own draw, so that one is lower than a draw by chance.

    Raises:
      NothingToSplitError: if no generator is kept.
    """
    kept = results.generators()
    if kept.empty:
        raise NothingToSplitError(f"no generator of '{results.folder}' is kept; run the sweep with --keep all")
    judge = evaluator(results.study["metric"], dataset.test, results.protocol()["samples"])
    for row in kept.to_dict("records"):
        generator = load_generator(row["path"])
        identity = {name: row[name] for name in ("trial", "method", "config", "seed", "rung")}
        for draw in range(draws):
            yield {**identity, "draw": draw, "value": score_again(generator, judge, seed=draw).value}
