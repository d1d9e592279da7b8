"""Local worker processes: equal tables, and what is left when processes are killed or the disk is full."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

from ganscape.sweep.executors.processes import WorkerProcess

from .conftest import table


def test_killed_workers_are_replaced_and_killed_drivers_lose_nothing_and_compute_nothing_twice(check_kills):
    check_kills("local", workers_too=True, drivers=1)


@pytest.mark.slow
def test_a_driver_killed_again_and_again_loses_nothing_and_computes_nothing_twice(check_kills):
    check_kills("local", workers_too=False, drivers=4)


@pytest.mark.slow
def test_a_trial_that_kills_its_worker_is_given_up_and_the_others_finish(check_poison):
    check_poison("local")


def test_a_worker_is_killed_in_order_while_its_workload_is_still_being_sent():
    """An exception in the thread that sends would fail this test as a warning."""
    workload = b"larger than a pipe's buffer" * 2**20
    for _ in range(20):
        worker = WorkerProcess({})
        worker.begin(workload, "cache")
        worker.kill()
        assert worker.pipe.closed and not worker.process.is_alive()


def test_ctrl_c_on_a_terminal_while_workers_start_is_one_line_and_leaves_no_process(make_sweep, wait_until, ganscape):
    sweep = make_sweep("local")
    settings = ("configs=2", "images=1280", "interval=640", "samples=50")
    words = ["run", "equal/wide", "--methods", "vae", "--seeds", "1", "--workers", "2", "--out", str(sweep.out)]
    words += [part for setting in settings for part in ("--set", setting)]
    sweep.command = [sys.executable, "-W", "ignore", "-m", "ganscape", *words]
    sweep.start()
    log = sweep.out / "log.txt"
    wait_until(
        lambda: (log.exists() and "round 0" in log.read_text()) or sweep.process.poll() is not None, 120, "no round"
    )
    assert len(sweep.workers()) == 2
    for process in sweep.processes():  # a terminal sends it to all of them
        os.kill(process, signal.SIGINT)
    assert sweep.process.wait(timeout=120) == 130
    told = sweep.errors.read_text()
    assert "interrupted; the same command continues" in told.splitlines() and "Traceback" not in told
    wait_until(lambda: not sweep.processes(), 60, "processes are left behind")
    (first, *_) = ganscape("status", sweep.out).output.splitlines()
    assert first == "equal/wide on digits: interrupted, 2 trials, 0 done, 2 unfinished, 0 failed"


@pytest.mark.parametrize("executor", ["local", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_full_disk_ends_with_a_sentence_and_the_same_command_continues(
    executor, unbroken, settings, tmp_path, ganscape
):
    """The first command writes to a small file system that only its processes see; what is left there is continued."""
    small, left = tmp_path / "small", tmp_path / "left"
    small.mkdir()
    mount = f"mount -t tmpfs -o size=300k none {small}"
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "sh", "-c", mount]).returncode:
        pytest.skip("this user may not mount a small file system")
    words = ["run", "equal/bandit", "--methods", "ns_gan", "--scheduler", "halving", *settings, "--workers", "1"]
    words += ["--executor", executor, "--out"]
    command = shlex.join([sys.executable, "-W", "ignore", "-m", "ganscape", *words, str(small / "out")])
    script = f"{mount} || exit 9; {command}; code=$?; cp -r {small}/out {left} || exit 8; exit $code"
    ran = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=500)
    assert ran.returncode == 2, ran.stderr[-3000:]
    assert re.search(r"^error: the disk (of '.*' )?is full", ran.stderr, re.MULTILINE), ran.stderr[-3000:]
    assert "Traceback" not in ran.stderr
    held = table(left)
    assert len(held) < len(unbroken.table())
    continued = ganscape(*words, left)
    assert continued.exit_code == 0, continued.output
    assert held.items() <= table(left).items() and table(left) == unbroken.table()
