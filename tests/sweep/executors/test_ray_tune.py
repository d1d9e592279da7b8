"""Ray Tune: the tables of local workers, and what is left when processes are killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import ray

from ganscape import data, results
from ganscape.models import Config
from ganscape.sweep.executors.ray_cluster import count_fitting, keep_sigterm, start_cluster
from ganscape.sweep.feeding import COPIED_BYTES, Streamed, feed_of
from ganscape.sweep.resources import ExecutorError, Resources


@pytest.mark.slow
def test_a_driver_killed_at_random_loses_nothing_and_computes_nothing_twice(check_kills):
    check_kills("ray", workers_too=False, drivers=1)


@pytest.mark.slow
def test_killed_workers_are_replaced_and_their_cohorts_tried_again(check_kills):
    check_kills("ray", workers_too=True, drivers=1)


@pytest.mark.slow
def test_a_trial_that_kills_its_worker_is_given_up_and_the_others_finish(check_poison):
    check_poison("ray")


@pytest.mark.slow
def test_a_trial_that_streams_its_images_has_the_same_bits_as_in_a_local_sweep(tmp_path):
    """Of a mapped file just larger than what a worker on a CPU copies, so that both executors stream."""
    digits = data.load("digits")
    folder = tmp_path / "many"
    folder.mkdir()
    images = np.resize(digits.train, (COPIED_BYTES // 64 + 1, *digits.image_shape))
    np.save(folder / "train.npy", images)
    np.save(folder / "test.npy", digits.test)
    assert isinstance(feed_of(Config(z_dim=8), data.load(str(folder)), 1), Streamed)
    sizes = [f"--set={setting}" for setting in ("configs=1", "images=1280", "interval=640", "samples=100")]
    scores = {}
    for executor in ("local", "ray"):
        command = [sys.executable, "-m", "ganscape", "run", "equal/wide", "--methods", "ns_gan,vae", "--seeds", "1"]
        options = ["--data", folder, "--executor", executor, "--workers", "1", "--out", tmp_path / executor]
        ran = subprocess.run([*command, *sizes, *map(str, options)], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        table = results.load(tmp_path / executor).scores()
        scores[executor] = {(row.trial, row.rung): row.value for row in table.itertuples()}
    assert len(scores["local"]) == 4 and scores["ray"] == scores["local"]


@pytest.mark.parametrize(
    ("resources", "workers"),
    [(Resources(), 3), (Resources(gpus=0.4), 2), (Resources(others=(("fast", 1.0),)), 2), (Resources(gpus=99), None)],
)
def test_workers_fit_where_a_node_alone_has_all_that_one_needs(resources, workers, monkeypatch):
    alive = [{"CPU": 1, "fast": 3}, {"CPU": 2, "GPU": 1, "fast": 1, "node:10.0.0.1": 1, "memory": 9e9}]
    nodes = [{"Alive": number < 2, "Resources": offered} for number, offered in enumerate([*alive, {"GPU": 999}])]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    if workers:
        assert count_fitting(resources) == workers
    else:
        told = "no node of the Ray cluster has CPU=1, GPU=99 for a worker; it has "
        with pytest.raises(ExecutorError, match=f"^{told}1 x CPU=1, fast=3; 1 x CPU=2, GPU=1, fast=1$"):
            count_fitting(resources)


PRIVATE = """
import json, os, time
from pathlib import Path

import ray

from ganscape.sweep.executors.ray_cluster import start_cluster
from ganscape.sweep.resources import Resources


def below(number):
    children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    return [str(number), *(each for child in children for each in below(child))]


start_cluster(1, Resources(), {})
variables = ray.get(ray.remote(lambda: dict(os.environ)).remote())
sockets = set()
for number in below(os.getpid()):
    for link in Path(f"/proc/{number}/fd").iterdir():
        try:
            sockets.add(os.readlink(link).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
listening = [row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets]
known = [variables.get("RAY_AUTH_MODE"), variables.get("RAY_AUTH_TOKEN"), dict(os.environ)]
time.sleep(1.5)  # workers tell of their tasks once a second
print(json.dumps([listening, *known, ray.timeline(), below(os.getpid())[1:]]), flush=True)
os.kill(os.getpid(), 9)
"""


def lives(process):
    """Whether a process runs, other than Ray's agents, which notice within minutes that their node is gone."""
    try:
        command = Path("/proc", process, "cmdline").read_bytes()  # empty for one that has ended
    except OSError:
        return False
    return command != b"" and b"Agent" not in command


def test_a_cluster_of_its_own_is_this_machine_s_alone_keeps_no_token_and_no_past_tasks_and_ends_with_its_driver(
    wait_until, tmp_path
):
    from importlib.metadata import version

    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    command = [sys.executable, "-W", "ignore", "-c", PRIVATE]
    variables = environment | {"HOME": str(tmp_path), "RAY_USAGE_STATS_ENABLED": "0"}
    ran = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert ran.returncode == -signal.SIGKILL, ran.stderr[-2000:]
    listening, mode, token, after, tasks, processes = json.loads(ran.stdout.splitlines()[-1])
    assert len(processes) >= 3 and tasks == []
    wait_until(lambda: not any(map(lives, processes)), 60, "the cluster is left behind")
    # As the kernel writes addresses: the last four bytes are 127.0.0.1, from the lowest on.
    assert len(listening) >= 3 and {address[-8:] for address in listening} == {"0100007F"}
    if tuple(map(int, version("ray").split(".")[:2])) >= (2, 59):
        assert mode == "token" and len(token) == 64
    assert not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"} & set(after)
    assert not (tmp_path / ".ray").exists()


def test_a_cluster_that_does_not_start_is_one_line(monkeypatch):
    def late(**_):
        raise Exception("The current node timed out during startup.\nThis could happen because ...")

    monkeypatch.setattr(ray, "init", late)
    with pytest.raises(ExecutorError, match=r"^Ray does not start on this machine: The current node timed out[^\n]+$"):
        start_cluster(1, Resources(), {})


def test_sigterm_is_answered_as_before_ray_was_started():
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with keep_sigterm():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
