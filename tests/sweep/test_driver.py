import importlib.metadata
import subprocess

import pytest

from sweep import driver
from sweep.executors import ExecutorError, Resources, check_executor, cores, default_workers


def test_the_environment_says_what_ran():
    found = driver.environment()
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
    ],
)
def test_what_means_nothing_to_an_executor_is_refused(arguments, text):
    with pytest.raises(ExecutorError, match=text):
        check_executor(*arguments)


def test_workers_share_the_cores():
    assert default_workers(Resources()) == cores()
    assert default_workers(Resources(cpus=10_000)) == 1
