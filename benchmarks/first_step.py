"""Seconds from Enter to the first training step of a sweep whose programs are in the cache.

    python benchmarks/first_step.py [--repeats 3] [--against CHECKOUT] [--out FILE] -- [OPTIONS OF ganscape run]

Runs `equal/wide` at smoke size in a new folder each time, until a worker's programs can run, and kills it there: an
interruption would wait for its report. One run before the others, to its end, fills the cache. With --against the same
commands run the code of another checkout in turns. Seconds are from the start of the process to a line of its log:
`planned`, the plan is made and the store is open; `started`, a worker can compute; `ready`, its programs can run. CPU
seconds, which depend less on other load, are those of the driver until `planned`, and of the driver and its workers
until `ready`.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import options, write

MARKS = {"planned": "INFO start:", "started": "started on", "ready": "programs ready after"}
ROOT = Path(__file__).parents[1]


def measure(checkout: Path, words: list[str], cache: Path, whole: bool = False) -> dict[str, float]:
    """Runs a sweep in a new folder, and returns mark -> seconds until it. whole: waits for the end of the sweep too."""
    environment = os.environ | {"PYTHONPATH": str(checkout / "src")}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "ganscape", "run", "equal/wide", "-v", "--cache-dir", str(cache), "--out"]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, str(Path(folder) / "out"), *words], env=environment, stderr=subprocess.PIPE, text=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        seconds: dict[str, float] = {}
        assert process.stderr is not None
        for line in process.stderr:
            for mark, text in MARKS.items():
                if text in line:
                    seconds.setdefault(mark, time.perf_counter() - began)
            if "planned" in seconds:
                seconds.setdefault("driver_cpu", cpu_seconds(process.pid))
            if "ready" in seconds and not whole:
                workers = children(process.pid)
                seconds["cpu"] = sum(map(cpu_seconds, [process.pid, *workers]))
                process.kill()
                break
        process.stderr.read()  # to its end, which is that of the workers too: they have it from the driver
        process.wait()
    assert set(seconds) >= set(MARKS), f"the run ended before its first step: {seconds}"
    return seconds


def children(process: int) -> list[int]:
    """Returns the ids of the processes that a process has started and that are alive."""
    return [int(child) for task in Path(f"/proc/{process}/task").iterdir()
            for child in (task / "children").read_text().split()]  # fmt: skip


def cpu_seconds(process: int) -> float:
    """Returns the CPU seconds of a living process so far, those of its threads included."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout of Ganscape")
    parser.add_argument("words", nargs="*", help="options of ganscape run, after --")
    arguments = parser.parse_args()
    words = arguments.words or ["--methods", "wgan_gp", "--seeds", "1", "--set", "configs=2"]
    sides = {"this": ROOT} | ({"other": arguments.against.resolve()} if arguments.against else {})
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as caches:
        for name, checkout in sides.items():
            measure(checkout, words, Path(caches) / name, whole=True)
        for _ in range(arguments.repeats):
            for name, checkout in sides.items():
                taken[name].append(measure(checkout, words, Path(caches) / name))
    for name, runs in taken.items():
        row = {mark: sorted(run[mark] for run in runs)[len(runs) // 2] for mark in runs[0]}
        row = {mark: round(seconds, 2) for mark, seconds in row.items()}
        print(f"{name}: " + "  ".join(f"{mark} {seconds:.2f} s" for mark, seconds in row.items()), flush=True)
        write(arguments.out, {"benchmark": "first_step", "code": name, "words": " ".join(words)} | row)


if __name__ == "__main__":
    main()
