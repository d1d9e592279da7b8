"""Ray Tune: the tables of local workers, and what is left when processes are killed."""

import signal
import subprocess
import sys

import pytest


def test_a_driver_killed_at_random_loses_nothing_and_computes_nothing_twice(check_kills):
    check_kills("ray", workers_too=False, drivers=1)


@pytest.mark.slow
def test_killed_workers_are_replaced_and_their_cohorts_tried_again(check_kills):
    check_kills("ray", workers_too=True, drivers=1)


@pytest.mark.slow
def test_a_trial_that_kills_its_worker_is_given_up_and_the_others_finish(check_poison):
    check_poison("ray")


def test_what_no_node_has_is_refused_before_anything_is_written(tmp_path):
    command = [sys.executable, "-W", "ignore", "-m", "ganscape", "run", "equal/defaults", "--executor", "ray"]
    out = tmp_path / "out"
    ran = subprocess.run([*command, "--gpus-per-worker", "99", "--out", str(out)], capture_output=True, text=True)
    (line,) = ran.stderr.strip().splitlines()
    assert ran.returncode == 2
    assert line.startswith("error: no node of the Ray cluster has CPU=1, GPU=99 for a worker")
    assert not out.exists()


def test_a_cluster_that_does_not_start_is_one_line(monkeypatch):
    import ray

    from ganscape.sweep.executors.ray_cluster import start_cluster
    from ganscape.sweep.resources import ExecutorError, Resources

    def late(**_):
        raise Exception("The current node timed out during startup.\nThis could happen because ...")

    monkeypatch.setattr(ray, "init", late)
    with pytest.raises(ExecutorError, match=r"^Ray does not start on this machine: The current node timed out[^\n]+$"):
        start_cluster(1, Resources(), {})


def test_sigterm_is_answered_as_before_ray_was_started():
    from ganscape.sweep.executors.ray_cluster import keep_sigterm

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with keep_sigterm():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
