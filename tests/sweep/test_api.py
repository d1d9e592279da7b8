"""The functions of `import ganscape`."""

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ganscape
from ganscape.results.store import STORE, open_store
from ganscape.search_spaces import STUDIES, Choice, LogUniform, Phase, Scale, Space, Study, StudyError
from ganscape.sweep import api

ROOT = Path(__file__).parents[2]
SCALE = Scale("digits", {"architecture": "mlp"}, 2, 1, 1280, 640, 400, "seconds")
STUDY = Study(
    "Which rate?", "mine", {"gan": Space({"z_dim": 8}, {"g_lr": LogUniform(1e-4, 1e-2)}, (), "mine")}, "random",
    {"smoke": SCALE},
)  # fmt: skip


def gan(**changes) -> Study:
    return STUDY._replace(methods={"gan": STUDY.methods["gan"]._replace(**changes)})


# Printed as JSON at the end of the page's blocks: what they have made, and what going on with a folder changes.
FACTS = """
again = ganscape.resume("runs/first", progress=False, workers=1)
import json
print(json.dumps({
    "trials": results.trials()["status"].tolist(),
    "unchanged": results.scores().equals(again.scores()),
    "best": [best["method"], best["value"]],
    "images": [images.shape, str(images.dtype), int(images.max())],
    "scores": {name: [item.value, item.better] for name, item in scores.items()},
    "planned": [planned.definition["study"], sorted(planned.methods), planned.definition["configs"]],
}))
"""


