"""A study whose later rounds, and who is stopped in them, depend on the scores of earlier ones, interrupted in its
second round."""

import subprocess
import sys

import pytest

from ganscape import results

SIZE = (
    *("configs=6", "rounds=3", "images=6400", "interval=3200", "samples=100"),
    *("disc_iters=1", "z_dim=8", "discriminator_normalization=none"),
)


def command(out, executor, *options, workers=2):
    settings = [part for each in SIZE for part in ("--set", each)]
    head = [sys.executable, "-W", "ignore", "-m", "ganscape", "run", "equal/bandit", "--methods", "ns_gan"]
    own = ["--scheduler", "halving", "--executor", executor, "--workers", str(workers), "--out", str(out)]
    return [*head, *own, *settings, *options]


def rounds(out):
    trials = results.load(out).trials()
    return {row.trial: (row.round, row.g_lr, row.beta1) for row in trials.itertuples()}


def stopped(out):
    found = results.load(out).failures()
    return set(found.loc[found["cause"] == "stopped", "trial"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory, start_sweep):
    """Three rounds of two configs, of which one is stopped, that nothing disturbs."""
    sweep = start_sweep(tmp_path_factory.mktemp("whole"))
    sweep.command = command(sweep.out, "local", workers=1)
    sweep.start().finish()
    assert sorted(number for number, *_ in rounds(sweep.out).values()) == [0, 0, 1, 1, 2, 2]
    assert len(stopped(sweep.out)) == 3 and len(sweep.table()) == 6 + 3
    return sweep


@pytest.fixture
def cluster(monkeypatch):
    """A head without a CPU and two nodes with one each, the second with a resource of its own.

    Ray starts their processes by fork and exec, of which JAX warns.
    """
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.others = [made.add_node(num_cpus=1), made.add_node(num_cpus=1, resources={"fast": 1})]
    made.wait_for_nodes()
    yield made
    made.shutdown()


def interrupted(sweep, scores):
    """The sweep with so many scores or more, before its end."""
    sweep.start()
    while sweep.process.poll() is None and len(sweep.stored()) < scores:
        sweep.wait_for_a_score()
    assert sweep.process.poll() is None
    return sweep


def check_equal(sweep, whole):
    assert rounds(sweep.out) == rounds(whole.out)
    assert sweep.table() == whole.table()
    assert stopped(sweep.out) == stopped(whole.out)


@pytest.mark.slow
def test_a_bandit_killed_in_its_second_round_and_continued_on_ray_is_the_unbroken_one(make_sweep, whole):
    broken = make_sweep("local")
    broken.command = command(broken.out, "local")
    interrupted(broken, 4).kill()
    assert 4 <= len(broken.table()) < len(whole.table())
    broken.command = command(broken.out, "ray")
    broken.start().finish()
    check_equal(broken, whole)


@pytest.mark.filterwarnings("ignore:.*os.fork:RuntimeWarning")
def test_a_bandit_whose_cluster_loses_a_node_in_the_second_round_is_the_unbroken_one(make_sweep, whole, cluster):
    broken = make_sweep("ray")
    broken.command = command(broken.out, "ray", "--address", cluster.address)
    interrupted(broken, 4)
    cluster.remove_node(cluster.others[0], allow_graceful=False)
    broken.finish()
    check_equal(broken, whole)
    assert results.load(broken.out).environments()["workers"].tolist() == [2]

    asked = [*command(broken.out / "other", "ray", "--address", cluster.address), "--resource", "fast=2"]
    refused = subprocess.run(asked, env=broken.environment, capture_output=True, text=True)
    assert refused.returncode == 2 and not (broken.out / "other").exists()
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith("error: no node of the Ray cluster has CPU=1, fast=2 for a worker; it has ")
    assert {"1 x nothing", "1 x CPU=1, fast=1"} <= set(line.split("it has ")[1].split("; "))
