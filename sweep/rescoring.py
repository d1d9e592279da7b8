"""Kept generators scored by further metrics, as scores with protocols of their own beside those of the sweep."""

from collections.abc import Callable, Sequence
from typing import Any

from ganscape.data import Dataset
from ganscape.limits import check_size
from ganscape.metrics import MetricError, Protocol
from ganscape.models.generator_file import load_generator
from ganscape.results.frames import Results
from ganscape.results.store import StoreError, open_store
from ganscape.sweep.measuring.evaluation import evaluator
from ganscape.sweep.measuring.reference_cache import reference_features
from ganscape.sweep.measuring.resampling import score_again
from ganscape.sweep.plan_checks import check_least
from ganscape.sweep.protocols import protocol_of

SPENT = ("images", "seconds", "cpu_seconds")


def rescore(
    results: Results,
    metrics: Sequence[str],
    dataset: Dataset,
    *,
    samples: int | None = None,
    draws: int = 1,
    observe: Callable[[str, str, int, float], Any] = lambda trial, metric, draw, value: None,
) -> int:
    """Scores every kept generator by every metric, where it has no such score yet, and returns how many were stored.

    Args:
      dataset: that of the sweep, whose test images are the reference.
      samples: generated images in a score; as many as in the sweep's by default.
      draws: how often each generator is sampled: draw 0 is the sweep's, draw n that of `ganscape sample --seed n`.
      observe: called with trial, metric, draw and value after each score.

    Raises:
      StoreError: if no generator is kept. GeneratorError: if the file of one is missing or damaged. MetricError: for a
        metric that does not take the images or their numbers. Each before anything is computed; only features that are
        not finite come later.
    """
    scores, count = results.scores(), 0
    spent = {(row["trial"], row["rung"]): {name: row[name] for name in SPENT} for row in scores.to_dict("records")}
    kept = [row for row in results.generators().to_dict("records") if (row["trial"], row["rung"]) in spent]
    if not kept:
        raise StoreError(f"'{results.folder}' keeps no generators; ganscape sample --retrain trains one again")
    samples = check_least("samples", results.protocol()["samples"] if samples is None else samples, 1)
    check_size("samples", samples)
    check_size("repeats", draws, label="draws")
    own = [protocol_of(metric, dataset, samples) for metric in dict.fromkeys(metrics)]
    drawn = range(check_least("draws", draws, 1))
    for generator in kept:
        load_generator(generator["path"])
    stored = set(scores[["trial", "rung", "metric", "protocol"]].itertuples(index=False, name=None))
    with open_store(results.folder) as store:
        for protocols in ([first._replace(draw=draw) for draw in drawn] for first in own):
            missing = [
                (protocol, row["trial"], row["rung"], row["path"])
                for protocol in protocols
                for row in kept
                if (row["trial"], row["rung"], protocol.metric, protocol.fingerprint) not in stored
            ]
            scoring = evaluator(protocols[0].metric, dataset.test, samples, reference_features) if missing else None
            for protocol, trial, rung, path in missing:
                value = _score(path, scoring, protocol, trial)
                # Images and seconds are those of the sweep: what a trial cost does not change when it is scored again.
                row = {"trial": trial, "rung": rung, "attempt": 0, **spent[trial, rung]}
                row |= {"metric": protocol.metric, "protocol": protocol.fingerprint, "value": value}
                store.add_protocol(protocol.fingerprint, protocol.describe())
                store.add_scores([row])
                observe(trial, protocol.metric, protocol.draw, value)
                count += 1
    return count


def _score(path: str, scoring: Any, protocol: Protocol, trial: str) -> float:
    try:
        return score_again(load_generator(path), scoring, protocol.draw or None).value
    except MetricError as error:
        raise MetricError(f"{protocol.metric} of trial {trial}: {error}") from error
