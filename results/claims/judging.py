"""`judge`: every published claim against output folders, as answers with their evidence."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganscape.results import calibration, store
from ganscape.results.claims import calibrations, equal, landscape
from ganscape.results.claims.claim import PublishedClaim
from ganscape.results.claims.evidence import NotTestable
from ganscape.results.claims.rules import UNDECIDED, ClaimDecision, Contrast
from ganscape.results.costs import measured_time
from ganscape.results.frames import Results, load
from ganscape.results.store import StoreError
from ganscape.results.wording import count, duration

CLAIMS: tuple[PublishedClaim, ...] = (*calibrations.CLAIMS, *equal.CLAIMS, *landscape.CLAIMS)
NOT_TESTABLE = "not testable"
MOST_UNITS = 10_000
EXPERIMENT = "calibrate "  # how the study of a claim begins that a table of `ganscape calibrate` tests


class ClaimAnswer(NamedTuple):
    """What some folders say of a claim.

    verdict: "holds", "fails", "undecided" or "not testable". data: the data sets that it is about. contrasts: all
    estimates, and decision: how they were decided; () and None where the claim is not testable. needed: for a claim
    that is not testable what is missing, for an undecided one what would decide it; "" else. caveats: how these data
    differ from the paper's protocol, derived from the definition; () means that they are the paper's own.
    """

    claim: PublishedClaim
    verdict: str
    data: str
    contrasts: tuple[Contrast, ...]
    decision: ClaimDecision | None
    needed: str
    caveats: tuple[str, ...]


class Evidence(NamedTuple):
    """What a claim is judged by: the data sets in words, the argument of its `contrasts`, the folders, and their
    metric."""

    data: str
    argument: Any
    results: tuple[Results, ...]
    metric: str


def judge(folders: Iterable[str | Path], claims: Sequence[PublishedClaim] = CLAIMS) -> list[ClaimAnswer]:
    """Judges claims by what output folders hold: sweeps, and tables of `ganscape calibrate`.

    Returns one answer for each claim and folder that can test it, in the order of the claims; one for all folders where
    a claim is about several data sets; and one "not testable" for each data set whose folders all lack the same.

    Raises:
      StoreError: for a folder that holds neither.
    """
    paths = [Path(folder) for folder in folders]
    for path in paths:
        if not (path / store.STORE).exists() and not any(path.glob("worth-*.csv")):
            raise StoreError(f"no sweep and no table of `ganscape calibrate` in '{path}'")
    sweeps = [load(path) for path in paths if (path / store.STORE).exists()]
    return [answer for claim in claims for answer in _answers(claim, paths, sweeps)]


def judge_sweep(results: Results, claims: Sequence[PublishedClaim] = CLAIMS) -> list[ClaimAnswer]:
    """Judges the claims that are about this sweep's study, one answer each; [] for a study of no paper's."""
    of_study = [claim for claim in claims if claim.testable_with(results)]
    return [answer for claim in of_study for answer in _answers(claim, (), (results,))]


def _answers(claim: PublishedClaim, folders: Sequence[Path], sweeps: Sequence[Results]) -> list[ClaimAnswer]:
    evidence = list(_evidence(claim, folders, sweeps))
    if not evidence:
        needed = f"needs `ganscape {claim.studies[0]}`" if _of_table(claim) else f"needs {' or '.join(claim.studies)}"
        return [ClaimAnswer(claim, NOT_TESTABLE, "", (), None, needed, ())]
    answers = [_answer(claim, each) for each in evidence]
    if _of_table(claim) or claim.joint == "protocol":
        # A table has scores by several metrics, and a claim is about some; not each protocol has all that is compared.
        return [answer for answer in answers if answer.verdict != NOT_TESTABLE] or answers[:1]
    # What a folder lacks is said once, and only where no other folder of the same data answers.
    answered = {answer.data for answer in answers if answer.decision}
    by_reason = {(answer.data, answer.needed if answer.decision is None else number): answer
                 for number, answer in enumerate(answers)
                 if answer.decision or answer.data not in answered}  # fmt: skip
    return list(by_reason.values())


def _of_table(claim: PublishedClaim) -> bool:
    return claim.studies[0].startswith(EXPERIMENT)


def _evidence(claim: PublishedClaim, folders: Sequence[Path], sweeps: Sequence[Results]) -> Iterable[Evidence]:
    """Yields everything in the folders that can test the claim."""
    if _of_table(claim):
        experiment = claim.studies[0].removeprefix(EXPERIMENT)
        for folder in folders:
            if (folder / f"worth-{experiment}.csv").exists():
                table = calibration.read_table(folder, experiment)
                for (data, metric), part in table.groupby(["data", "metric"], sort=False):
                    yield Evidence(str(data), part, (), str(metric))
        return
    of_study = [results for results in sweeps if results.study.get("study", "") in claim.studies]
    if not claim.joint:
        for results in of_study:
            yield Evidence(results.study["data"], results, (results,), results.study["metric"])
        return
    together: dict[str, list[Results]] = {}
    for results in of_study:
        together.setdefault(results.protocol()["fingerprint"] if claim.joint == "protocol" else "", []).append(results)
    for group in together.values():
        data = ", ".join(dict.fromkeys(results.study["data"] for results in group))
        yield Evidence(data, group, tuple(group), group[0].study["metric"])


def _answer(claim: PublishedClaim, evidence: Evidence) -> ClaimAnswer:
    margin = math.log(claim.margin)
    try:
        contrasts = tuple(claim.contrasts(evidence.argument, True))
    except NotTestable as missing:
        return ClaimAnswer(claim, NOT_TESTABLE, evidence.data, (), None, str(missing), ())
    decision = claim.rule.decide(contrasts, margin)
    needed = _what_decides(claim, decision, evidence) if decision.verdict == UNDECIDED else ""
    caveats = [*_differences(claim, evidence), *_failures(claim, evidence, decision.verdict, margin)]
    return ClaimAnswer(claim, decision.verdict, evidence.data, contrasts, decision, needed, tuple(caveats))


def _what_decides(claim: PublishedClaim, decision: ClaimDecision, evidence: Evidence) -> str:
    """Returns, in words, how many more runs would decide a claim if its telling estimate were the truth."""
    estimate = decision.telling.estimate
    have, units = estimate.units, estimate.units_needed(decision.bound, decision.level)
    if units > MOST_UNITS:
        return "no number of runs would decide it: the estimate lies where neither can be shown"
    units = max(math.ceil(units), have + 1)
    if claim.unit != "config" or len(evidence.results) != 1:
        return f"about {units:,} {claim.unit}s instead of {have:,}"
    (results,) = evidence.results
    costs = results.costs()
    kind, column = measured_time(costs)
    seconds = float(costs[column].median()) * (units - have) * len(results.methods()) * results.study["seeds"]
    study = results.study
    configs = study["configs"] + units - have
    return (
        f"about {count(units - have, 'more config')} of each method, {duration(seconds)} of {kind} time: "
        f"ganscape run {study['study']} --scale {study['scale']} --set configs={configs}"
    )


def _differences(claim: PublishedClaim, evidence: Evidence) -> Iterable[str]:
    """Yields how these data differ from the paper's protocol, one phrase each."""
    paper = claim.paper
    foreign = [name for name in evidence.data.split(", ") if name not in paper.data]
    if foreign and paper.data:
        yield f"data {', '.join(foreign)} (paper: {', '.join(paper.data)})"
    published = claim.metric or paper.metric
    if evidence.metric != published:
        yield f"scored by {evidence.metric} (paper: {published})"
    for results in evidence.results:
        settings, images = results.study["settings"], results.study["images"]
        if settings.get("architecture") not in paper.architectures or "channels" in settings:
            width = f" with {settings['channels']} channels" if "channels" in settings else ""
            yield f"networks {settings.get('architecture')}{width} (paper: {', '.join(paper.architectures)})"
        if images < paper.images:
            yield f"{images:,} images per training (paper: {paper.images:,})"
        if settings.get("sampling_statistics") == "standing":
            yield "sampled with standing statistics of batch norm (paper: running averages)"
        break


def _failures(claim: PublishedClaim, evidence: Evidence, verdict: str, margin: float) -> Iterable[str]:
    """Yields that failed trials count as the worst score, and the verdict without them where it differs."""
    failed = sum(int((results.progress_of_trials()["status"] == "failed").sum()) for results in evidence.results)
    if not failed:
        return
    yield f"{failed:,} failed trials count as the worst score"
    try:
        without = claim.rule.decide(tuple(claim.contrasts(evidence.argument, False)), margin).verdict
    except NotTestable as missing:
        without = f"not testable: {missing}"
    if without != verdict:
        yield f"with these left out: {without}"
