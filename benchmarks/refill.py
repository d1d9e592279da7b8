"""Throughput with diverging trials: slots refilled with waiting trials against separate cohorts, one after the other.

    python benchmarks/refill.py [--lanes 8] [--trials 32] [--diverging 0.5] [--images 25600] [--repeats 3] [--out FILE]

Trials are mlps on 8x8 digits, trained in parallel by `vmap` as on accelerators and scored at three rungs; those that
diverge do so within some steps. `refilled` is one cohort whose trials wait for slots, `dealt` cohorts of as many trials
as lanes. The ratio is of trials per hour.
"""

import tempfile

from measuring import alternate, median, options, ratio, write

from ganscape.data import load
from ganscape.models import Config
from ganscape.sweep.measuring.evaluation import evaluator
from ganscape.sweep.messages import Cohort, Score, Workload
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.trial import train

WILD = 1e12


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--diverging", type=float, default=0.5, help="share of the trials")
    parser.add_argument("--images", type=int, default=25600)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    digits = load("digits")
    evaluation = evaluator("fd_digits", digits.test, 500)
    bad = [
        int((number + 1) * arguments.diverging) > int(number * arguments.diverging)
        for number in range(arguments.trials)
    ]
    rates = [WILD if wild else 1e-4 * 1.1**number for number, wild in enumerate(bad)]
    trials = tuple(trial_of(0, "ns_gan", Config(g_lr=rate, d_lr=rate), seed) for seed, rate in enumerate(rates))

    def cohort(part: tuple) -> Cohort:
        return Cohort(part, (frozenset(),) * len(part), (0,) * len(part), arguments.lanes)

    def run(cohorts: list[Cohort]) -> None:
        scored = []
        with tempfile.TemporaryDirectory() as folder:
            rungs = tuple(arguments.images * third // 3 for third in (1, 2, 3))
            work = Workload(digits, "fd_digits", 500, rungs, arguments.lanes, folder, 1e9)
            for part in cohorts:
                train(part, work, evaluation, lambda message: scored.append(isinstance(message, Score)))
        sound = [trial for part in cohorts for trial in part.trials if trial.config.g_lr < WILD]
        assert sum(scored) == 3 * len(sound)

    whole = [cohort(trials)]
    parts = [cohort(trials[at : at + arguments.lanes]) for at in range(0, arguments.trials, arguments.lanes)]
    run([cohort(trials[: arguments.lanes + 1])])
    taken = alternate({"refilled": lambda: run(whole), "dealt": lambda: run(parts)}, arguments.repeats)
    row = {
        "benchmark": "refill",
        "lanes": arguments.lanes,
        "trials": arguments.trials,
        "diverging": sum(bad) / arguments.trials,
        "refilled_s": round(median(taken["refilled"]), 2),
        "dealt_s": round(median(taken["dealt"]), 2),
        "ratio": round(ratio(taken["dealt"], taken["refilled"]), 3),
        "ratio_cpu_seconds": round(ratio(taken["dealt"], taken["refilled"], 1), 3),
    }
    print(
        f"{arguments.trials} trials, {arguments.lanes} lanes, {row['diverging']:.0%} diverge: "
        f"refilled {row['refilled_s']} s, dealt {row['dealt_s']} s, ratio of trials per hour {row['ratio']:.2f} "
        f"(CPU seconds {row['ratio_cpu_seconds']:.2f})"
    )
    write(arguments.out, row)


if __name__ == "__main__":
    main()
