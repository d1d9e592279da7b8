"""What a sweep spends on not being broken: seconds inside each check, sync and hash, as shares of its time.

    python benchmarks/hardening.py [--methods ns_gan,vae] [--scale smoke] [--out FILE]

Timed, in the driver and in its one worker: the worker's proof that it computes, the look at its address space, checks
of memory, environment and circumstances, of what a store holds as it is read and whether it is still there, the removal
of leftovers, the bound of the compilation cache, hashes of generators, and every fsync of a file.
Commits to the store are durable too; their time is a row of its own, since without that they would take some as well.
"""

import contextlib
import functools
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from measuring import options, write

LINES = "GANSCAPE_HARDENING"  # the variable that names the file to which each timed call appends a line
# Where a function is looked up -> its names there.
DRIVER = {
    "ganscape.environment": ("clean",),
    "ganscape.sweep.commands.running": ("_memory_warnings",),
    "ganscape.sweep.driver": ("check_address_space", "changed_circumstances", "bound_cache", "check_imported"),
    "ganscape.results.store.reader": ("check_schema", "check_values", "check_complete"),
    "ganscape.results.store.writer.Store": ("check_there",),
    "ganscape.sweep.kept_files.KeptFiles": ("remove_unknown",),
    "ganscape.files": ("_remove_leftovers", "_locked_part"),
    "os": ("fsync",),
}
WORKER = {
    "ganscape.sweep.proof": ("fault",),
    "ganscape.sweep.trial": ("check_headroom",),
    "ganscape.models.generator_file": ("hash_arrays",),
    "ganscape.sweep.programs": ("resident_bytes", "return_free_memory"),
    "ganscape.files": ("_remove_leftovers", "_locked_part"),
    "os": ("fsync",),
}
_inside = [0.0]  # seconds of timed calls inside each call that is not over


def timed(who: str, name: str, function: Any) -> Any:
    """Returns the function, wrapped to append a line of who, name and its own seconds."""

    @functools.wraps(function)
    def call(*arguments, **options):
        began = time.perf_counter()
        _inside.append(0.0)
        try:
            return function(*arguments, **options)
        finally:
            seconds, inner = time.perf_counter() - began, _inside.pop()
            _inside[-1] += seconds
            with open(os.environ[LINES], "a") as file:
                file.write(f"{who} {name} {seconds - inner}\n")

    return call


@contextlib.contextmanager
def timed_block(function: Any, *arguments: Any):
    """Runs a transaction of the store, and times it with the statements in it."""
    began = time.perf_counter()
    with function(*arguments):
        yield
    with open(os.environ[LINES], "a") as file:
        file.write(f"commits transaction {time.perf_counter() - began}\n")


def patch(who: str, functions: dict[str, tuple[str, ...]]) -> None:
    for place, names in functions.items():
        try:
            owner = importlib.import_module(place)
        except ModuleNotFoundError:
            module, _, name = place.rpartition(".")
            owner = getattr(importlib.import_module(module), name)
        for name in names:
            setattr(owner, name, timed(who, name, getattr(owner, name)))


def serve_timed(pipe: Any, cpus: Any) -> None:
    """Runs a local worker whose functions are timed: takes the place of `sweep.executors.processes._serve`."""
    from ganscape.sweep.executors import processes

    patch("worker", WORKER)
    processes._serve(pipe, cpus)


def run_timed() -> None:
    """Runs the command line with its functions timed."""
    import hardening  # by this name the processes of workers find it

    from ganscape import __main__ as command_line
    from ganscape.results.store import writer
    from ganscape.sweep.executors import processes

    patch("driver", DRIVER)
    writer.transaction = functools.partial(timed_block, writer.transaction)  # type: ignore[assignment]
    processes._serve = hardening.serve_timed
    command_line.main()


def main() -> None:
    if LINES in os.environ:
        run_timed()
        return
    parser = options(__doc__)
    parser.add_argument("--methods", default="ns_gan,vae")
    parser.add_argument("--scale", default="smoke")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        lines = Path(name) / "lines"
        lines.touch()
        words = ["run", "equal/wide", "--methods", arguments.methods, "--scale", arguments.scale, "--workers", "1"]
        command = [sys.executable, "-W", "ignore", __file__, *words, "--out", f"{name}/out"]
        began = time.monotonic()
        subprocess.run(command, env=os.environ | {LINES: str(lines)}, check=True, stdout=subprocess.DEVNULL)
        wall = time.monotonic() - began
        spent, calls = Counter[str](), Counter[str]()
        for line in lines.read_text().splitlines():
            who, what, seconds = line.split()
            spent[f"{who} {what}"] += float(seconds)  # type: ignore[assignment]
            calls[f"{who} {what}"] += 1
    for what, seconds in spent.most_common():
        print(f"{what:32} {calls[what]:6} calls {seconds:8.3f} s {seconds / wall:8.3%}")
    of_commits = spent.pop("commits transaction", 0.0)
    share = sum(spent.values()) / wall
    print(f"{wall:.0f} s in all: {share:.2%} of it inside these, and {of_commits / wall:.2%} in transactions")
    write(arguments.out, {"benchmark": "hardening", "wall_s": round(wall, 1), "share": round(share, 5),
                          "commits_share": round(of_commits / wall, 5),
                          "seconds": {what: round(seconds, 4) for what, seconds in spent.items()}})  # fmt: skip


if __name__ == "__main__":
    main()