def test_the_page_s_code_is_a_script_that_runs_without_a_guard_against_being_imported(tmp_path):
    """A worker that imported the script would run its study again."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    (tmp_path / "script.py").write_text("print('started')\n" + "\n".join(blocks) + FACTS)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    started, line = done.stdout.splitlines()
    facts = json.loads(line)
    assert started == "started"
    assert facts["trials"] == ["done", "done"] and facts["unchanged"]
    assert facts["best"][0] == "vae" and facts["best"][1] > 0
    assert facts["images"][:2] == [[64, 8, 8, 1], "uint8"] and facts["images"][2] > 1
    assert {name: better for name, (_, better) in facts["scores"].items()} == {
        "fd_digits": "lower",
        "recall_digits": "higher",
    }
    assert facts["planned"] == ["hinge", ["plain", "r1"], 2]
    assert not (tmp_path / "runs" / "hinge").exists()
    assert "2 of 2 trials done" in done.stderr  # how far it is, as on the command line


def test_every_public_name_is_what_its_module_has_and_what_type_checkers_see():
    tree = ast.parse(Path(ganscape.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    typed = {alias.name: node.module for node in block.body for alias in node.names}
    assert sorted(["__version__", *typed]) == sorted(ganscape.__all__)
    for name, module in typed.items():
        assert getattr(ganscape, name) is getattr(importlib.import_module(module), name)
    assert set(ganscape.__all__) <= set(dir(ganscape))
    with pytest.raises(AttributeError, match="'walk'"):
        _ = ganscape.walk


def test_an_interruption_returns_what_there_is(tmp_path, monkeypatch, capsys):
    def interrupted(planned, out, **options):
        with open_store(out) as store:
            store.begin(planned.definition)
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "run_study", interrupted)
    results = ganscape.run(STUDY, out=tmp_path / "out", progress=False)
    assert results.study["study"] == "study" and results.trials().empty
    assert "interrupted" in capsys.readouterr().err


def test_an_interruption_before_there_is_anything_is_passed_on(tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "run_study", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ganscape.run(STUDY, out=tmp_path / "out", progress=False)
    assert not (tmp_path / "out" / STORE).exists()


@pytest.mark.parametrize(
    "study, text",
    [
        (gan(fixed={"los": "hinge"}), "unknown config field 'los' .did you mean 'loss'"),
        (gan(fixed={"loss": "hinge2"}), "unknown loss 'hinge2'"),
        (gan(fixed={"z_dim": np.float64(np.nan)}), "a value in it is no finite number"),
        (gan(fixed={"z_dim": {1}}), "cannot be written down: Object of type set"),
        (gan(dimensions={"g_lr": LogUniform(1e-4, 1e2), "beta1": LogUniform(0.1, 3.0)}), "beta1=.* is outside"),
        (gan(dimensions={"loss": Choice(("hinge", "nothing"))}), "unknown loss 'nothing'"),
        (gan(dimensions={"g_lr": (1e-4, 1e-2)}), "cannot be written down"),
        (gan(defaults=({"g_lr": -1.0},)), "g_lr=-1.0 is outside"),
        (STUDY._replace(methods={}), "has no methods"),
        (STUDY._replace(methods={"a/b": STUDY.methods["gan"]}), "method 'a/b' must be letters"),
        (STUDY._replace(searcher="randm"), "unknown searcher 'randm'.*did you mean 'random'"),
        (STUDY._replace(scales={"smoke": SCALE._replace(scheduler="hyperband")}), "unknown scheduler 'hyperband'"),
        (STUDY._replace(scales={"smoke": SCALE._replace(configs=0)}), "configs = 0 in scales.smoke"),
        (STUDY._replace(scales={"smoke": SCALE._replace(phases=(Phase("p", "none", 1, 1),))}), "unknown searcher"),
        (STUDY._replace(methods={"gan": "equal/wide"}), "cannot be written down"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_study_built_wrongly_is_refused_in_a_line_before_anything_is_written(study, text, tmp_path):
    with pytest.raises(StudyError, match=text) as error:
        ganscape.plan(study, out=tmp_path / "out")
    assert "\n" not in str(error.value) and "study.toml" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", STUDIES)
def test_every_shipped_study_could_have_been_built_in_python(name):
    assert api.plan.__module__ == "ganscape.sweep.plan"
    from ganscape.sweep.plan import find_study

    assert find_study(STUDIES[name]) == find_study(name)


def test_a_name_is_for_a_study_built_in_python_alone(tmp_path):
    planned = ganscape.plan(STUDY, out=tmp_path, name="rates")
    assert planned.definition["study"] == "rates"
    with pytest.raises(StudyError, match="'equal/wide' has a name"):
        ganscape.plan("equal/wide", out=tmp_path, name="mine")
    with pytest.raises(StudyError, match=r"name='\.\./x' must be letters"):
        ganscape.plan(STUDY, out=tmp_path, name="../x")


def test_an_array_has_the_score_of_the_same_images_in_a_file(tmp_path, digits):
    np.save(tmp_path / "images.npy", digits.train[:200])
    of_array = ganscape.score(digits.train[:200], "digits", "fd_pixels")
    assert of_array == ganscape.score(tmp_path / "images.npy", "digits", ["fd_pixels"])
    assert list(of_array) == ["fd_pixels"] and of_array["fd_pixels"].protocol.samples == 200


@pytest.mark.parametrize(
    "images, text",
    [
        (np.zeros((4, 8)), r"the array: shape \(4, 8\)"),
        (np.full((4, 8, 8, 1), 2.0), "the array: floats from 2 to 2"),
        (np.zeros((4, 9, 8, 1)), "images of 9x8x1 in the array cannot be compared with those of 8x8x1"),
    ],
)
def test_an_array_that_is_no_images_is_refused(images, text):
    with pytest.raises(ganscape.UserError, match=text):
        ganscape.score(images, "digits")


def test_a_generator_that_was_not_kept_is_said_and_how_to_get_it(recorded):
    with pytest.raises(ganscape.UserError, match=r"was not kept; ganscape sample .* --retrain trains it again"):
        ganscape.sample(recorded)


def test_the_page_on_benchmarks_runs():
    page = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    names: dict = {}
    exec("\n".join(re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)), names)
    assert names["answer"].value > 0 and names["surrogate"].error.log_rmse < names["surrogate"].error.baseline
