"""Schedulers: which configs are worth the rest of their images?

At some rungs every config of a search is trained on or stopped. A decision is a function of scores up to that rung and
of the order in which configs were asked, never of when a score arrived: the same study stops the same trials whatever
the number of workers, and when it is resumed.
"""

import enum
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

REDUCTION = 3  # from one decision to the next: images times 3, a third of the configs
FEWEST = 3  # configs to compare with


class Decision(enum.Enum):
    """What happens to a config at a decision rung: it is trained on, it ends there, or other scores come first."""

    CONTINUE = enum.auto()
    STOP = enum.auto()
    WAIT = enum.auto()


class Course(NamedTuple):
    """A trial so far: rung -> score, and whether it ended before its last rung, by a scheduler or for a cause."""

    scores: Mapping[int, float]
    stopped: bool
    failed: bool


class Entrant(NamedTuple):
    """A config of a method, as schedulers see it.

    round: in which it was asked.
    scores: scores[i] is the median over the config's trials of their lowest score up to decision rung i. The tuple ends
      before the first rung that some trial has not reached. inf (always last) means that half of the trials failed.
    over: whether the config gets no more scores.
    """

    round: int
    scores: tuple[float, ...]
    over: bool


# (configs in the order asked, the index of one, the index of a decision rung where it has a score) -> Decision
Scheduler = Callable[[Sequence[Entrant], int, int], Decision]


def make_entrant(number: int, trials: Sequence[Course], rungs: Sequence[int]) -> Entrant:
    """Returns the config of these trials, asked in round `number`, at these decision rungs."""
    scores: list[float] = []
    for rung in rungs:
        if not all(rung in trial.scores or trial.failed for trial in trials):
            break
        scores.append(statistics.median(_lowest(trial, rung) for trial in trials))
        if math.isinf(scores[-1]):
            break
    over = any(trial.stopped for trial in trials) or math.inf in scores
    return Entrant(number, tuple(scores), over)


def _lowest(trial: Course, rung: int) -> float:
    if rung not in trial.scores:
        return math.inf
    return min(score for reached, score in trial.scores.items() if reached <= rung)


def decide(scheduler: Scheduler, entrants: Sequence[Entrant], index: int, rung_index: int) -> Decision:
    """Returns the decision about entrants[index] at decision rung number `rung_index`.

    A config waits until it has a score there, and stops, whatever the scheduler, where half of its trials failed.
    """
    if len(entrants[index].scores) <= rung_index:
        return Decision.WAIT
    if math.isinf(entrants[index].scores[rung_index]):
        return Decision.STOP
    return scheduler(entrants, index, rung_index)


def awaited(scheduler: Scheduler, entrants: Sequence[Entrant], index: int, rung_index: int) -> int | None:
    """Returns the index of a config that a decision to wait waits for: as long as that one may still get a score at the
    rung, it stands. Of several it is the last, which is likely to get its score last.

    None where it is not known, as for a scheduler from outside, which has to be asked again after every score.
    """
    if len(entrants[index].scores) <= rung_index:
        return index
    candidates: Sequence[int] = ()
    if scheduler is asha:
        candidates = range(index + 1)
    elif scheduler is halving:
        candidates = [rank for rank, entrant in enumerate(entrants) if entrant.round == entrants[index].round]
    return next((rank for rank in reversed(candidates) if is_awaited(entrants[rank], rung_index)), None)


def is_awaited(entrant: Entrant, rung_index: int) -> bool:
    """Returns whether a config has no score at a rung yet, and may still get one."""
    return len(entrant.scores) <= rung_index and not entrant.over


def decision_rungs(rungs: Sequence[int]) -> tuple[int, ...]:
    """Returns the rungs at which schedulers decide: the first, and each with REDUCTION times the images of the one
    before, as Li et al. 2018 space them; never the last."""
    chosen: list[int] = []
    for rung in rungs[:-1]:
        if not chosen or rung >= REDUCTION * chosen[-1]:
            chosen.append(rung)
    return tuple(chosen)


def never(entrants: Sequence[Entrant], index: int, rung_index: int) -> Decision:
    """Trains every trial to the end."""
    return Decision.CONTINUE


def median(entrants: Sequence[Entrant], index: int, rung_index: int) -> Decision:
    """Stops a config whose lowest score is above the median of those of earlier rounds, of which each counts with the
    mean over the decisions so far (Golovin et al. 2017, section 3.2.2). It waits for no other config, and stops none of
    the first round."""
    own = entrants[index]
    earlier = [entrant for entrant in entrants if entrant.round < own.round and len(entrant.scores) > rung_index]
    if len(earlier) < FEWEST:
        return Decision.CONTINUE
    means = [statistics.mean(entrant.scores[: rung_index + 1]) for entrant in earlier]
    return _stop_if(own.scores[rung_index] > statistics.median(means))


def halving(entrants: Sequence[Entrant], index: int, rung_index: int) -> Decision:
    """Waits until the whole round has reached the rung, then stops all but its best third (Jamieson and Talwalkar
    2016)."""
    own = entrants[index]
    reached = _reached([entrant for entrant in entrants if entrant.round == own.round], rung_index)
    if reached is None:
        return Decision.WAIT
    return _stop_if(_rank(own, reached, rung_index) >= -(-len(reached) // REDUCTION))


def asha(entrants: Sequence[Entrant], index: int, rung_index: int) -> Decision:
    """Stops a config that is not in the best third of itself and those asked before it, in any round (Li et al. 2020).

    This is what ASHA does when configs reach every rung in the order in which they were asked. It waits for configs
    asked earlier, and never for one asked later.
    """
    reached = _reached(entrants[: index + 1], rung_index)
    if reached is None:
        return Decision.WAIT
    return _stop_if(_rank(entrants[index], reached, rung_index) >= max(1, len(reached) // REDUCTION))


def _stop_if(hopeless: bool) -> Decision:
    return Decision.STOP if hopeless else Decision.CONTINUE


def _reached(entrants: Sequence[Entrant], rung_index: int) -> list[Entrant] | None:
    """Returns the configs with a score at the rung, None while another may still get one."""
    if any(is_awaited(entrant, rung_index) for entrant in entrants):
        return None
    return [entrant for entrant in entrants if len(entrant.scores) > rung_index]


def _rank(own: Entrant, reached: Sequence[Entrant], rung_index: int) -> int:
    """Returns how many configs are better at the rung; of equal ones, those asked earlier count as better."""
    keys = [(entrant.scores[rung_index], index) for index, entrant in enumerate(reached)]
    own_key = next(key for key, entrant in zip(keys, reached, strict=True) if entrant is own)
    return sum(key < own_key for key in keys)


SCHEDULERS: dict[str, Scheduler] = {"none": never, "median": median, "halving": halving, "asha": asha}
