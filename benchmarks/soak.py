"""Runs a sweep of many tiny trials and looks at its processes all the time: does anything grow with their number?

    python benchmarks/soak.py [--trials 2000] [--executor local|ray] [--idle] [--every 1] [--out FILE]

Trials are real: a VAE of one update and one score each, all of one structure. With --idle they are not trained, see
idle_workers.py. Of the driver, of the worker and of all other processes below the driver together it measures resident
memory, threads and open files against the number of trials that are done, from a third of them on, and prints slopes of
straight lines with 95 % intervals. The intervals take neighbouring looks for dependent: they are from the means of
twenty blocks. Then the seconds of each third of the trials, and what is in /dev/shm and the output folder at the end.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from measuring import options, write

from ganscape.results.store import rows_written, schema

SIZE = ("images=64", "interval=64", "samples=20", "batch_size=64", "z_dim=2")
STRUCTURE = "discriminator_normalization=none"  # otherwise half of the trials have another: a program more, half-way
BLOCKS = 20
SCORES = 2 + schema.GROWING.index("scores")  # among the numbers of `rows_written`
PROCESSES, QUANTITIES = ("driver", "worker", "others"), ("MiB", "threads", "files")
IDLE = str(Path(__file__).with_name("idle_workers.py"))


def command(out: Path, trials: int, executor: str, idle: bool) -> list[str]:
    settings = [word for setting in (f"configs={trials}", *SIZE, STRUCTURE) for word in ("--set", setting)]
    study = ["equal/wide", "--methods", "vae", "--seeds", "1", "--workers", "1", "--keep", "none"]
    head = [sys.executable, "-W", "ignore", *([IDLE] if idle else ["-m", "ganscape"]), "run", *study]
    return [*head, "--executor", executor, "--out", str(out), *settings]


def look(number: int) -> np.ndarray:
    """Returns resident MiB, threads and open files of a process."""
    process = Path(f"/proc/{number}")
    pages = int((process / "statm").read_text().split()[1])
    threads = len(list((process / "task").iterdir()))
    return np.array([pages * os.sysconf("SC_PAGE_SIZE") / 2**20, threads, len(list((process / "fd").iterdir()))])


def descendants(driver: int) -> dict[int, bytes]:
    """Returns the processes below one -> their command lines."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    below, waiting = {}, [driver]
    while waiting:
        for number in children.get(waiting.pop(), []):
            below[number] = Path(f"/proc/{number}/cmdline").read_bytes()
            waiting.append(number)
    return below


def look_at_all(driver: int) -> np.ndarray | None:
    """Returns [3 processes, 3 quantities] as they are called above; None unless there is one worker now."""
    below = descendants(driver)
    workers = [number for number, name in below.items() if b"spawn_main" in name or name.startswith(b"ray::Implicit")]
    if len(workers) != 1:
        return None
    others = [look(number) for number in below if number != workers[0]]
    return np.stack([look(driver), look(workers[0]), np.sum(others, axis=0) if others else np.zeros(3)])


def slope(trials: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Returns the slope of a line through the means of BLOCKS blocks, for 1,000 trials, and half its 95 % interval."""
    from scipy import stats

    blocks = [block for block in np.array_split(np.arange(len(trials)), BLOCKS) if len(block)]
    x, y = (np.array([numbers[block].mean() for block in blocks]) for numbers in (trials, values))
    fit = stats.linregress(x, y)
    half = fit.stderr * stats.t.ppf(0.975, len(blocks) - 2) if np.ptp(y) else 0.0  # a line that is flat has no noise
    return 1e3 * fit.slope, 1e3 * half


def watch(driver: subprocess.Popen, out: Path, every: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns seconds [n], trials done [n] and what the processes have [n, 3, 3], as long as the driver runs."""
    seconds, done, looks, began = [], [], [], time.monotonic()
    while driver.poll() is None:
        time.sleep(every)
        try:
            rows = rows_written(out)[SCORES] if (out / "store.sqlite").exists() else 0
            numbers = look_at_all(driver.pid) if rows else None
        except OSError:  # one of them has just ended
            continue
        if numbers is not None:
            seconds.append(time.monotonic() - began)
            done.append(rows)
            looks.append(numbers)
    return np.array(seconds), np.array(done), np.array(looks)


def entries_of_folders(out: Path) -> Counter[Path]:
    """Counts the files and folders in each folder of OUT."""
    return Counter(path.parent for path in out.rglob("*"))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--executor", default="local")
    parser.add_argument("--idle", action="store_true", help="workers that train nothing")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two looks")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        out, shared = Path(name) / "out", set(os.listdir("/dev/shm"))
        with open(Path(name) / "printed", "wb") as printed:
            words = command(out, arguments.trials, arguments.executor, arguments.idle)
            driver = subprocess.Popen(words, stdout=printed, stderr=printed)
            seconds, done, looks = watch(driver, out, arguments.every)
        assert driver.returncode == 0, (Path(name) / "printed").read_text()[-2000:]
        row = {"benchmark": "soak", "executor": arguments.executor, "trials": arguments.trials, "idle": arguments.idle}
        late = done >= arguments.trials / 3
        for index, process in enumerate(PROCESSES):
            for column, quantity in enumerate(QUANTITIES):
                values = looks[late, index, column]
                change, half = slope(done[late], values)
                numbers = values[0], values[-1], change, half
                row[f"{process}_{quantity}"] = [round(float(number), 4) for number in numbers]
                print(f"{process} {quantity}: {values[0]:.1f} to {values[-1]:.1f}, "
                      f"{change:+.3f} +- {half:.3f} per 1,000 trials")  # fmt: skip
        thirds = np.interp(arguments.trials * np.array([1, 2, 3]) / 3, done, seconds)
        row["seconds_of_thirds"] = [round(float(value), 1) for value in np.diff([seconds[0], *thirds])]
        row["shm_left"] = len(set(os.listdir("/dev/shm")) - shared)
        entries = entries_of_folders(out)
        row["entries"], row["folders"], row["most_entries"] = entries.total(), len(entries), max(entries.values())
        row["log_bytes"] = (out / "log.txt").stat().st_size
        print(f"seconds of each third {row['seconds_of_thirds']}; {row['shm_left']} entries more in /dev/shm; "
              f"{row['entries']:,} files and folders in {row['folders']:,} folders, at most {row['most_entries']:,} in "
              f"one; {row['log_bytes']:,} bytes of log")  # fmt: skip
        write(arguments.out, row)


if __name__ == "__main__":
    main()
