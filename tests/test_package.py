"""The package as it is found on the path: beside an older installation, and without its links."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import ganscape

PACKAGE = Path(ganscape.__file__).parent


def python(folder, *words):
    """A fresh interpreter with a folder in front of its path."""
    command, environment = [sys.executable, *words], os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_an_older_installation_on_the_path_is_told_in_one_line(tmp_path):
    facts = tmp_path / "ganscape-0.0.9.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: ganscape\nVersion: 0.0.9\n")
    (facts / "top_level.txt").write_text("data\nmodels\nsweep\n")
    told = python(tmp_path, "-m", "ganscape", "--version")
    assert told.returncode == 1 and told.stdout == ""
    assert told.stderr.splitlines() == [
        f"an older Ganscape, of several top-level packages, is installed in {tmp_path}; run: pip uninstall ganscape"
    ]
    (facts / "top_level.txt").write_text("ganscape\n")
    assert python(tmp_path, "-m", "ganscape", "--version").returncode == 0


def test_a_checkout_without_its_links_says_so(tmp_path):
    """As some tools unpack an archive: a link becomes a file with the path that it pointed to."""
    (tmp_path / "ganscape").mkdir()
    shutil.copy(PACKAGE / "__init__.py", tmp_path / "ganscape")
    (tmp_path / "ganscape" / "sweep").write_text("../../sweep")
    told = python(tmp_path, "-c", "import ganscape")
    assert told.returncode == 1
    assert "has lost its links" in told.stderr.splitlines()[-1] and "clone with git" in told.stderr.splitlines()[-1]
