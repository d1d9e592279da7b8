import inspect
import json
import os
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest

from ganscape.data import load
from ganscape.errors import UserError
from ganscape.metrics import Protocol
from ganscape.results import frames
from ganscape.results.store import open_store
from ganscape.sweep import driver
from ganscape.sweep.commands import cli
from ganscape.sweep.executors.processes import worker_environment
from ganscape.sweep.plan import plan
from ganscape.sweep.resources import Resources

TINY = [
    *("--set", "configs=1", "--set", "images=1280", "--set", "interval=640", "--set", "samples=50"),
    *("--seeds", "1", "--workers", "1"),
]


@pytest.mark.parametrize(
    "words, fragments",
    [
        (["equal/wyde"], ["equal/wyde", "equal/wide", "equal/narrow"]),
        (["equal/wide", "--methods", "ns_gan,wgam"], ["wgam", "did you mean 'wgan'", "mm_gan, ns_gan"]),
        (["equal/wide", "--scale", "tiny"], ["tiny", "smoke, laptop, hour, overnight, paper"]),
        (["equal/wide", "--data", "nist"], ["nist", "digits", "mnist5k"]),
        (["equal/wide", "--executor", "slurm"], ["slurm", "local, ray"]),
        (["equal/wide", "--workers", "0"], ["workers=0", "at least 1"]),
        (["equal/wide", "--gpus-per-worker", "-1"], ["gpus_per_worker=-1"]),
        (["equal/wide", "--tpus-per-worker", "1"], ["TPU=1", "--executor ray"]),
        (["equal/wide", "--gpus-per-worker", "0.5", "--workers", "3"], ["GPU=0.5", "3 workers", "--executor ray"]),
        (["equal/wide", "--pin-cores", "--executor", "ray"], ["--pin-cores", "local workers", "taskset"]),
        (["equal/wide", "--pin-cores", "--cpus-per-worker", "4095"], ["cpus_per_worker=4095", "may use"]),
        (["equal/wide", "--scheduler", "hyperband"], ["'hyperband'", "none, median, halving, asha"]),
        (["equal/wide", "--resource", "fast"], ["--resource 'fast'", "NAME=AMOUNT"]),
        (["equal/wide", "--ranges-from", "/none"], ["/none", "no store"]),
        (["equal/wide", "--address", "127.0.0.1:6379"], ["--address", "--executor ray"]),
        (["equal/wide", "--max-failures", "2"], ["max_failures=2", "from 0 to 1"]),
        (["equal/wide", "--dry-run", "--max-failures", "3"], ["max_failures=3", "from 0 to 1"]),
        (["equal/wide", "--dry-run", "--retry", "lost,crash"], ["--retry", "'crash'", "did you mean 'crashed'"]),
        (["equal/wide", "--set", "penalty=wgangp"], ["penalty='wgangp'", "ns_gan has none"]),
        (["equal/wide", "--set", "optimizer=sgdd"], ["sgdd", "adam, rmsprop"]),
        (["equal/wide", "--set", "loss=hinge2"], ["hinge2", "hinge, jensen_shannon"]),
        (["equal/wide", "--set", "g_lr=-1"], ["g_lr=-1", "(0, inf)"]),
        (["equal/wide", "--set", "penalty_weight=1"], ["penalty_weight", "wgangp"]),
        (["equal/wide", "--set", "batchsize=1"], ["batchsize", "batch_size", "interval"]),
        (["equal/wide", "--set", "samples=1"], ["fd_digits", "at least 2"]),
        (["equal/wide", "--metric", "fd"], ["unknown metric 'fd'", "fid, inception_score", "pixels, digits"]),
        (["equal/wide", "--metric", "recall_digits"], ["of recall_digits higher is better", "fid, or one of fd, "]),
        (["equal/wide", "--metric", "fd_mnist"], ["'mnist' takes images of 28x28x1, not 8x8x1"]),
        (["equal/wide", "--metric", "fid", "--weights", "/nowhere"], ["inception needs weights", "put it in /nowhere"]),
        (["equal/wide", "--data", "mnist", "--data-root", "/dev/null"], ["/dev/null", "folder"]),
    ],
    ids=lambda value: " ".join(value[-2:]),
)
def test_a_mistake_is_one_line_and_exit_code_2_and_nothing_is_written(
    ganscape, refused, tmp_path, monkeypatch, words, fragments
):
    monkeypatch.setenv("GANSCAPE_WEIGHTS", str(tmp_path))
    refused(ganscape("run", *words, "--out", tmp_path / "out"), *fragments)
    assert not (tmp_path / "out").exists()


