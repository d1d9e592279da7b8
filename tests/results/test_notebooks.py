import ast
import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from ganscape.results import plots

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "notebooks" / "quickstart.ipynb"  # it runs a sweep; the others read results
GALLERY = ROOT / "notebooks" / "gallery.ipynb"
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


def run(paths, folder) -> dict:
    """notebook -> the outputs of its cells. One kernel runs all in a folder, and forgets its variables between them."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install ganscape[notebooks]")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install ganscape[notebooks]")
    import nbformat

    cells = {}
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        cells[path] = [cell for cell in notebook.cells if cell.cell_type == "code"]
        cells[path].append(nbformat.v4.new_code_cell("%reset -f"))
    notebook.cells = [cell for each in cells.values() for cell in each]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(folder))
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        patch.delenv("GANSCAPE_OUT", raising=False)
        resources = {"metadata": {"path": str(folder)}}
        nbclient.NotebookClient(notebook, timeout=600, allow_errors=True, resources=resources).execute()
    return {path: [output for cell in each for output in cell.outputs] for path, each in cells.items()}


def show(cell, names) -> object:
    """Runs a cell as IPython does and draws what its last line gives: a figure, or a table as HTML; returns that."""
    tree = ast.parse("".join(cell["source"]).removeprefix("%matplotlib inline\n"))
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    shown = eval(compile(last, "cell", "eval"), names) if last else None
    if isinstance(shown, Figure):
        shown.canvas.draw()
    elif hasattr(shown, "_repr_html_"):
        shown._repr_html_()
    return shown


@pytest.mark.parametrize("path", sorted({*NOTEBOOKS} - {GALLERY}), ids=lambda path: path.stem)
def test_a_notebook_s_cells_run_on_the_recorded_study(path, tmp_path, monkeypatch):
    """In this process, which has loaded what they import."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANSCAPE_OUT", raising=False)
    names = {}
    shown = [show(cell, names) for cell in code(path)]
    assert any(isinstance(each, Figure) for each in shown)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_notebooks_run_in_jupyter_s_kernel(tmp_path):
    for path, outputs in run(NOTEBOOKS, tmp_path).items():
        assert any("image/png" in output.get("data", {}) for output in outputs), path
        assert not [each for each in outputs if each.output_type == "error" or each.get("name") == "stderr"], path


@pytest.mark.slow
def test_the_quickstart_leads_from_nothing_to_a_winner_s_samples(tmp_path):
    assert all(cell["outputs"] == [] for cell in code(QUICKSTART))
    shown = run([QUICKSTART], tmp_path)[QUICKSTART]
    texts = [output["data"].get("text/plain", "") for output in shown if "data" in output]
    assert any("100%" in text and "8 done, 0 failed" in text for text in texts)  # the bar, at its end
    assert sum("image/png" in output.get("data", {}) for output in shown) == 2
    assert any("1000 samples against digits/test (797)" in text for text in texts)
    assert not [output for output in shown if output.output_type == "error" or output.get("name") == "stderr"]


def test_the_notebooks_are_there():
    assert len(NOTEBOOKS) == 5


def test_the_gallery_has_every_figure():
    shown = GALLERY.read_text(encoding="utf-8")
    drawn = {name for name in plots.__all__ if name not in ("STUDIES_FIGURES", "points", "style", "top_points")}
    assert {name for name in drawn if f"plots.{name}(" not in shown} == set()
