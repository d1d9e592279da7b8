import importlib.metadata
import subprocess

import pytest

from ganscape.results.store import open_store
from ganscape.sweep import driver
from ganscape.sweep.executors import EXECUTORS, check_executor
from ganscape.sweep.plan import plan
from ganscape.sweep.resources import Cluster, ExecutorError, Resources, cores, default_workers, with_others


def test_the_environment_says_what_ran(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_of_mine=1")
    found = driver.environment()
    assert found["xla_flags"] == "--xla_of_mine=1"
    assert found["versions"]["jax"] == importlib.metadata.version("jax")
    assert found["versions"]["ganscape"] == importlib.metadata.version("ganscape")
    assert found["cores"] == cores() >= 1 and found["processor"]


def test_the_commit_is_the_checkouts_own(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "driver.py").write_text("")
    monkeypatch.setattr(driver, "__file__", str(tmp_path / "sweep" / "driver.py"))
    assert driver._commit() is None
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert driver._commit() == head
    (tmp_path / "sweep" / "driver.py").write_text("changed")
    assert driver._commit() == f"{head}+"


def test_code_inside_another_checkout_has_no_commit(tmp_path, monkeypatch):
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q"], check=True)
    (tmp_path / "site-packages" / "sweep").mkdir(parents=True)
    monkeypatch.setattr(driver, "__file__", str(tmp_path / "site-packages" / "sweep" / "driver.py"))
    assert driver._commit() is None


@pytest.mark.parametrize(
    "arguments, text",
    [
        (("slurm", None, Resources()), "unknown executor 'slurm'; one of: local, ray"),
        (("local", 0, Resources()), "workers=0"),
        (("ray", 1, Resources(cpus=0)), "cpus_per_worker=0 must be above 0"),
        (("ray", 1, Resources(gpus=-0.5)), "gpus_per_worker=-0.5 must be at least 0"),
        (("ray", 1, Resources(tpus=float("nan"))), "tpus_per_worker=nan"),
        (("ray", 1, Resources(tpus=3)), "tpus_per_worker=3 must be one of: 0, 1, 2, 4, 8"),
        (("ray", 1, Resources(gpus=1.5)), r"gpus_per_worker=1\.5 must be a share of one GPU or a whole number"),
        (("ray", 1, Resources(others=(("fast", -1.0),))), "fast_per_worker=-1 must be at least 0"),
        (("local", 1, Resources(), Cluster("auto")), "--address means nothing to executor 'local'; use --executor ray"),
        (("local", 1, Resources(), Cluster(callbacks=("a:b",))), "--callback means nothing to executor 'local'"),
    ],
)
def test_what_means_nothing_to_an_executor_is_refused(arguments, text):
    with pytest.raises(ExecutorError, match=text):
        check_executor(*arguments)


def test_workers_share_the_cores():
    assert default_workers(Resources()) == cores()
    assert default_workers(Resources(cpus=10_000)) == 1


def test_other_resources_are_named_as_the_cluster_does():
    found = with_others(Resources(gpus=0.25), ["TPU=4", "fast=0.5", "CPU=2"])
    assert found == Resources(2.0, 0.25, 4.0, (("fast", 0.5),))
    assert found.named() == {"CPU": 2.0, "GPU": 0.25, "TPU": 4.0, "fast": 0.5}
    for text in ("fast", "=1", "fast=much"):
        with pytest.raises(ExecutorError, match=f"--resource {text!r} must be NAME=AMOUNT"):
            with_others(Resources(), [text])


def test_local_workers_have_no_resources_of_a_cluster(tmp_path):
    opened = EXECUTORS["local"](tmp_path, 2, Resources(others=(("fast", 1.0),)), Cluster())
    with pytest.raises(ExecutorError, match="cannot give CPU=1 fast=1 to each of 2 workers"), opened:
        pass


def test_the_share_of_failures_is_a_share(tmp_path):
    with pytest.raises(ExecutorError, match=r"max_failures=1\.5 must be a share"):
        driver.run_study(plan("equal/wide", out=tmp_path), tmp_path, max_failures=1.5)


def test_what_numbers_depend_on_and_has_changed_since_the_last_start_is_said():
    before = {"processor": "Old", "xla_flags": "", "versions": {"jaxlib": "0.9.0", "ray": "1"}, "cores": 2}
    now = {"processor": "New", "xla_flags": "", "versions": {"jaxlib": "0.10.2", "ray": "2"}, "cores": 64}
    changes = driver.circumstances_between(before, now)
    assert [change.partition(";")[0] for change in changes] == [
        "continued on another processor: Old before, New now",
        "continued on another jaxlib: 0.9.0 before, 0.10.2 now",
    ]
    assert driver.circumstances_between(now, now) == []


def test_a_new_folder_and_the_same_machine_have_nothing_to_say(tmp_path, monkeypatch):
    assert driver.changed_circumstances(tmp_path) == []
    with open_store(tmp_path / "out") as store:
        store.add_environment(driver.environment())
    assert driver.changed_circumstances(tmp_path / "out") == []
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    (change,) = driver.changed_circumstances(tmp_path / "out")
    assert "XLA_FLAGS" in change and "fast_math" in change
