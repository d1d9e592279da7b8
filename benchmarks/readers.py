"""Reads the page of a running sweep by many readers at once, as browsers do: does one of them ever get anything else?

    python benchmarks/readers.py [--readers 50] [--trials 3000] [--every 3] [--out FILE]

The sweep's workers train nothing (idle_workers.py), so scores come as fast as the driver commits them. Each reader asks
`ganscape serve` for the state of the page every few seconds, and for the page when the state has changed, until the
sweep has ended and the page shows its last score. The page that all end with must be the report of the finished store.
The server makes a page once for all readers: it prints how many, and what CPU time the server took.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
from measuring import options, write

from ganscape.results.frames import load
from ganscape.results.report import render
from ganscape.results.server import PATIENCE
from ganscape.results.store import rows_written

IDLE = str(Path(__file__).with_name("idle_workers.py"))
STATE_OF_PAGE = re.compile(r'let state = ("[^"]*")')
LONGEST = 120.0  # seconds until the page has to show the last score


class Reader(threading.Thread):
    """Follows a page until `last` is set and the page's state is that one."""

    def __init__(self, address: str, every: float, first: float):
        super().__init__(daemon=True)
        self.address, self.every, self.first = address, every, first
        self.last: str | None = None
        self.state = self.page = ""
        self.states: set[str] = set()
        self.seconds: list[float] = []
        self.faults: list[str] = []

    def run(self) -> None:
        time.sleep(self.first)
        while self.last is None or self.state != self.last:
            state = self.ask("state")
            if state and state != self.state:
                page = self.ask("")
                if page:
                    self.state, self.page = state, page
                    self.states.add(STATE_OF_PAGE.search(page)[1])  # type: ignore[index]
            time.sleep(self.every)

    def ask(self, path: str) -> str:
        """Returns an answer, "" for none, and notes how long it took or what was wrong."""
        began = time.monotonic()
        try:
            with urllib.request.urlopen(self.address + path, timeout=60) as answer:
                text = answer.read().decode()
        except Exception as error:
            self.faults.append(f"{type(error).__name__}: {error}")
            return ""
        self.seconds.append(time.monotonic() - began)
        return text


def cpu_seconds(process: int) -> float:
    """Returns the CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def start_sweep(out: Path, trials: int, printed) -> subprocess.Popen:
    settings = (f"configs={trials}", "images=64", "interval=64", "samples=20", "batch_size=64", "z_dim=2")
    words = [word for setting in settings for word in ("--set", setting)]
    study = ["equal/wide", "--methods", "vae", "--seeds", "1", "--workers", "1", "--keep", "none", "--out", str(out)]
    sweep = subprocess.Popen(
        [sys.executable, "-W", "ignore", IDLE, "run", *study, *words], stdout=printed, stderr=printed
    )
    while sweep.poll() is None and not (out / "store.sqlite").exists():
        time.sleep(0.1)
    return sweep


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--trials", type=int, default=3000)
    parser.add_argument("--every", type=float, default=3.0, help="seconds between two questions of a reader")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, open(Path(name) / "printed", "wb") as printed:
        out, port = Path(name) / "out", free_port()
        sweep = start_sweep(out, arguments.trials, printed)
        serve = [sys.executable, "-W", "ignore", "-m", "ganscape", "serve", str(out), "--port", str(port)]
        server = subprocess.Popen(serve, stdout=printed, stderr=printed)
        try:
            while rows_written(out)[-2] == 0:
                time.sleep(0.1)
            began, before = time.monotonic(), rows_written(out)[-2]
            starts = np.linspace(0, arguments.every, arguments.readers, endpoint=False)
            readers = [Reader(f"http://127.0.0.1:{port}/", arguments.every, first) for first in starts]
            for reader in readers:
                reader.start()
            assert sweep.wait() == 0, (Path(name) / "printed").read_text()[-2000:]
            rate = (rows_written(out)[-2] - before) / (time.monotonic() - began)
            for reader in readers:
                reader.last = str(rows_written(out))
            limit = time.monotonic() + LONGEST
            for reader in readers:
                reader.join(max(0.0, limit - time.monotonic()))
            wall, busy = time.monotonic() - began, cpu_seconds(server.pid)
        finally:
            server.terminate()
            server.wait()
        report = render(load(out))
        pages = {re.sub(r'<script type="module">\n  let state = .*?</script>\n', "", reader.page, flags=re.S)
                 for reader in readers}  # fmt: skip
        faults = [fault for reader in readers for fault in reader.faults]
        seconds = np.concatenate([reader.seconds for reader in readers])
        made = set.union(*(reader.states for reader in readers))
        row = {
            "benchmark": "readers", "readers": len(readers), "scores_per_second": round(rate, 1),
            "wall_s": round(wall, 1), "pages": len(made), "server_cpu_s": round(busy, 1),
            "answers": len(seconds), "faults": len(faults), "late": sum(reader.is_alive() for reader in readers),
            "last_page_right": pages == {report}, "median_s": round(float(np.median(seconds)), 3),
            "longest_s": round(float(seconds.max()), 2), "patience": PATIENCE,
        }  # fmt: skip
    print(f"{row['readers']} readers, {row['scores_per_second']} scores a second, in {row['wall_s']} s {row['pages']} "
          f"pages made with {row['server_cpu_s']} CPU-seconds; {row['answers']:,} answers, median {row['median_s']} s, "
          f"longest {row['longest_s']} s; {row['faults']} faults, {row['late']} without the last page; the last pages "
          f"are {'' if row['last_page_right'] else 'NOT '}the report")  # fmt: skip
    print(*faults[:5], sep="\n")
    write(arguments.out, row)


if __name__ == "__main__":
    main()
