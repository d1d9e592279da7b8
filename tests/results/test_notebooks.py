import ast
import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "notebooks" / "quickstart.ipynb"  # it runs a sweep; the others read results
NOTEBOOKS = sorted(set((ROOT / "notebooks").glob("*.ipynb")) - {QUICKSTART})


def code(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_output_and_reads_results_only(path):
    for cell in code(path):
        assert cell["outputs"] == [] and cell["execution_count"] is None
        for node in ast.walk(ast.parse("".join(cell["source"]).removeprefix("%matplotlib inline\n"))):
            names = [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            ours = [name for name in names if name.startswith("ganscape")]
            assert all(name.startswith("ganscape.results") for name in ours)
            assert {name.split(".")[0] for name in names} <= {"ganscape", "os", "math", "numpy", "pandas"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_the_recorded_study(path, tmp_path, monkeypatch):
    shown = outputs(path, tmp_path, monkeypatch)
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert not [output for output in shown if output.output_type == "error" or output.get("name") == "stderr"]


def outputs(path, folder, monkeypatch) -> list:
    """What the cells of a notebook show when it runs in a folder."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install ganscape[notebooks]")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install ganscape[notebooks]")
    import nbformat

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(folder))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.delenv("GANSCAPE_OUT", raising=False)
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.slow
def test_the_quickstart_leads_from_nothing_to_a_winner_s_samples(tmp_path, monkeypatch):
    assert all(cell["outputs"] == [] for cell in code(QUICKSTART))
    shown = outputs(QUICKSTART, tmp_path, monkeypatch)
    texts = [output["data"].get("text/plain", "") for output in shown if "data" in output]
    assert any("100%" in text and "12 done, 0 failed" in text for text in texts)  # the bar, at its end
    assert sum("image/png" in output.get("data", {}) for output in shown) == 2
    assert any("1000 samples against digits/test (797)" in text for text in texts)
    assert not [output for output in shown if output.output_type == "error" or output.get("name") == "stderr"]


def test_the_notebooks_are_there():
    assert len(NOTEBOOKS) == 4
