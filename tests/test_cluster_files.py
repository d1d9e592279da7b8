"""The files for clusters: shell and YAML that parse, and commands with options that exist."""

import re
import runpy
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

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
