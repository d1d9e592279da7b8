"""What the driver knows, as rows of the store."""

from ganscape.sweep.keeping import Change
from ganscape.sweep.messages import Failure, Score
from ganscape.sweep.plan import Plan
from ganscape.sweep.rounds import Entry


def trial_row(entry: Entry, plan: Plan) -> dict:
    """Returns the row of a trial that is asked for. phase_round: the round, counted in its phase."""
    trial, phase_index, number = entry
    return {
        "trial": trial.id,
        "config": trial.identity,
        "method": trial.method,
        "seed": trial.seed,
        "settings": trial.config.to_dict(),
        "structure": trial.structure,
        "phase": plan.phases[phase_index].name,
        "phase_round": number - plan.first_round(phase_index),
    }


def score_rows(score: Score, plan: Plan, changes: list[Change]) -> list[dict]:
    """Returns the row of a score, with its diagnostics and the generators that it brought or cost, and then one row for
    each further metric of the same samples."""
    shared = {name: getattr(score, name) for name in ("trial", "rung", "images", "attempt", "seconds", "cpu_seconds")}
    signs = [sign._asdict() for sign in score.signs]
    first = {"metric": plan.protocol.metric, "protocol": plan.protocol.fingerprint, "value": score.value}
    protocols = {protocol.metric: protocol.fingerprint for protocol in plan.further}
    further = [{"metric": name, "protocol": protocols[name], "value": value} for name, value in score.further]
    return [
        shared | first | {"signs": signs, "generators": generator_rows(changes)},
        *(shared | row for row in further),
    ]


def failure_row(failure: Failure) -> dict:
    """Returns the row of a failure that a worker reported, which is final."""
    return failure._asdict() | {"final": True}


def ended_row(
    trial: str,
    attempt: int,
    cause: str,
    message: str,
    rung: int | None = None,
    step: int | None = None,
    final: bool = True,
) -> dict:
    """Returns the row, among the failures, of an attempt that the driver ended: it was lost, or stopped early."""
    row = {"trial": trial, "attempt": attempt, "cause": cause, "rung": rung, "step": step}
    return row | {"message": message, "detail": "", "final": final}


def generator_rows(changes: list[Change]) -> list[dict]:
    """Returns the rows of generators that are kept from now on, or no longer."""
    return [change._asdict() for change in changes]
