"""What a sweep costs beside training as it grows: CPU seconds of a start, of a message, of `status` and of the report.

    python benchmarks/growth.py [--trials 1000,10000,100000] [--messages 500] [--out FILE]

Each size is a process of its own, and a study whose trials do nothing: all but a few hundred have their scores in the
store, and the last ones are handed out and scored as by workers, with pictures of 8x8 and the progress of a terminal.
`start` continues such a folder, which includes reading the store and rebuilding the queue; the memory is that of the
driver after it, and what the messages added.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

METHODS = ("mm_gan", "ns_gan", "lsgan", "wgan")
COHORT = 8


def resident() -> float:
    """Returns the resident memory of this process in MiB."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def fill(folder: Path, planned, leave: int) -> None:
    """Asks all trials of a plan, and stores a score for all but `leave` of them."""
    import numpy as np

    from ganscape.results.store import open_store
    from ganscape.sweep.backlog import Backlog

    rung = planned.workload.rungs[-1]
    with open_store(folder) as store:
        store.begin(planned.definition)
        store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        backlog = Backlog(planned, store, 2, {}, lambda backlog: None)
        backlog.done()
        trials = list(backlog.trials)
        values = np.random.default_rng(0).lognormal(3.0, 1.0, len(trials))
        rows = [
            {"trial": trial, "rung": rung, "images": rung, "metric": planned.workload.metric, "value": value,
             "protocol": planned.protocol.fingerprint, "attempt": 0, "seconds": 1.0}
            for trial, value in zip(trials, values, strict=True)
        ]  # fmt: skip
        chosen = np.random.default_rng(1).permutation(len(rows))[leave:]
        store.add_scores([rows[index] for index in chosen])


def measure(folder: Path, trials: int, messages: int) -> dict:
    """Returns the costs of a sweep of so many trials, in a folder that is empty at first."""
    import io

    import numpy as np
    from rich.console import Console

    from ganscape.results.store import check_rows, open_store
    from ganscape.sweep.backlog import Backlog
    from ganscape.sweep.commands.progress import show_progress
    from ganscape.sweep.growth import united_plan
    from ganscape.sweep.messages import Score
    from ganscape.sweep.plan import plan

    settings = {"configs": trials // len(METHODS), "images": 1280, "interval": 1280, "samples": 100}

    def planned():
        return plan("equal/wide", out=folder, methods=METHODS, seeds=1, settings=settings)

    row: dict = {"benchmark": "growth", "trials": trials}
    marks = [time.process_time()]

    def mark(name: str, count: int = 1) -> None:
        marks.append(time.process_time())
        row[name] = round((marks[-1] - marks[-2]) / count, 6)

    chosen = planned()
    mark("plan_s")
    fill(folder, chosen, messages)
    mark("fill_s")
    before = resident()
    grid = np.zeros((96, 8, 8, 1), np.uint8)
    console = Console(file=io.StringIO(), force_terminal=True)
    continued = united_plan(planned(), folder)
    check_rows(folder)
    with open_store(folder) as store, show_progress(console) as show:
        backlog = Backlog(continued, store, 2, {}, show)
        assert not backlog.done()
        mark("start_s")
        row["start_mib"] = round(resident() - before, 1)
        before, handed, rung = resident(), 0, continued.workload.rungs[-1]
        while not backlog.done():
            cohort = backlog.take()
            assert cohort is not None
            for trial in cohort.trials:
                handed += 1
                backlog.record(Score(trial.id, 0, rung, rung, 1.0, 0.0, grid))
        assert handed == messages
        mark("message_s", handed)
        row["messages_mib"] = round(resident() - before, 1)
    return row


def cpu_of_command(*words: str) -> float:
    """Returns the CPU seconds of a command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "ganscape", *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)


def main() -> None:
    if sys.argv[1:2] == ["--alone"]:
        print(json.dumps(measure(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
        return
    from measuring import options, write

    parser = options(__doc__)
    parser.add_argument("--trials", default="1000,10000,100000")
    parser.add_argument("--messages", type=int, default=500)
    arguments = parser.parse_args()
    for trials in map(int, arguments.trials.split(",")):
        with tempfile.TemporaryDirectory() as temporary:
            folder = str(Path(temporary) / "out")
            command = [sys.executable, __file__, "--alone", folder, str(trials), str(arguments.messages)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            row = json.loads(done.stdout.splitlines()[-1])
            row["status_s"] = cpu_of_command("status", folder)
            row["report_s"] = cpu_of_command("report", folder)
        print(
            f"{trials:7,} trials: start {row['start_s']:.1f} s, {1e3 * row['message_s']:.2f} ms a message, status "
            f"{row['status_s']:.1f} s, report {row['report_s']:.1f} s, driver {row['start_mib']:.0f} MiB and "
            f"{row['messages_mib']:.0f} MiB more after {arguments.messages} messages",
            flush=True,
        )
        write(arguments.out, row)


if __name__ == "__main__":
    main()
