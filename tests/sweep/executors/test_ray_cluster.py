"""A sweep on a Ray cluster that runs already and loses a node, also after its driver was killed: what is left of it,
and what callbacks of Ray Tune are told."""

import contextlib
import os
import signal
import socket
import subprocess

import pytest

from ganscape import results

CALLBACK = """
import json, ray.tune

class Lines(ray.tune.Callback):
    def on_trial_result(self, iteration, trials, trial, result, **info):
        with open("lines", "a") as file:
            print(json.dumps({key: value for key, value in result.items() if "/" in key}), trial.config, file=file)
"""


@contextlib.contextmanager
def cluster(variables):
    """Two nodes with a CPU each, the second with a resource of its own; their processes get these variables."""
    before = dict(os.environ)
    os.environ.update(variables, RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0")
    try:
        made = start_nodes()
        try:
            yield made
        finally:
            made.shutdown()
    finally:
        os.environ.clear()
        os.environ.update(before)


def start_nodes(tries=3):
    """Two nodes, started again where one is late, as on a busy machine: Ray raises a plain Exception after 30 s."""
    from ray.cluster_utils import Cluster

    made = Cluster()
    try:
        made.add_node(num_cpus=1, include_dashboard=False)
        made.other = made.add_node(num_cpus=1, resources={"fast": 1})
        made.wait_for_nodes()
    except Exception:
        made.shutdown()
        if tries == 1:
            raise
        return start_nodes(tries - 1)
    return made


def interrupted(sweep, scores):
    """The sweep with so many scores or more, before its end."""
    sweep.start()
    while sweep.process.poll() is None and len(sweep.stored()) < scores:
        sweep.wait_for_a_score()
    assert sweep.process.poll() is None, sweep.errors.read_text()[-2000:]
    return sweep


def lose_a_node(start_sweep, folder, *, driver_killed):
    """A sweep on a cluster that loses a node, and before that maybe its driver; what it had when its driver was killed.

    A module beside the command and Ray Tune's own are told of its scores.
    """
    (folder / "mine.py").write_text(CALLBACK)
    with cluster(start_sweep(folder).environment) as made, contextlib.chdir(folder):
        callbacks = ("mine:Lines", "ray.tune.logger:TBXLoggerCallback")
        sweep = start_sweep(folder, "ray", workers="", joined=(made.address, *callbacks))
        if driver_killed:
            interrupted(sweep, 3).kill()
        held, table = sweep.held(), sweep.table() if driver_killed else {}
        interrupted(sweep, len(table) + 1)
        made.remove_node(made.other, allow_graceful=False)
        sweep.finish()
    return sweep, held, table


# Ray starts the processes of nodes by fork and exec, of which JAX warns.
@pytest.mark.filterwarnings("ignore:.*os.fork:RuntimeWarning")
@pytest.mark.parametrize("driver_killed", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_sweep_whose_cluster_lost_a_node_is_the_unbroken_one_and_callbacks_are_told_every_score(
    driver_killed, start_sweep, unbroken, tmp_path
):
    """A killed driver may have stored scores that it did not tell."""
    sweep, held, before = lose_a_node(start_sweep, tmp_path, driver_killed=driver_killed)
    sweep.check_held([held])
    sweep.check_equal(unbroken)
    assert set(results.load(sweep.out).environments()["workers"]) == {2}
    lines = (tmp_path / "lines").read_text()
    events = b"".join(file.read_bytes() for file in (sweep.out / "tune").rglob("events.out.tfevents.*"))
    told = {key: row for key, row in sweep.table().items() if key not in before}
    assert len(told) >= 3 and "{'worker': 1}" in lines
    for (trial, rung), (value, images) in told.items():
        assert f'{{"fd_digits/{trial}": {value!r}, "images/{trial}": {images}}}' in lines, rung
        assert f"ray/tune/fd_digits/{trial}".encode() in events


@pytest.mark.slow
def test_a_sweep_killed_on_local_workers_and_continued_on_ray_is_the_unbroken_one(make_sweep, unbroken):
    sweep = interrupted(make_sweep("local"), 4)
    sweep.kill()
    assert 4 <= len(sweep.table()) < len(unbroken.table())
    sweep.command[sweep.command.index("local")] = "ray"
    sweep.start().finish()
    sweep.check_equal(unbroken)


def test_an_address_where_nobody_answers_is_refused_at_once(ganscape, refused, tmp_path):
    out = tmp_path / "out"
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        ran = ganscape("run", "equal/wide", "--executor", "ray", "--address", address, "--out", out)
    refused(ran, f"cannot join a Ray cluster at {address!r}: ", "refused")
    assert not out.exists()


def test_what_is_left_of_a_cluster_of_this_process_is_ended_and_nothing_else():
    from ganscape.sweep.executors import ray_cluster

    marks = {"own": ray_cluster._mark(), "of another": "0" * 32}
    started = {
        whose: subprocess.Popen(["sleep", "60"], env={ray_cluster.MARK: mark, "PATH": os.environ["PATH"]})
        for whose, mark in marks.items()
    }
    try:
        ray_cluster.end_cluster()
        assert started["own"].wait(30) == -signal.SIGKILL and started["of another"].poll() is None
    finally:
        for process in started.values():
            process.kill()
            process.wait()
