"""Two local workers on CPUs of their own (`--pin-cores`) against workers that the system moves.

    python benchmarks/pinning.py [--pairs 4] [--workers 2] [--out FILE] -- [OPTIONS OF ganscape run]

Runs one study in turns, in a new folder each time, with all programs in a cache that one run before has filled. Which
side is first alternates too. Wall seconds are of the whole command, CPU seconds of its driver and workers.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import options, write

ROOT = Path(__file__).parents[1]
WORDS = ["--methods", "ns_gan", "--seeds", "2", "--set", "configs=4", "--set", "disc_iters=1"]
WORDS += ["--set", "discriminator_normalization=none", "--set", "images=64000", "--set", "interval=64000"]
SIDES: dict[str, list[str]] = {"free": [], "pinned": ["--pin-cores"]}


def measure(words: list[str], cache: Path) -> tuple[float, float]:
    """Runs a sweep in a new folder; returns its wall and CPU seconds."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ganscape", "run", "equal/wide", "--cache-dir", str(cache), *words]
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [*command, "--out", str(Path(folder) / "out")], env=environment, check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("words", nargs="*", help="options of ganscape run, after --")
    arguments = parser.parse_args()
    words = ["--workers", str(arguments.workers), *(arguments.words or WORDS)]
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as cache:
        measure(words, Path(cache))
        for pair in range(arguments.pairs):
            for name in list(SIDES)[:: 1 if pair % 2 else -1]:
                taken[name].append(measure([*words, *SIDES[name]], Path(cache)))
            runs = [f"{name} {run[-1][0]:.1f} s wall, {run[-1][1]:.1f} s CPU" for name, run in taken.items()]
            print("  ".join(runs), flush=True)
    row = {"benchmark": "pinning", "pairs": arguments.pairs, "workers": arguments.workers}
    for part, what in enumerate(("wall", "cpu")):
        pairs = zip(taken["free"], taken["pinned"], strict=True)
        ratios = sorted(round(pinned[part] / free[part], 3) for free, pinned in pairs)
        print(f"{what}, pinned / free: median {statistics.median(ratios):.3f}, {ratios[0]:.3f} to {ratios[-1]:.3f}")
        row[f"{what}_ratios"] = ratios
    write(arguments.out, row)


if __name__ == "__main__":
    main()
