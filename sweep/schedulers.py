"""Schedulers: which configs are worth the rest of their images?

At some rungs every config of a search is looked at and goes on or is stopped. A decision is a function of scores up to
that rung and of the order in which configs were asked, never of when a score arrived: the same study stops the same
trials whatever the number of workers, and when it is resumed.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

REDUCTION = 3  # from one decision to the next: images times 3, a third of the configs
FEWEST = 3  # configs to compare with


class Course(NamedTuple):
    """A trial so far: rung -> score, and whether it ended before its last rung, by a scheduler or for a cause."""

    scores: Mapping[int, float]
    stopped: bool
    failed: bool


class Entrant(NamedTuple):
    """A config of a method.

    round: in which it was asked.
    scores: one for each of the first decision rungs, as far as all its trials have a score there or have failed: the
      lowest so far, the median over trials; infinite, and then the last, where half of the trials have failed.
    over: whether there will be no more.
    """

    round: int
    scores: tuple[float, ...]
    over: bool


# (configs in the order asked, the place of one, the index of a decision rung where it has a score) -> whether to stop
# it, None while that cannot be known.
Stops = Callable[[Sequence[Entrant], int, int], bool | None]


def entrant(number: int, trials: Sequence[Course], rungs: Sequence[int]) -> Entrant:
    """The config of these trials, asked in the round of that number, at these decision rungs."""
    scores: list[float] = []
    for rung in rungs:
        if not all(rung in each.scores or each.failed for each in trials):
            break
        scores.append(statistics.median(_lowest(each, rung) for each in trials))
        if math.isinf(scores[-1]):
            break
    over = any(each.stopped for each in trials) or math.inf in scores
    return Entrant(number, tuple(scores), over)


def _lowest(trial: Course, rung: int) -> float:
    if rung not in trial.scores:
        return math.inf
    return min(score for reached, score in trial.scores.items() if reached <= rung)


def is_stopped(stops: Stops, entrants: Sequence[Entrant], place: int, index: int) -> bool | None:
    """Whether the config at this place goes no further than a decision rung, None while that cannot be known; never
    on where half of its trials have failed."""
    if len(entrants[place].scores) <= index:
        return None
    return math.isinf(entrants[place].scores[index]) or stops(entrants, place, index)


def decision_rungs(rungs: Sequence[int]) -> tuple[int, ...]:
    """The rungs at which schedulers decide: the first, and each with REDUCTION times the images of the one before, as
    Li et al. 2018 space them; never the last."""
    chosen: list[int] = []
    for rung in rungs[:-1]:
        if not chosen or rung >= REDUCTION * chosen[-1]:
            chosen.append(rung)
    return tuple(chosen)


def never(entrants: Sequence[Entrant], place: int, index: int) -> bool | None:
    """Every trial is trained to the end."""
    return False


def median(entrants: Sequence[Entrant], place: int, index: int) -> bool | None:
    """Stops a config whose lowest score is above the median of those of earlier rounds, of which each counts with the
    mean over the decisions so far (Golovin et al. 2017, section 3.2.2). It waits for nobody and lets the first round
    pass."""
    own = entrants[place]
    earlier = [each for each in entrants if each.round < own.round and len(each.scores) > index]
    if len(earlier) < FEWEST:
        return False
    return own.scores[index] > statistics.median(statistics.mean(each.scores[: index + 1]) for each in earlier)


def halving(entrants: Sequence[Entrant], place: int, index: int) -> bool | None:
    """Stops all but the best third of a round once all of it has come so far (Jamieson and Talwalkar 2016)."""
    own = entrants[place]
    reached = _reached([each for each in entrants if each.round == own.round], index)
    return None if reached is None else _rank(own, reached, index) >= -(-len(reached) // REDUCTION)


def asha(entrants: Sequence[Entrant], place: int, index: int) -> bool | None:
    """Stops a config that is not in the best third of itself and those asked before it, in any round (Li et al. 2020).

    This is what ASHA does when configs come to every rung in the order in which they were asked; nobody waits for one
    asked later.
    """
    reached = _reached(entrants[: place + 1], index)
    return None if reached is None else _rank(entrants[place], reached, index) >= max(1, len(reached) // REDUCTION)


def _reached(entrants: Sequence[Entrant], index: int) -> list[Entrant] | None:
    """Those with a score at the rung, None while others may still come there."""
    if any(len(each.scores) <= index and not each.over for each in entrants):
        return None
    return [each for each in entrants if len(each.scores) > index]


def _rank(own: Entrant, reached: Sequence[Entrant], index: int) -> int:
    """How many are better at the rung; of equals, those asked before."""
    place = next(place for place, each in enumerate(reached) if each is own)
    scores = [each.scores[index] for each in reached]
    return sum((score, other) < (scores[place], place) for other, score in enumerate(scores))


SCHEDULERS: dict[str, Stops] = {"none": never, "median": median, "halving": halving, "asha": asha}
