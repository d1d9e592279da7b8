"""The time of a smoke study from the command line, end to end.

    python benchmarks/study_time.py [--out FILE] -- [OPTIONS OF ganscape run]

Runs `equal/wide` at smoke size in a folder of its own, with a compilation cache that is empty at first.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import options, write

from ganscape.results.store import read


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("words", nargs="*", help="options of ganscape run, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "ganscape", "run", "equal/wide", "--out", str(out), *arguments.words]
        began = time.perf_counter()
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - began
        tables = read(out)
    trials, compiling = len(tables["trials"]), sum(row["seconds"] for row in tables["programs"])
    row = {
        "benchmark": "study",
        "words": " ".join(arguments.words),
        "trials": trials,
        "seconds": round(seconds, 1),
        "compiling_s": round(compiling, 1),
        "trials_per_hour": round(3600 * trials / seconds),
    }
    print(f"{trials} trials in {seconds:.1f} s, {compiling:.1f} worker-seconds until programs could run")
    write(arguments.out, row)


if __name__ == "__main__":
    main()
