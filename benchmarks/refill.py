"""Lanes kept busy: a study of which some trials diverge, its places refilled against cohorts dealt out in turn.

    python benchmarks/refill.py [--lanes 8] [--trials 32] [--diverging 0.5] [--images 25600] [--repeats 3] [--out FILE]

Trials are mlps on 8x8 digits, trained side by side by `vmap` as on accelerators and scored at three rungs; the share
that diverges does so within some steps. `refilled` is one cohort whose trials wait for places, `dealt` as many cohorts
as fill the lanes, one after the other. The ratio is of trials per hour.
"""

import tempfile

from measuring import by_turns, median, options, ratio, write

from ganscape.data import load
from ganscape.models import Config
from ganscape.sweep.measuring.evaluation import evaluator
from ganscape.sweep.messages import Cohort, Score, Workload
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.trial import train

WILD = 1e30


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--diverging", type=float, default=0.5, help="share of the trials")
    parser.add_argument("--images", type=int, default=25600)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    digits = load("digits")
    judge = evaluator("fd_digits", digits.test, 500)
    bad = [int((number + 1) * given.diverging) > int(number * given.diverging) for number in range(given.trials)]
    rates = [WILD if wild else 1e-4 * 1.1**number for number, wild in enumerate(bad)]
    trials = tuple(trial_of(0, "ns_gan", Config(g_lr=rate, d_lr=rate), seed) for seed, rate in enumerate(rates))

    def cohort(part: tuple) -> Cohort:
        return Cohort(part, (frozenset(),) * len(part), (0,) * len(part), given.lanes)

    def run(cohorts: list[Cohort]) -> None:
        scored = []
        with tempfile.TemporaryDirectory() as folder:
            rungs = tuple(given.images * third // 3 for third in (1, 2, 3))
            work = Workload(digits, "fd_digits", 500, rungs, given.lanes, folder, 1e9)
            for each in cohorts:
                train(each, work, judge, lambda message: scored.append(isinstance(message, Score)))
        sound = [trial for each in cohorts for trial in each.trials if trial.config.g_lr < WILD]
        assert sum(scored) == 3 * len(sound)

    whole = [cohort(trials)]
    parts = [cohort(trials[at : at + given.lanes]) for at in range(0, given.trials, given.lanes)]
    run([cohort(trials[: given.lanes + 1])])
    taken = by_turns({"refilled": lambda: run(whole), "dealt": lambda: run(parts)}, given.repeats)
    row = {
        "benchmark": "refill",
        "lanes": given.lanes,
        "trials": given.trials,
        "diverging": sum(bad) / given.trials,
        "refilled_s": round(median(taken["refilled"]), 2),
        "dealt_s": round(median(taken["dealt"]), 2),
        "ratio": round(ratio(taken["dealt"], taken["refilled"]), 3),
        "ratio_cpu_seconds": round(ratio(taken["dealt"], taken["refilled"], 1), 3),
    }
    print(
        f"{given.trials} trials, {given.lanes} lanes, {row['diverging']:.0%} diverge: refilled {row['refilled_s']} s, "
        f"dealt {row['dealt_s']} s, ratio of trials per hour {row['ratio']:.2f} "
        f"(CPU seconds {row['ratio_cpu_seconds']:.2f})"
    )
    write(given.out, row)


if __name__ == "__main__":
    main()
