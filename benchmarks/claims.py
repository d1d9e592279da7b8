"""How often a claim is judged wrongly, and how often at all, where the truth is known: made searches.

    python benchmarks/claims.py --simulations 200 --configs 24

Every row is a truth about eight methods: the distribution of their log scores, normal or skewed to bad scores
(exponential). docs/statistics.md has the table of a run.
"""

import argparse
import math
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ganscape.results import recorded
from ganscape.results.claims import CLAIMS, judge_sweep
from ganscape.results.claims.searches import ALL
from ganscape.results.frames import Results

SPREAD = 0.8  # of log scores between configs, about what the recorded studies have
QUARTILES_TWO_APART = math.log(2.0) / 1.349
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
SHAPES: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    # Scaled so that the quartiles are as far apart as those of the normal.
    "skewed": lambda rng, size: (rng.exponential(size=size) - 1.0) * 1.349 / math.log(3.0),
}


class Truth(NamedTuple):
    """A truth about the log scores of the methods, in the order of ALL.

    claim: that it is about. words: what is true. wrong: the verdict that it does not allow, "" where both are allowed.
    medians, deviations: of log scores, by method or the same for all.
    """

    claim: str
    words: str
    wrong: str
    medians: tuple[float, ...] | float = 0.0
    deviations: tuple[float, ...] | float = SPREAD


def one_away(distance: float) -> tuple[float, ...]:
    """Returns medians of which that of WGAN-GP lies away from all others."""
    return tuple(distance * (method == "wgan_gp") for method in ALL)


TRUTHS = (
    Truth("equal/alike", "all alike", "fails"),
    Truth("equal/alike", "one at the margin", "holds", one_away(math.log(1.5))),
    Truth("equal/alike", "one 4.5 times worse", "holds", one_away(1.5)),
    Truth("equal/shrinking", "all alike", "holds"),
    Truth("equal/shrinking", "a shift at any budget", "holds", tuple(np.linspace(-0.5, 0.5, len(ALL)))),
    Truth("equal/shrinking", "spreads that even out", "fails", (2.0, 0.0, 0, 0, 0, 0, 0, 0), (1.7, *[0.5] * 7)),
    Truth("equal/bad-beats-good", "all alike", "fails"),
    Truth("equal/bad-beats-good", "one 400 times better", "holds", one_away(-6.0)),
    Truth("equal/rank-depends-on-budget", "all alike", "holds"),
    Truth("equal/rank-depends-on-budget", "order kept", "holds", tuple(2.0 * np.arange(len(ALL))), 0.5),
    Truth("equal/rank-depends-on-budget", "a pair changes", "fails", (0.0, 1.2, *[3.0] * 6), (0.2, 1.6, *[0.2] * 6)),
    Truth("equal/sensitive", "all at the bound", "holds", 0.0, QUARTILES_TWO_APART),
    Truth("equal/sensitive", "all above it", "fails"),
    Truth("equal/similarly-sensitive", "all alike", "fails"),
    Truth("equal/similarly-sensitive", "one half as sensitive", "holds", 0.0, (0.4, *[SPREAD] * 7)),
    Truth("equal/ns-below-mm", "alike", "holds"),
    Truth("equal/ns-below-mm", "better by the margin", "fails", (math.log(1.1), *[0.0] * 7)),
    Truth("equal/vae-worst", "alike", "holds"),
    Truth("equal/vae-worst", "worst by the margin", "fails", (*[0.0] * 7, math.log(1.1))),
    Truth("equal/vae-worst", "8 times worse", "fails", (*[0.0] * 7, math.log(8.0))),
)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=100)
    parser.add_argument("--configs", type=int, default=24, help="random configs of each method")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    print("| claim | truth | scores | holds, % | fails, % | wrong, % |\n|---|---|---|---|---|---|")
    for truth in TRUTHS:
        for shape, draw in SHAPES.items():
            verdicts = Counter(judged(truth, draw, arguments.configs, rng) for _ in range(arguments.simulations))
            share = {verdict: 100.0 * verdicts[verdict] / arguments.simulations for verdict in ("holds", "fails")}
            wrong = f"{share[truth.wrong]:.1f}" if truth.wrong else ""
            print(
                f"| {truth.claim} | {truth.words} | {shape} | {share['holds']:.1f} | {share['fails']:.1f} | {wrong} |",
                flush=True,
            )


def judged(truth: Truth, draw: Draw, configs: int, rng: np.random.Generator) -> str:
    """Returns the verdict on a made search of so many random configs, after an authors' setting at the median."""
    (claim,) = (claim for claim in CLAIMS if claim.name == truth.claim)
    medians, deviations = (np.broadcast_to(value, len(ALL)) for value in (truth.medians, truth.deviations))
    logs = medians[:, None] + deviations[:, None] * draw(rng, (len(ALL), configs))
    (answer,) = judge_sweep(made(np.exp(np.hstack([medians[:, None], logs]))), (claim,))
    return answer.verdict


def made(scores: np.ndarray) -> Results:
    """Returns a finished search with these scores, [methods, configs], the authors' setting first."""
    tables = recorded("equal_wide_digits").tables()
    names = [f"{method}-{config}" for method in ALL for config in range(scores.shape[1])]
    methods = np.repeat(ALL, scores.shape[1]).tolist()
    rung = tables["study"]["definition"][0]["rungs"][-1]
    protocol = tables["study"]["definition"][0]["protocol"]
    metric = tables["study"]["definition"][0]["metric"]
    count = len(names)
    columns = {
        "trials": {"trial": names, "config": names, "method": methods, "settings": [{}] * count},
        "scores": {"trial": names, "value": scores.ravel().tolist(), "metric": [metric] * count, "rung": [rung] * count,
                   "protocol": [protocol] * count, "images": [rung] * count, "seconds": [1.0] * count},
    }  # fmt: skip
    zeros = {"seed", "round", "attempt"}
    empty = {
        table: {name: [0 if name in zeros else None] * (count if table in columns else 0) for name in names_of}
        for table, names_of in tables.items()
    }
    filled = {table: empty[table] | values for table, values in columns.items()}
    kept = {name: tables[name] for name in ("study", "protocols")}
    return Results(recorded("equal_wide_digits").folder, empty | kept | filled)


if __name__ == "__main__":
    main()