def test_an_assignment_without_a_value_is_refused(ganscape, refused, tmp_path):
    refused(ganscape("run", "equal/wide", "--set", "loss", "--out", tmp_path / "out"), "'loss'", "NAME=VALUE")


def test_a_foreign_folder_is_refused_and_left_as_it_is(ganscape, refused, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    refused(ganscape("run", "equal/wide", "--out", tmp_path), "thesis.tex", "not an output folder")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_unwritable_place_is_refused(ganscape, refused, tmp_path):
    (tmp_path / "file").write_text("")
    refused(ganscape("run", "equal/wide", "--out", tmp_path / "file" / "out"), "file")


def test_workers_keep_programs_in_the_cache_folder_that_is_named(ganscape, tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    told = []
    monkeypatch.setattr(cli, "run_plan", lambda *_, **__: told.append(worker_environment("OUT/xla-cache", Resources())))
    for words in (["--cache-dir", tmp_path / "programs"], []):
        assert (
            ganscape("run", "equal/defaults", "--methods", "vae", *TINY, "--out", tmp_path / "out", *words).exit_code
            == 0
        )
    inside = ("--cache-dir", tmp_path / "new" / "programs")
    assert (
        ganscape("run", "equal/defaults", "--methods", "vae", *TINY, "--out", tmp_path / "new", *inside).exit_code == 0
    )
    assert told.pop()["JAX_COMPILATION_CACHE_DIR"] == str(inside[1])
    assert not (tmp_path / "new").exists(), "OUT is made by the store, which refuses a folder of other things"
    assert told[0]["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "programs") and (tmp_path / "programs").is_dir()
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    assert worker_environment("OUT/xla-cache", Resources())["JAX_COMPILATION_CACHE_DIR"] == "OUT/xla-cache"


def test_names_are_listed_and_shown(ganscape, refused):
    listed = ganscape("list")
    assert listed.exit_code == 0
    for name in ("equal/wide", "equal/narrow", "equal/defaults", "digits", "mnist5k", "triangles"):
        assert name in listed.output
    shown = ganscape("show", "equal/wide")
    assert shown.exit_code == 0
    for text in ("LogUniform(1e-05, 0.01)", "first 5e-05", "1711.10337", "wgan_gp", "laptop"):
        assert text in shown.output
    authors = ganscape("show", "equal/defaults").output
    for text in ("weight_clipping", "5e-05", "architecture=infogan", "z_dim=64", "10,000"):
        assert text in authors
    refused(ganscape("show", "equal/wild"), "equal/wild", "equal/wide")


def test_a_second_driver_is_refused(ganscape, tmp_path):
    from ganscape.results.store import open_store

    with open_store(tmp_path / "out"):
        other = subprocess.run(
            [sys.executable, "-m", "ganscape", "run", "equal/defaults", *TINY, "--out", str(tmp_path / "out")],
            capture_output=True,
            text=True,
        )
    assert other.returncode == 2
    *warnings, last = other.stderr.strip().splitlines()
    assert "is being written by process" in last and all(line.startswith("warning: fd_digits") for line in warnings)


def test_values_are_read_as_json_where_they_are(monkeypatch):
    from ganscape.sweep.commands.settings import OPTIONS, parse_settings

    assert parse_settings(["a=1", "b=1e-3", "c=true", "d=hinge"]) == {"a": 1, "b": 1e-3, "c": True, "d": "hinge"}
    for text in ("null", "[1]", "{}"):
        with pytest.raises(UserError, match="must be one value"):
            parse_settings([f"e={text}"])
    for name in OPTIONS:
        assert name in inspect.signature(cli.run).parameters
        with pytest.raises(UserError, match=f"^--set '{name}=2': {name} is an option of its own, --{name} 2$"):
            parse_settings([f"{name}=2"])


@pytest.fixture
def handwritten(tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, load("digits").train[:40])
    return path


def test_scores_come_as_a_table_or_as_lines_of_json(ganscape, handwritten):
    words = ["score", "--images", handwritten, "--against", "digits", "--metric", "fd_digits,precision_pixels"]
    table, lines = ganscape(*words), ganscape(*words, "--json")
    assert table.exit_code == lines.exit_code == 0
    found = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [each["metric"] for each in found] == ["fd_digits", "precision_pixels"]
    assert [each["better"] for each in found] == ["lower", "higher"]
    for each in found:
        assert Protocol(**each["protocol"]).fingerprint == each["fingerprint"]
        row = next(line for line in table.stdout.splitlines() if each["metric"] in line)
        assert f"{each['value']:.6g}" in row and each["better"] in row and each["fingerprint"] in row
    assert "40 images against digits/test (797)" in table.stdout


@pytest.mark.parametrize(
    "words, fragments",
    [
        (["--against", "digits", "--metric", "fad"], ["unknown metric 'fad'", "fd, ", "pixels, digits, mnist"]),
        (["--against", "digits", "--metric", "fid"], ["inception needs weights", "get pt_inception-2015-12-05"]),
        (["--against", "digits", "--metric", "fd_mnist"], ["28x28x1, not 8x8x1"]),
        (["--against", "nist"], ["'nist'", "digits, fashion_mnist, lsun_bedroom"]),
        (["--against", "digits", "--samples", "41"], ["samples=41", "40 images"]),
        (["--against", "digits", "--metric", "density_digits", "--samples", "5"], ["density_digits", "at least 6"]),
        (["--against", "digits", "--metric", "prd_recall_digits"], ["prd_recall_digits", "not 40 against 797"]),
    ],
)
def test_images_that_cannot_be_scored_are_refused_in_one_line(
    ganscape, refused, handwritten, tmp_path, monkeypatch, words, fragments
):
    monkeypatch.setenv("GANSCAPE_WEIGHTS", str(tmp_path))
    refused(ganscape("score", "--images", handwritten, *words), *fragments)


def test_images_that_are_none_are_refused_in_one_line(ganscape, refused, tmp_path):
    refused(ganscape("score", "--images", tmp_path, "--against", "digits"), "no pictures in", tmp_path.name)


STUDY = """\
question = "Does momentum help?"
searcher = "random"

[methods.plain]
fixed = {loss = "hinge", beta1 = 0.0}
ranges.learning_rate = {low = 1e-4, high = 1e-3, log = true}

[methods.momentum]
fixed = {loss = "hinge", beta1 = 0.5}
ranges.learning_rate = {low = 1e-4, high = 1e-3, log = true}

[scales.smoke]
data = "digits"
settings = {architecture = "mlp", batch_size = 32, z_dim = 8}
configs = 2
seeds = 1
images = 640
interval = 320
samples = 100

[[scales.smoke.phases]]
name = "confirm"
searcher = "best"
configs = 1
seeds = 2
"""


def test_a_study_of_one_s_own_runs_from_its_file(ganscape, refused, tmp_path):
    """Two methods, two configs each, the better one again on two fresh seeds."""
    file = tmp_path / "my_study.toml"
    file.write_text(STUDY)
    out = tmp_path / "out"
    ran = ganscape("run", file, "--out", out, "--workers", "1")
    assert ran.exit_code == 0, ran.stderr
    found = frames.load(out)
    assert found.study["study"] == "my_study" and found.study["question"] == "Does momentum help?"
    counts = found.trials().groupby(["method", "phase"]).size().to_dict()
    assert counts == {(name, phase): 2 for name in ("plain", "momentum") for phase in ("random", "confirm")}
    assert set(found.confirmed()["seed"]) == {1, 2}
    file.write_text(STUDY.replace("batch_size", "batchsize"))
    refused(ganscape("run", file, "--out", out), f"{file}:14:", "batchsize", "batch_size")


def test_a_study_is_shown_with_its_phases_its_cost_and_as_a_file(ganscape, tmp_path):
    shown = ganscape("show", "landscape/reg-norm").output
    for text in (
        "defaults: 24 configs x 5 seeds",
        "in 12 rounds of 10",
        "disc_iters=5",
        "32,256,000,000",
        "1807.04720",
    ):
        assert text in shown
    file = tmp_path / "mine.toml"
    file.write_text(ganscape("show", "equal/wide", "--toml").output)
    again = ganscape("show", file, "--toml").output
    assert again == file.read_text() and "weight_clipping" in again


def test_a_plan_is_made_for_the_metric_that_is_asked_for(tmp_path):
    usual, other = (plan("equal/wide", out=tmp_path, metric=name) for name in (None, "kid_random_conv"))
    assert (usual.protocol.metric, other.protocol.metric) == ("fd_digits", "kid_random_conv")
    changed = {"metric": "kid_random_conv", "protocol": other.protocol.fingerprint}
    assert other.definition == usual.definition | changed
    assert other.workload.metric == "kid_random_conv" and other.protocol.encoder == "random_conv"


def test_the_version_is_printed_and_h_is_help(ganscape):
    assert ganscape("--version").stdout == f"ganscape {version('ganscape')}\n"
    for words in ([], ["run"], ["calibrate", "floor"]):
        assert ganscape(*words, "-h").stdout == ganscape(*words, "--help").stdout != ""


def test_the_earlier_name_of_calibrate_works_and_is_not_listed(ganscape):
    assert ganscape("worth", "floor", "--help").stdout.replace("worth floor", "calibrate floor").split() == (
        ganscape("calibrate", "floor", "--help").stdout.split()
    )
    listed = ganscape("--help").stdout.split()
    assert "calibrate" in listed and "worth" not in listed


def test_an_interrupted_sweep_leaves_a_report(ganscape, tmp_path, monkeypatch):
    def interrupted(planned, folder, **options):
        with open_store(folder) as store:
            store.begin(planned.definition)
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "run_study", interrupted)
    told = ganscape("run", "equal/wide", *TINY, "--out", tmp_path / "out")
    assert told.exit_code == 130 and told.stderr.splitlines()[-1] == "interrupted; the same command continues"
    assert "<html" in (tmp_path / "out" / "report.html").read_text()


def test_an_interruption_before_there_is_a_store_is_one_line(ganscape, tmp_path, monkeypatch):
    def interrupted(planned, folder, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "run_study", interrupted)
    told = ganscape("run", "equal/wide", *TINY, "--out", tmp_path / "out")
    *warnings, last = told.stderr.splitlines()
    assert told.exit_code == 130 and last == "interrupted; the same command continues"
    assert all(line.startswith("warning: fd_digits") for line in warnings)
    assert not (tmp_path / "out").exists()


def test_a_shell_completes_commands_and_names_of_studies():
    def complete(words: str) -> list[str]:
        asked = {"_GANSCAPE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        command = [sys.executable, "-m", "ganscape"]
        done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, timeout=60)
        return done.stdout.split()

    assert complete("ganscape repo") == ["report"]
    assert complete("ganscape show equal/w") == ["equal/wide"]
