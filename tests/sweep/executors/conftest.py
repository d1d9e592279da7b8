"""Sweeps in real processes, whose scores are written to a ledger as they are computed."""

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

from ganscape import results

from .drive import drive

HERE = Path(__file__).parent
SETTINGS = {
    "configs": 6,
    "rounds": 3,
    "images": 6400,
    "interval": 3200,
    "samples": 100,
    "disc_iters": 1,
    "z_dim": 8,
    "discriminator_normalization": "none",
}


class Sweep:
    """A sweep in a process of its own, whose scores are written to a ledger as they are computed."""

    def __init__(self, folder, cache, executor="local", workers="2", poison="", joined=()):
        self.out, self.ledger, self.errors = folder / "out", folder / "ledger", folder / "errors"
        self.tag = uuid.uuid4().hex
        self.process = None
        self.words = [str(self.out), executor, workers, json.dumps(SETTINGS), *joined]
        self.command = [sys.executable, "-W", "ignore", str(HERE / "drive.py"), *self.words]
        self.environment = os.environ | {
            "GANSCAPE_TEST_LEDGER": str(self.ledger),
            "GANSCAPE_TEST_POISON": poison,
            "GANSCAPE_TEST_TAG": self.tag,
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "PYTHONPATH": str(HERE / "ledger"),
        }

    def start(self):
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=errors, stderr=errors)
        return self

    def finish(self):
        try:
            self.process.wait(timeout=300)
        finally:
            self.end()
        assert self.process.returncode == 0, self.errors.read_text()[-2000:]
        return self

    def finish_here(self):
        """As `start` and `finish`, with the driver in this process, which has loaded what a driver needs."""
        resource_tracker.ensure_running()  # else a worker starts it, with the sweep's tag, to live on
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            drive(*self.words)
        return self

    def processes(self):
        """Process ids that carry this sweep's tag."""
        mark = f"GANSCAPE_TEST_TAG={self.tag}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def workers(self):
        """Process ids of workers, by how their command lines begin; agents of Ray's own and the post are none."""
        found = []
        for number in self.processes():
            try:
                command = (Path("/proc") / str(number) / "cmdline").read_bytes()
            except OSError:
                continue
            others = b"Agent" in command or command.startswith(b"ray::Mailbox")
            if b"spawn_main" in command or (command.startswith(b"ray::") and not others):
                found.append(number)
        return found

    def wait_for_a_score(self):
        """Until the store holds a score more than now, or the sweep has ended."""
        before = len(self.stored())
        wait_until(lambda: len(self.stored()) > before or self.process.poll() is not None, 240, "no score came")

    def replace_workers(self):
        """After a first score, kill -9 of all workers; returns once others have made another score."""
        self.wait_for_a_score()
        killed = self.workers()
        assert killed
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        self.wait_for_a_score()

    def kill(self):
        """kill -9 of the driver; returns once its workers are gone, and without Ray every process that it started."""
        self.process.kill()
        self.process.wait()
        left = self.workers if "ray" in self.command else self.processes
        wait_until(lambda: not left(), 30, "the killed driver left processes behind")

    def end(self):
        """The driver is gone, whatever became of it."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def table(self):
        return table(self.out)

    def rounds(self):
        """Trial -> its round and what was asked for it."""
        trials = results.load(self.out).trials()
        return {row.trial: (row.round, row.g_lr, row.beta1) for row in trials.itertuples()}

    def failed(self, *causes):
        """Trials that have a failure of such a cause."""
        found = results.load(self.out).failures()
        return set(found.loc[found["cause"].isin(causes), "trial"])

    def generators(self):
        """Trial and rung of the generators that the store says are kept, each of which must have its file."""
        found = set(results.load(self.out).generators()[["trial", "rung"]].itertuples(index=False, name=None))
        missing = [f for f in found if not (self.out / "generators" / f[0] / f"{f[1]}.safetensors").is_file()]
        assert not missing, "a generator that is kept is not there"
        return found

    def generator_files(self):
        """Trial and rung of all that lies in the folder of generators."""
        files = [file for file in (self.out / "generators").rglob("*") if file.is_file()]
        return {(file.parent.name, int(file.stem)) for file in files}

    def check_equal(self, unbroken):
        """Its configs, scores and stopped trials are those of the other."""
        assert self.rounds() == unbroken.rounds()
        assert self.table() == unbroken.table()
        assert self.failed("stopped") == unbroken.failed("stopped")

    def held(self):
        """What it has now, for `check_held` later."""
        return self.stored(), len(self.computed())

    def check_held(self, held):
        """What the store held earlier is still there, and none of it was computed after that."""
        if self.stored():
            self.generators()
        for values, position in held:
            assert values <= self.stored(), "a committed score is gone"
            assert not set(self.computed()[position:]) & values, "a committed score was computed again"

    def computed(self):
        return self.ledger.read_text().split() if self.ledger.exists() else []

    def stored(self):
        """Values in the store so far; none while it is being created."""
        try:
            return {repr(value) for value, _ in self.table().values()}
        except results.StoreError:
            return set()


def table(out):
    scores = results.load(out).scores()
    return {(row.trial, row.rung): (row.value, row.images) for row in scores.itertuples()}


def wait_until(condition, seconds, what):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.05)


@pytest.fixture(scope="session")
def settings():
    """What the sweeps are set to, as words of the command line."""
    return [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]


@pytest.fixture(scope="session", name="wait_until")
def _wait_until():
    return wait_until


@pytest.fixture(scope="session")
def cache():
    """The compilation cache that all processes of a test run share."""
    return Path(os.environ["JAX_COMPILATION_CACHE_DIR"])


@pytest.fixture(scope="session")
def start_sweep(cache):
    """Makes a sweep in a folder, which has not been started."""
    return lambda folder, executor="local", **options: Sweep(folder, cache, executor, **options)


@pytest.fixture
def make_sweep(tmp_path, cache):
    """A sweep that has not been started, on two workers of an executor; its driver ends with the test."""
    made = []

    def make(executor, **options):
        made.append(Sweep(tmp_path, cache, executor, **options))
        return made[-1]

    yield make
    for sweep in made:
        sweep.end()


@pytest.fixture(scope="session")
def unbroken(cache):
    """The sweep that nothing disturbs, with one local worker; one for all test processes."""
    folder = cache.parent / "unbroken"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sweep = Sweep(folder, cache, workers="1")
        if not sweep.out.exists():
            sweep.finish_here()
    assert sorted(number for number, *_ in sweep.rounds().values()) == [0, 0, 1, 1, 2, 2]
    assert len(sweep.failed("stopped")) == 3 and len(sweep.table()) == 6 + 3
    assert all(sweep.computed().count(value) == 1 for value in sweep.stored())  # references are computed as well
    return sweep


@pytest.fixture
def check_kills(unbroken, make_sweep):
    """Workers and drivers killed at random moments lose no committed score, and none is computed twice; in the end two
    workers give the table of one, and nothing but results is left."""

    def check(executor, *, workers_too, drivers):
        sweep, held = make_sweep(executor), []
        moments, interrupted = random.Random(executor), 0
        for number in range(drivers):
            sweep.start()
            if number == 0 and workers_too:
                sweep.replace_workers()
            elif moments.random() < 0.7:
                sweep.wait_for_a_score()
            time.sleep(moments.uniform(0.0, 2.0))
            interrupted += sweep.process.poll() is None
            sweep.kill()
            held.append(sweep.held())
            sweep.check_held(held)
        sweep.start().finish() if executor == "ray" else sweep.finish_here()
        sweep.check_held(held)
        sweep.check_equal(unbroken)
        assert sweep.generators() == sweep.generator_files() == unbroken.generators() != set()
        assert interrupted >= drivers // 2
        failures = results.load(sweep.out).failures().query("cause != 'stopped'")
        assert set(failures["cause"]) == ({"lost"} if workers_too else set()) and not failures["final"].any()
        assert not (sweep.out / "tune").exists()
        assert not list((sweep.out / "checkpoints").glob("*"))
        wait_until(lambda: not sweep.processes(), 120, "processes are left behind")

    return check


@pytest.fixture
def check_poison(unbroken, make_sweep):
    """A trial of the last round that kills its worker is given up in the end, and the others finish."""

    def check(executor):
        last = {trial for trial, (number, *_) in unbroken.rounds().items() if number == 2}
        ((poisoned, (value, _)),) = [
            (key, row) for key, row in unbroken.table().items() if key[0] in last and key[1] == SETTINGS["images"]
        ]
        sweep = make_sweep(executor, poison=repr(value)).start().finish()
        failures = results.load(sweep.out).failures().query("final and cause != 'stopped'")
        assert list(zip(failures["trial"], failures["cause"], strict=True)) == [(poisoned[0], "lost")]
        assert sweep.table() == {key: row for key, row in unbroken.table().items() if key != poisoned}

    return check
