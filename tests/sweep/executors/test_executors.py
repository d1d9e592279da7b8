"""Sweeps in real processes: equal tables whatever the executor, and what is left when processes are killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

import results

HERE = Path(__file__).parent
EXECUTORS = ("local", "ray")


class Sweep:
    """A sweep in a process of its own, whose scores are written to a ledger as they are computed."""

    def __init__(self, folder, cache, executor="local", workers=2, poison=""):
        self.out, self.ledger, self.errors = folder / "out", folder / "ledger", folder / "errors"
        self.tag = uuid.uuid4().hex
        self.command = [sys.executable, "-W", "ignore", str(HERE / "drive.py"), str(self.out), executor, str(workers)]
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
        self.process.wait(timeout=300)
        assert self.process.returncode == 0, self.errors.read_text()[-2000:]
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
        """Process ids of workers, by how their command lines begin; agents of Ray's own are none."""
        found = []
        for number in self.processes():
            try:
                command = (Path("/proc") / str(number) / "cmdline").read_bytes()
            except OSError:
                continue
            if b"spawn_main" in command or (command.startswith(b"ray::") and b"Agent" not in command):
                found.append(number)
        return found

    def wait_for_a_score(self):
        """Until the store holds a score more than now, or the sweep has ended."""
        before = len(self.stored())
        wait_until(lambda: len(self.stored()) > before or self.process.poll() is not None, 120, "no score came")

    def kill(self):
        """kill -9 of the driver; returns once its workers are gone."""
        self.process.kill()
        self.process.wait()
        wait_until(lambda: not self.workers(), 30, "the killed driver left workers behind")

    def table(self):
        return table(self.out)

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


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("xla-cache")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, cache):
    """The sweep that nothing disturbs, with one local worker."""
    sweep = Sweep(tmp_path_factory.mktemp("unbroken"), cache, workers=1).start().finish()
    assert len(sweep.table()) == 5 * 2 * 3
    assert sorted(sweep.computed()) == sorted(sweep.stored())
    return sweep


@pytest.mark.parametrize("executor", EXECUTORS)
def test_two_workers_give_the_table_of_one(unbroken, cache, tmp_path, executor):
    sweep = Sweep(tmp_path, cache, executor).start().finish()
    assert sweep.table() == unbroken.table()
    assert not (sweep.out / "tune").exists()
    assert not list((sweep.out / "checkpoints").glob("*"))


@pytest.mark.parametrize("executor, kills", [("local", 6), ("ray", 3)])
def test_a_driver_killed_at_random_loses_nothing_and_computes_nothing_twice(
    unbroken, cache, tmp_path, executor, kills
):
    sweep = Sweep(tmp_path, cache, executor)
    moments, interrupted = random.Random(executor), 0
    for _ in range(kills):
        sweep.start()
        if moments.random() < 0.7:
            sweep.wait_for_a_score()
        time.sleep(moments.uniform(0.0, 2.0))
        interrupted += sweep.process.poll() is None
        sweep.kill()
        acknowledged, length = sweep.stored(), len(sweep.computed())
        check_not_again(sweep, acknowledged, length)
    before, length = sweep.stored(), len(sweep.computed())
    sweep.start().finish()
    assert sweep.table() == unbroken.table()
    assert not set(sweep.computed()[length:]) & before
    assert interrupted >= kills // 2
    wait_until(lambda: not sweep.processes(), 120, "processes are left behind")


def check_not_again(sweep, acknowledged, length):
    """Remembers what the store held at this kill, and checks every earlier kill against the ledger."""
    sweep.held = [*getattr(sweep, "held", []), (acknowledged, length)]
    for values, position in sweep.held:
        assert values <= sweep.stored(), "a committed score is gone"
        assert not set(sweep.computed()[position:]) & values, "a committed score was computed again"


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_killed_worker_is_replaced_and_its_cohort_tried_again(unbroken, cache, tmp_path, executor):
    sweep = Sweep(tmp_path, cache, executor).start()
    for _ in range(2):
        sweep.wait_for_a_score()
        busy = sweep.workers()
        if busy:
            os.kill(random.Random(len(busy)).choice(busy), signal.SIGKILL)
    sweep.finish()
    assert sweep.table() == unbroken.table()
    failures = results.load(sweep.out).failures()
    assert set(failures["cause"]) <= {"lost"} and not failures["final"].any()
    assert not sweep.processes()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_trial_that_kills_its_worker_is_given_up_and_the_others_finish(unbroken, cache, tmp_path, executor):
    (poisoned, rung), (value, _) = sorted(unbroken.table().items())[4]
    sweep = Sweep(tmp_path, cache, executor, poison=repr(value)).start().finish()
    last = results.load(sweep.out).failures().query("final")
    assert list(zip(last["trial"], last["cause"], strict=True)) == [(poisoned, "lost")]
    expected = {key: row for key, row in unbroken.table().items() if key[0] != poisoned or key[1] < rung}
    assert sweep.table() == expected


def test_a_full_disk_ends_with_a_sentence_and_the_same_command_continues(unbroken, cache, tmp_path):
    probe = ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size=400k none {tmp_path}"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    ledger = tmp_path.with_name(f"{tmp_path.name}-ledger")
    command = (
        f"{sys.executable} -W ignore -m sweep run equal/wide --seeds 2 --workers 1 --out {tmp_path}/out "
        "--set configs=1 --set images=9600 --set interval=3200 --set samples=200 --set disc_iters=1"
    )
    script = f"""
        mount -t tmpfs -o size=300k none {tmp_path} || exit 9
        {command}; echo "first $?" >&2
        mount -o remount,size=30m {tmp_path}
        {command}; echo "second $?" >&2
        cp {tmp_path}/out/store.sqlite {ledger}
    """
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    command = ["unshare", "-m", "sh", "-c", script]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert "first 2" in ran.stderr and "second 0" in ran.stderr, ran.stderr[-3000:]
    assert any("full" in line and line.startswith("error: ") for line in ran.stderr.splitlines())
    assert "Traceback" not in ran.stderr
    (tmp_path / "out").mkdir()
    shutil.copy(ledger, tmp_path / "out" / "store.sqlite")
    assert table(tmp_path / "out") == unbroken.table()
