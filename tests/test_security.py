"""What SECURITY.md says, as far as the code can be asked."""

import ast
import contextlib
import getpass
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
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


# Runs in every Python process of a command: notes what is opened to be written, removed or connected to.
HOOK = """
import json, os, sys

def note(event, values):
    if event == "open" and isinstance(values[0], str) and values[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        tell("write", os.path.abspath(values[0]))
    elif event == "sqlite3.connect" and os.fsdecode(values[0]) != ":memory:":
        tell("write", os.path.abspath(os.fsdecode(values[0]).removeprefix("file://").partition("?")[0]))
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.symlink"):
        tell("write", os.path.abspath(os.fsdecode(values[1 if event in ("os.rename", "os.symlink") else 0])))
    elif event in ("socket.connect", "socket.bind") and isinstance(values[1], tuple):
        tell("network", repr(values[1]))
    elif event == "socket.getaddrinfo":
        tell("network", repr(values[0]))

def tell(what, culprit):
    descriptor = os.open(LEDGER, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, (json.dumps([what, culprit]) + chr(10)).encode())
    os.close(descriptor)

LEDGER = os.environ["LEDGER"]
sys.addaudithook(lambda event, values: LEDGER not in values and note(event, values))
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A sweep of one trial, in a home, a working folder and a folder for temporary files of its own; with what its
    processes wrote to and connected to."""
    folder = tmp_path_factory.mktemp("watched")
    for name in ("home", "work", "hook", "temporary"):
        (folder / name).mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    (folder / "ledger").touch()
    words = ["run", "equal/wide", "--methods", "vae", "--seeds", "1", "--workers", "1", "--out", str(folder / "out")]
    words += ["--set", "configs=1", "--set", "images=640", "--set", "interval=640", "--set", "samples=50"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "GANSCAPE"))}
    environment |= {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        "PYTHONPATH": str(folder / "hook"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LEDGER": str(folder / "ledger"),
    }
    command = [sys.executable, "-W", "ignore", "-m", "ganscape", *words]
    ran = subprocess.run(command, cwd=folder / "work", env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    lines = (folder / "ledger").read_text().splitlines()
    return folder, [tuple(json.loads(line)) for line in dict.fromkeys(lines)]


def test_a_sweep_writes_nothing_outside_its_folder_and_the_caches(watched):
    folder, events = watched
    home, programs = folder / "home", Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    matplotlib = (home / ".cache" / "matplotlib", home / ".config" / "matplotlib", home / ".cache", home / ".config")
    allowed = (folder / "out", folder / "temporary", home / ".cache" / "ganscape", programs, *matplotlib)
    written = {Path(culprit) for what, culprit in events if what == "write"} - {Path(os.devnull)}
    assert folder / "out" / "store.sqlite" in written, "the hook sees nothing"
    assert not {path for path in written if not any(path.is_relative_to(place) for place in allowed)}
    assert not any((folder / "work").iterdir()) and not any((folder / "temporary").iterdir())
    kept = {"/".join(path.relative_to(home).parts[:2]) for path in home.rglob("*") if path.is_file()}
    assert kept <= {".cache/ganscape", ".cache/matplotlib"}


def test_a_sweep_opens_no_connection(watched):
    assert [culprit for what, culprit in watched[1] if what == "network"] == []


def test_a_report_names_no_user_no_machine_and_no_folder_that_was_not_given(watched):
    folder, _ = watched
    page = (folder / "out" / "report.html").read_text().replace(str(folder / "out"), "OUT")
    revealing = [platform.node(), str(folder), os.path.expanduser("~"), str(ROOT), sys.prefix]
    if getpass.getuser() != "root":
        revealing.append(getpass.getuser())
    assert not [word for word in revealing if re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", page)]


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
