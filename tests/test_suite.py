"""What the suite does for its tests: none hangs, none leaves processes, none depends on the shell that started it."""

import os
import runpy
import shutil
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = """
import signal, subprocess, sys, time
from pathlib import Path

def test_that_hangs():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path("child").write_text(str(child.pid))
    try:
        child.wait()
        time.sleep(600)
    except Exception:
        pass

def test_after_it():
    code = "import signal; raise SystemExit(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Runs two tests with this conftest where the shell ignores SIGINT; returns the output and the id of a child."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "tests").mkdir()
    shutil.copy(HERE / "conftest.py", folder / "tests")
    (folder / "tests" / "test_two.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = slow\nlimit = 1\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "tests"]
    shell = f"trap '' INT; exec {' '.join(command)}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(["sh", "-c", shell], cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return done.stdout, int((folder / "child").read_text())


def test_a_test_that_hangs_fails_and_the_next_one_runs(ended):
    output, _ = ended
    assert "1 failed, 1 passed" in output
    assert "test_that_hangs took longer than 1 s" in output


def test_a_test_that_hangs_leaves_no_process(ended):
    with pytest.raises(ProcessLookupError):
        os.kill(ended[1], signal.SIGCONT)


def test_a_folder_of_a_run_goes_with_it_and_one_of_a_killed_run_with_the_next(tmp_path):
    make = (
        "import runpy, sys, pathlib\n"
        "folder = runpy.run_path(sys.argv[1], run_name='conftest')['own_folder'](pathlib.Path(sys.argv[2]), 'run')\n"
        "assert folder.is_dir()"
    )
    (tmp_path / "run-99999999-left").mkdir()
    (tmp_path / f"run-{os.getpid()}-other").mkdir()
    # As a worker of xdist, which makes no folders of its own.
    environment = os.environ | {"PYTEST_XDIST_WORKER": "gw0"}
    subprocess.run([sys.executable, "-c", make, HERE / "conftest.py", tmp_path], env=environment, check=True)
    assert [folder.name for folder in tmp_path.iterdir()] == [f"run-{os.getpid()}-other"]


def test_programs_are_kept_when_they_are_whole(tmp_path):
    keep = runpy.run_path(str(HERE / "conftest.py"), run_name="conftest")["keep_programs"]
    programs, kept = tmp_path / "programs", tmp_path / "kept"
    programs.mkdir()
    kept.mkdir()
    whole = zlib.compress(bytes(range(256)))
    (programs / "whole-cache").write_bytes(whole)
    (programs / "cut-cache").write_bytes(whole[:-5])
    (programs / "empty-cache").write_bytes(b"")
    keep(programs, kept)
    assert [file.name for file in kept.iterdir()] == ["whole-cache"]
    (programs / "whole-cache").unlink()
    assert (kept / "whole-cache").read_bytes() == whole


@pytest.mark.parametrize("flag, used", [("--xla_cpu_use_fusion_emitters=false", True), ("--xla_of_no_jaxlib=1", False)])
def test_flags_that_jaxlib_does_not_know_are_not_used_and_it_is_asked_once(flag, used, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    quick_flags = runpy.run_path(str(HERE / "conftest.py"), run_name="conftest")["quick_flags"]
    monkeypatch.setitem(quick_flags.__globals__, "ROOT", tmp_path)
    monkeypatch.setitem(quick_flags.__globals__, "QUICKER", flag)
    flags = quick_flags()
    assert (flag in flags.split()) == used and "--xla_cpu_multi_thread_eigen=false" in flags.split()
    monkeypatch.setattr(subprocess, "run", None)
    assert quick_flags() == flags
