"""Worker processes that are started before there is a plan."""

import contextlib
import os
import signal
import sys
import types

import pytest

from ganscape.sweep.executors import local
from ganscape.sweep.executors.processes import WorkerProcess, local_environment, start_process, started_early
from ganscape.sweep.resources import Resources, cores

WORDS = ("run", "equal/wide", "--workers", "2")


@pytest.fixture
def started(monkeypatch):
    """Every worker process that is started during the test."""
    everyone, start = [], WorkerProcess.__init__

    def start_and_note(process, *arguments):
        start(process, *arguments)
        everyone.append(process)

    monkeypatch.setattr(WorkerProcess, "__init__", start_and_note)
    yield everyone
    for process in everyone:
        process.kill()


def test_a_process_that_was_started_early_is_taken_once_and_those_that_are_left_are_ended(started):
    variables = local_environment(Resources())
    with started_early(2, Resources()):
        first, second = started
        assert start_process(variables) is first
        assert start_process(local_environment(Resources(gpus=0.5))) not in (first, second)
        assert first.process.is_alive() and second.process.is_alive()
    assert first.process.is_alive() and not second.process.is_alive()
    assert start_process(variables) not in (first, second)


def test_a_mistake_that_the_plan_shows_leaves_no_process(started, ganscape, refused, tmp_path):
    refused(ganscape(*WORDS, "--methods", "ns_gann", "--out", tmp_path / "out"), "did you mean 'ns_gan'")
    assert len(started) == 2
    assert not any(process.process.is_alive() for process in started)


@pytest.mark.skipif(cores() < 2, reason="two workers need two CPUs to be pinned to")
def test_pinned_workers_have_cpus_of_their_own_and_a_new_one_those_of_the_lost(
    started, wait_until, monkeypatch, tmp_path
):
    monkeypatch.setattr(local, "_shared", contextlib.nullcontext)
    monkeypatch.setattr(WorkerProcess, "begin", lambda process, workload, cache: None)  # it waits for a workload
    lost = []

    def cpus(worker):
        """The CPUs that any thread of a worker may run on."""
        threads = os.listdir(f"/proc/{worker.process.pid}/task")
        return set().union(*(os.sched_getaffinity(int(thread)) for thread in threads))

    def done():
        """Kills the first of two pinned workers; the study is done when its successor is pinned."""
        if not lost:
            wait_until(lambda: all(len(cpus(worker)) == 1 for worker in started), 60, "a worker is not pinned")
            lost.append(cpus(started[0]))
            assert not lost[0] & cpus(started[1])
            started[0].process.kill()
        if len(started) > 2:
            wait_until(lambda: cpus(started[2]) == lost[0], 60, "the CPUs of the lost worker are not taken over")
        return len(started) > 2

    resources, backlog = Resources(pin_cores=True), types.SimpleNamespace(done=done)
    with started_early(2, resources), local.start(tmp_path, 2, resources) as running:
        running.run(backlog, None)
    assert len(started) == 3  # those that were started early were taken
    assert not any(worker.process.is_alive() for worker in started)


@pytest.mark.parametrize("words", [("--dry-run",), ("--workers", "0"), ("--out", ".")])
def test_no_process_is_started_where_none_may_be_needed(words, started, ganscape):
    """A dry run, a mistake that is seen at once, a folder that may hold a finished sweep."""
    assert ganscape("run", "equal/wide", "--methods", "ns_gann", *words).exit_code == 2
    assert not started


def test_ctrl_c_while_the_plan_is_made_is_one_line_and_leaves_no_process(make_sweep, wait_until):
    sweep = make_sweep("local")
    sweep.command = [sys.executable, "-W", "ignore", "-m", "ganscape", *WORDS, "--out", str(sweep.out)]
    sweep.start()
    wait_until(lambda: sweep.workers() or sweep.process.poll() is not None, 120, "no worker came")
    for process in sweep.processes():  # a terminal sends it to all of them
        os.kill(process, signal.SIGINT)
    assert sweep.process.wait(timeout=120) == 130
    assert sweep.errors.read_text().splitlines() == ["interrupted; the same command continues"]
    wait_until(lambda: not sweep.processes(), 60, "processes are left behind")
    assert not sweep.out.exists()
