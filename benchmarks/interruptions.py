"""Interrupts commands at many moments, as Ctrl-C on a terminal does, and counts what becomes of them.

    python benchmarks/interruptions.py [--executor local|ray] [--count 2] [--seed 0] [--what imports,writing]

A sweep is interrupted in each of its stages: imports and planning, start of Ray, start of workers, compilation and
training, evaluation, report. It must end with code 130 and one line, leave no process, and say what is true by
`ganscape status`; the same command then finishes with the scores of an undisturbed sweep, to the last bit. Commands
that write a file or a folder are interrupted and killed while they write: the next of the same target leaves nothing
half written.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ganscape import results
from ganscape.results.store import rows_written

SIZE = ("configs=2", "images=1280", "interval=640", "samples=50")
STUDY = ("equal/wide", "--methods", "vae", "--seeds", "1", "--workers", "1")
LONGEST = 300.0  # seconds that an interrupted command may take to end
MARK = "GANSCAPE_INTERRUPTED"  # the variable by which the processes of a command are known, whatever group they are in
# Commands of a finished sweep `out`, and what they write.
WRITERS = {
    ("report", "out"): "out/report.html",
    ("export", "out", "scores.csv"): "scores.csv",
    ("export", "out", "dataset", "--as", "dataset"): "dataset",
    ("merge", "out", "copy", "--into", "merged"): "merged",
    ("repair", "out", "--to", "repaired"): "repaired",
    ("sample", "out", "--to", "pictures", "--count", "5000"): "pictures",
}


def command(*words: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "ganscape", *words]


def sweep(executor: str) -> list[str]:
    settings = [word for setting in SIZE for word in ("--set", setting)]
    return command("run", *STUDY, "--executor", executor, "--out", "out", *settings)


def start(words: list[str], folder: Path) -> subprocess.Popen:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in its background
    variables = os.environ | {MARK: str(folder)}
    with open(folder / "printed", "wb") as printed:
        return subprocess.Popen(
            words, cwd=folder, env=variables, stdout=printed, stderr=printed, start_new_session=True
        )


def processes_of(folder: Path) -> dict[int, bytes]:
    """Returns the living processes of the commands of a folder, those that left their group too -> command lines."""
    mark, lines = f"{MARK}={folder}\0".encode(), {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                lines[int(entry.name)] = (entry / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
    return {number: line for number, line in lines.items() if line}  # a process that has ended has no line


def kill_all(numbers: Iterable[int]) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def cpu_seconds(number: int) -> float:
    """Returns the CPU time of a process, which says how far it is on a busy machine too."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds_of(folder: Path, *names: bytes) -> float:
    """Returns the CPU time of the processes of a folder's command that are called by one of these names."""
    lines = processes_of(folder).items()
    return sum(cpu_seconds(number) for number, line in lines if any(name in line for name in names))


def scores(out: Path) -> int:
    """Returns the number of rows that a store has, 0 while there is none."""
    return sum(rows_written(out)) if (out / "store.sqlite").exists() else 0


Ready = Callable[[subprocess.Popen, Path], bool]


