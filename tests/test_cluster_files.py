"""The files for clusters: shell and YAML that parse, and commands with options that exist."""

import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from ganscape import results

ROOT = Path(__file__).parents[1]
FILES = sorted(path for path in (ROOT / "docs" / "cluster").iterdir() if path.is_file())
GENERATOR = runpy.run_path(str(ROOT / "docs" / "generate_cli.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_parses(path):
    if path.suffix == ".yaml":
        assert yaml.safe_load(path.read_text())["apiVersion"] == "ray.io/v1"
    elif path.suffix == ".py":
        assert set(runpy.run_path(str(path))) >= {"wandb", "mlflow"}
    else:
        subprocess.run(["bash", "-n", str(path)], check=True)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix != ".py"], ids=lambda path: path.name)
def test_its_command_has_options_that_exist(path):
    text = path.read_text().replace("\\\n", " ")
    shape = re.search(r"SHAPE:-(.*)}", text)
    text = text.replace('"${SHAPE[@]}"', shape[1]) if shape else text
    if path.suffix == ".yaml":
        text = yaml.safe_load(text)["spec"]["entrypoint"]
    (line,) = re.findall(r"^ *ganscape run .*", text, flags=re.MULTILINE)
    known = {each.name for each in GENERATOR["parameters"](GENERATOR["commands"]()["run"])}
    asked = [word for word in shlex.split(line) if word.startswith("--")]
    assert len(asked) >= 5 and set(asked) <= known


def test_a_kuberay_job_has_workers_of_the_kind_that_it_asks_for():
    cluster = yaml.safe_load((ROOT / "docs" / "cluster" / "rayjob.yaml").read_text())["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    assert group["minReplicas"] >= 1
    (container,) = group["template"]["spec"]["containers"]
    assert "nvidia.com/gpu" in container["resources"]["limits"]
    assert container["volumeMounts"] == [{"name": "runs", "mountPath": "/runs"}]


SLURM = {
    "scontrol": "echo node1 node2 | tr ' ' '\\n' | head -n $SLURM_JOB_NUM_NODES",
    "srun": 'while [[ $1 == --* ]]; do shift; done; exec "$@"',
}
TINY = "--scale smoke --workers 1 --seeds 2 --set configs=1 --set images=6400 --set interval=640 --set samples=50"


@pytest.fixture
def slurm(tmp_path):
    """() -> the job, started on one node whose Slurm is stand-ins for its commands."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, body in SLURM.items():
        (commands / name).write_text(f"#!/bin/bash\n{body}\n")
        (commands / name).chmod(0o755)
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    job = {"SLURM_JOB_NODELIST": "node1", "SLURM_JOB_NUM_NODES": "1"}
    job |= {"SLURM_CPUS_PER_TASK": "2", "STUDY": "equal/defaults", "OUT": str(tmp_path / "out"), "SHAPE": TINY}
    started = []

    def submit():
        command, number = ["bash", str(ROOT / "docs" / "cluster" / "slurm.sbatch")], str(os.getpid() + len(started))
        with open(tmp_path / "log", "ab") as log:
            process = subprocess.Popen(
                command, env=os.environ | job | {"SLURM_JOB_ID": number, "PATH": path}, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        started.append(process)
        return process

    yield submit
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            continue


def run_on_ray(folder, callback, **variables):
    """Runs a study of a trial on Ray with a callback of docs/cluster/callbacks.py; returns its results."""
    pytest.importorskip(callback, reason=f"pip install {callback}")
    words = ["run", "equal/wide", "--methods", "vae", *TINY.replace("--seeds 2", "--seeds 1").split()]
    words += ["--executor", "ray", "--callback", f"callbacks:{callback}", "--out", str(folder / "out")]
    environment = os.environ | variables | {"PYTHONPATH": str(ROOT / "docs" / "cluster")}
    done = subprocess.run(
        [sys.executable, "-m", "ganscape", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return results.load(folder / "out")


@pytest.mark.slow
def test_weights_and_biases_is_told_every_score(tmp_path):
    """Offline: its file has the name that scores have and the value of the last one."""
    sweep = run_on_ray(tmp_path, "wandb", WANDB_MODE="offline", WANDB_DIR=str(tmp_path))
    (file,) = tmp_path.rglob("*.wandb")
    (trial,) = sweep.trials()["trial"]
    written = file.read_bytes()
    assert f"fd_digits/{trial}".encode() in written
    assert all(repr(value)[:9].encode() in written for value in sweep.scores()["value"])


@pytest.mark.slow
def test_mlflow_is_told_every_score(tmp_path):
    """Into a file of SQLite."""
    sweep = run_on_ray(tmp_path, "mlflow", MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path / 'mlflow.db'}")
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("ganscape")
    (trial,), runs = sweep.trials()["trial"], client.search_runs([experiment.experiment_id])
    name = f"fd_digits/{trial}"
    told = [
        point.value
        for run in runs
        if name in run.data.metrics
        for point in client.get_metric_history(run.info.run_id, name)
    ]
    assert set(sweep.scores()["value"]) == set(told)


def test_a_slurm_job_ends_where_ray_does_not_start(slurm, tmp_path):
    """And says so, in place of waiting until its limit: here by a `ray` that fails."""
    (tmp_path / "bin" / "ray").write_text("#!/bin/bash\nexit 1\n")
    (tmp_path / "bin" / "ray").chmod(0o755)
    assert slurm().wait(60) == 1
    assert "Ray has not started at" in (tmp_path / "log").read_text() and not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_slurm_job_that_met_its_limit_continues_when_submitted_again(slurm, tmp_path):
    def scores():
        try:
            return results.load(tmp_path / "out").scores()
        except results.StoreError:
            return []

    first, limit = slurm(), time.monotonic() + 240
    while not len(scores()) and first.poll() is None and time.monotonic() < limit:
        time.sleep(0.5)
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 130
    os.killpg(first.pid, signal.SIGTERM)
    before = set(scores()["trial"] + scores()["rung"].astype(str))
    assert before and (results.load(tmp_path / "out").trials()["status"] == "running").any()
    assert slurm().wait(240) == 0
    after = results.load(tmp_path / "out")
    assert before <= set(after.scores()["trial"] + after.scores()["rung"].astype(str))
    assert set(after.trials()["status"]) == {"done"}
