"""What SECURITY.md says, as far as the code can be asked."""

import ast
import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = [
    path
    for folder in ("data", "metrics", "models", "results", "search_spaces", "sweep", "src/ganscape")
    for path in (ROOT / folder).rglob("*.py")
]
# Modules that the user names, which SECURITY.md says are run.
PLUGINS = {("sweep/plugins.py", "exec"), ("sweep/plugins.py", "compile")}
# Messages between processes that the same user started, and a reader of PyTorch files that can call nothing.
PICKLE = {"sweep/executors/ray_tune.py", "sweep/executors/ray_cluster.py", "metrics/encoders/torch_file.py"}


def risks(path):
    """What a module does that could run code of others, in words."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names} | {getattr(node, "module", None)}
            if {"pickle", "cloudpickle", "dill", "shelve", "marshal"} & names:
                yield "pickle"
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec", "compile"):
                yield node.func.id
            if isinstance(node.func, ast.Attribute) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                allowed = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if allowed.get("allow_pickle", "False") != "False":
                    yield "np.load"


def test_nothing_is_unpickled_or_evaluated():
    found = {(path.relative_to(ROOT).as_posix(), risk) for path in MODULES for risk in risks(path)}
    assert found <= {(path, "pickle") for path in PICKLE} | PLUGINS
    assert ("metrics/encoders/torch_file.py", "pickle") in found, "the scan sees nothing"


def test_a_server_listens_on_this_machine_alone_unless_told_otherwise():
    (function,) = (
        node
        for node in ast.walk(ast.parse((ROOT / "sweep/commands/results.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name == "serve"
    )
    defaults = dict(
        zip([argument.arg for argument in function.args.args][::-1], function.args.defaults[::-1], strict=False)
    )
    assert ast.literal_eval(defaults["host"]) == "127.0.0.1"


def test_links_among_the_pictures_of_a_folder_are_not_followed_when_it_is_merged(tmp_path):
    from ganscape.sweep.merging import _copy_samples

    for folder in ("source/samples/a", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.png").write_bytes(b"picture")
    (tmp_path / "source/samples/a/2.png").symlink_to(tmp_path / "elsewhere/1.png")
    (tmp_path / "source/samples/b").symlink_to(tmp_path / "elsewhere")
    _copy_samples([tmp_path / "source"], tmp_path / "target")
    assert [path.relative_to(tmp_path / "target").as_posix() for path in (tmp_path / "target").rglob("*.png")] == [
        "samples/a/1.png"
    ]


def test_a_store_whose_trial_would_lead_out_of_its_folder_is_not_continued(tmp_path, monkeypatch):
    from ganscape.results.frames import RECORDED
    from ganscape.results.store import StoreError
    from ganscape.sweep import driver

    monkeypatch.setattr(driver, "united_plan", lambda plan, out: plan)
    shutil.copy(RECORDED / "equal_wide_digits" / "store.sqlite", tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as db:
        (trial,) = db.execute("SELECT min(trial) FROM trials").fetchone()
        for table in ("trials", "scores"):
            db.execute(f"UPDATE {table} SET trial = '../../x' WHERE trial = ?", (trial,))
    with pytest.raises(StoreError, match=r"'\.\./\.\./x' of a row of trials cannot be the name of a folder"):
        driver.run_study(None, tmp_path)  # type: ignore[arg-type] - refused before there is a plan to follow