def stages(chance: random.Random, whole: int) -> dict[str, Ready]:
    """Returns stage -> a function (process, folder) that tells whether it is time to interrupt the sweep.

    That is a random moment of the stage.

    whole: how many scores the sweep has at its end.
    """
    early, first, begun, busy = (chance.uniform(*ends) for ends in ((0.2, 4.0), (0.1, 2.0), (0.1, 3.0), (3.0, 8.0)))
    some = chance.randrange(whole // 3, whole)
    return {
        "imports": lambda process, folder: cpu_seconds(process.pid) > early,
        "cluster": lambda process, folder: seconds_of(folder, b"/ray/") > first,
        "workers": lambda process, folder: seconds_of(folder, b"spawn_main", b"ray::") > begun,
        "training": lambda process, folder: seconds_of(folder, b"spawn_main", b"ray::ImplicitFunc") > busy,
        "evaluation": lambda process, folder: scores(folder / "out") >= some,
        "report": lambda process, folder: scores(folder / "out") >= whole,
    }


def table(out: Path) -> dict:
    return {(row.trial, row.rung): row.value for row in results.load(out).scores().itertuples()}


def wait_for(process: subprocess.Popen, ready: Callable[[], bool]) -> None:
    while process.poll() is None and not ready():
        time.sleep(0.005)


def faults_of_end(process: subprocess.Popen, folder: Path) -> list[str]:
    """Returns what is bad about the end of an interrupted command."""
    bad = []
    try:
        code = process.wait(LONGEST)
    except subprocess.TimeoutExpired:
        kill_all(processes_of(folder))
        return ["it does not end"]
    printed = (folder / "printed").read_text(errors="replace")
    if code not in (0, 130):
        bad.append(f"exit code {code}")
    if "Traceback" in printed:
        bad.append("a traceback")
    lines = [line for line in printed.splitlines() if line.startswith("interrupted")]
    if len(lines) != (code == 130):
        bad.append(f"{len(lines)} lines say that it was interrupted")
    limit = time.monotonic() + 60
    while (left := processes_of(folder)) and time.monotonic() < limit:
        time.sleep(0.1)
    if left:
        bad.append(f"{len(left)} processes are left: {b' '.join(set(left.values())).decode(errors='replace')[:300]}")
    kill_all(left)
    return bad


def interrupt_sweep(folder: Path, stage: str, ready: Ready, executor: str, whole: dict) -> list[str]:
    process = start(sweep(executor), folder)
    wait_for(process, lambda: ready(process, folder))
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    bad = faults_of_end(process, folder)
    printed = (folder / "printed").read_text(errors="replace")
    there = (folder / "out" / "store.sqlite").exists()
    told = subprocess.run(command("status", "out"), cwd=folder, capture_output=True, text=True)
    first = (told.stdout or told.stderr).splitlines()[0]
    if told.returncode != (0 if there else 2) or (there and ": running" in first):
        bad.append(f"status: {first}")
    if there and not table(folder / "out").items() <= whole.items():
        bad.append("other scores")
    again = subprocess.run(sweep(executor), cwd=folder, capture_output=True, text=True)
    if again.returncode:
        bad.append(f"then exit code {again.returncode}: {again.stderr[-300:]}")
    elif table(folder / "out") != whole:
        bad.append("then other scores")
    print(f"{'BAD' if bad else 'ok':3} {stage}: exit {process.returncode}; {first}", flush=True)
    if bad:
        shown = printed[printed.find("Traceback") :].splitlines()[:20] if "Traceback" in printed else []
        print("    " + "; ".join(bad), *(shown or printed.splitlines()[-10:]), sep="\n    ", flush=True)
    return bad


def interrupt_writer(folder: Path, words: tuple[str, ...], target: str, number: signal.Signals) -> list[str]:
    """Interrupts or kills a command when a part of its target appears, then gives it again."""
    path = folder / target
    process = start(command(*words), folder)
    wait_for(process, lambda: any(path.parent.glob(f".{path.name}.*.part")))
    struck = process.poll() is None
    if struck:
        os.killpg(process.pid, number)
    bad = faults_of_end(process, folder) if number == signal.SIGINT else []
    process.wait()
    parts = [entry.name for entry in path.parent.glob(".*.part")]
    if number == signal.SIGINT and parts:
        bad.append(f"left: {parts}")
    if process.returncode:
        again = subprocess.run(command(*words), cwd=folder, capture_output=True, text=True)
        if again.returncode:
            bad.append(f"then exit code {again.returncode}: {again.stderr[-300:]}")
    if left := [entry.name for entry in path.parent.glob(".*.part")]:
        bad.append(f"left at the end: {left}")
    state = "ok" if not bad else "BAD"
    print(f"{state:3} {' '.join(words)} {number.name}: exit {process.returncode}, {len(parts)} parts left, "
          f"{'struck while it wrote' if struck else 'ended before'}; {'; '.join(bad)}", flush=True)  # fmt: skip
    return bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", default="local")
    parser.add_argument("--count", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--what", default="imports,cluster,workers,training,evaluation,report,writing")
    arguments = parser.parse_args()
    chance, counts = random.Random(arguments.seed), Counter[str]()
    wanted = arguments.what.split(",")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        home = Path(name)
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / "programs"))
        sound = home / "sound"
        sound.mkdir()
        subprocess.run(sweep("local"), cwd=sound, check=True, capture_output=True)
        whole, rows = table(sound / "out"), scores(sound / "out")
        for number in range(arguments.count):
            for stage, ready in stages(chance, rows).items():
                if stage in wanted and (stage != "cluster" or arguments.executor == "ray"):
                    folder = home / f"{stage}{number}"
                    folder.mkdir()
                    bad = interrupt_sweep(folder, stage, ready, arguments.executor, whole)
                    counts["bad" if bad else "sound"] += 1
        if "writing" in wanted:
            for words, target in WRITERS.items():
                for number in (signal.SIGINT, signal.SIGKILL):
                    folder = home / f"{words[0]}{counts.total()}"
                    shutil.copytree(sound, folder)
                    shutil.copytree(sound / "out", folder / "copy")
                    bad = interrupt_writer(folder, words, target, number)
                    counts["bad" if bad else "sound"] += 1
    print(f"{arguments.executor}: {counts.total()} interruptions, {counts['bad']} bad outcomes")


if __name__ == "__main__":
    main()
