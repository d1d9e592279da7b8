"""`ganscape` is one import name: it works in folders that hold the user's own data/, models/, results.py, and from
a wheel that holds everything it needs."""

import configparser
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("data", "metrics", "models", "results", "search_spaces", "sweep")
SWEEP = "run equal/wide --methods vae --set configs=1 --seeds 1 --set images=640 --set interval=320 --set samples=100"
# Prints modules of ours that are loaded under another name than ganscape, or from one file under two names.
CHECK = """
import collections, sys
from pathlib import Path
files = collections.defaultdict(set)
environment = Path(sys.prefix).resolve()  # often a folder of the checkout
for name, module in list(sys.modules.items()):
    file = getattr(module, "__file__", None)
    if not file or name.startswith("__"):
        continue
    file = Path(file).resolve()
    if file.is_relative_to(ROOT) and not file.is_relative_to(environment):
        files[file].add(name)
print([names for names in files.values() if len(names) > 1 or not all(n.split(".")[0] == "ganscape" for n in names)])
"""

# Makes packages that are there absent: the first finder that is asked raises.
ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture
def hostile(tmp_path):
    """A folder with modules of a user's own under the names of our folders; importing one of them fails."""
    (tmp_path / "data").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise RuntimeError('the user\\'s models')")
    for name in ("metrics", "results", "search_spaces", "sweep"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('the user\\'s {name}')")
    return tmp_path


def run(*command, cwd, **environment):
    environment = {**os.environ, **environment}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_script_beside_modules_of_the_same_names_imports_ganscape(hostile):
    imports = "".join(f"import ganscape.{folder}\n" for folder in FOLDERS)
    check = CHECK.replace("ROOT", repr(str(ROOT)))
    script = "from ganscape.data import load\nprint(load('digits').train.shape[1:])\n" + imports
    (hostile / "script.py").write_text(script + "import ganscape.sweep.driver\n" + check)
    assert run(sys.executable, "script.py", cwd=hostile).splitlines() == ["(8, 8, 1)", "[]"]


def test_python_m_and_the_console_script_run_beside_modules_of_the_same_names(hostile):
    lists = {run(sys.executable, "-m", "ganscape", "list", cwd=hostile)}
    script = Path(sys.executable).with_name("ganscape")
    if script.exists():
        lists.add(run(script, "list", cwd=hostile))
    assert len(lists) == 1 and "equal/wide" in lists.pop()


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["local", "ray"])
def test_workers_train_beside_modules_of_the_same_names(hostile, executor):
    run(
        sys.executable,
        "-m",
        "ganscape",
        *SWEEP.split(),
        "--executor",
        executor,
        "--workers",
        1,
        "--out",
        "out",
        cwd=hostile,
    )
    from ganscape.results import load

    trials = load(hostile / "out").trials()
    assert list(trials["status"]) == ["done"]


@pytest.mark.slow
def test_a_notebook_beside_modules_of_the_same_names_imports_ganscape(hostile):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    cell = nbformat.v4.new_code_cell("from ganscape.data import load\nprint(load('digits').train.shape[1:])")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(hostile)}}).execute()
    assert notebook.cells[0].outputs[0].text == "(8, 8, 1)\n"


def test_the_folders_are_links_in_the_checkout():
    for folder in FOLDERS:
        link = ROOT / "src" / "ganscape" / folder
        assert link.is_symlink() and os.readlink(link) == f"../../{folder}"


def test_a_checkout_without_links_says_what_to_do(tmp_path):
    package = tmp_path / "ganscape"
    package.mkdir()
    for file in (ROOT / "src" / "ganscape").glob("*.py"):
        (package / file.name).write_text(file.read_text())
    for folder in FOLDERS:
        (package / folder).write_text(f"../../{folder}")
    code = "import sys; sys.path.insert(0, '.'); import ganscape"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert "links" in last and "clone with git, or install the wheel" in last


def test_an_older_installation_on_the_path_is_named(tmp_path):
    metadata = tmp_path / "ganscape-0.0.9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ganscape\nVersion: 0.0.9\n")
    (metadata / "top_level.txt").write_text("data\nmodels\nsweep\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "ganscape", "list"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode != 0
    assert str(tmp_path) in line and "pip uninstall ganscape" in line


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and an sdist of the files that git knows, built in an environment of their own."""
    folder = tmp_path_factory.mktemp("build")
    source, built = folder / "source", folder / "built"
    source.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
    subprocess.run(["tar", "-x", "-C", str(source)], input=archive, check=True, timeout=60)
    python = folder / "environment" / "bin" / "python"
    run(sys.executable, "-m", "venv", folder / "environment", cwd=folder)
    run(python, "-m", "pip", "install", "-q", "setuptools>=77", cwd=folder)
    backend = "import setuptools.build_meta as b, sys; to = sys.argv[1]; b.build_sdist(to); b.build_wheel(to)"
    run(python, "-c", backend, built, cwd=source)
    return built


@pytest.mark.slow
def test_the_wheel_holds_ganscape_alone_with_all_its_files(built):
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"ganscape"}
    tracked = subprocess.run(["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = {f"ganscape/{name}" for name in tracked.split() if name.endswith((".py", ".safetensors", ".sqlite"))}
    assert wanted - set(names) == set()
    assert "ganscape/py.typed" in names and [name for name in names if "/templates/" in name]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"], ids=["wheel", "sdist"])
def test_a_trial_runs_from_what_was_installed(built, kind, tmp_path):
    """In an environment that has the dependencies of this one, but not this checkout."""
    python = tmp_path / "environment" / "bin" / "python"
    run(sys.executable, "-m", "venv", tmp_path / "environment", cwd=tmp_path)
    run(python, "-m", "pip", "install", "-q", "--no-deps", next(built.glob(kind)), cwd=tmp_path)
    packages = [path for path in sys.path if Path(path).name == "site-packages"]
    where = run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path).strip()
    Path(where, "dependencies.pth").write_text("\n".join(packages))
    file = run(python, "-c", "import ganscape.sweep; print(ganscape.sweep.__file__)", cwd=tmp_path).strip()
    assert Path(file).is_relative_to(where)
    (tmp_path / "work").mkdir()
    run(python, "-m", "ganscape", *SWEEP.split(), "--workers", 1, "--out", "out", cwd=tmp_path / "work")
    assert (tmp_path / "work" / "out" / "report.html").exists()


@pytest.mark.slow
def test_results_are_read_and_drawn_from_the_wheel_by_the_packages_that_the_readme_names_alone(built, tmp_path):
    """Nothing else of the package's requirements can be imported, JAX and Ray among them."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (named,) = re.findall(r"pip install --no-deps ganscape` and `pip install ([^`]+)`", readme)
    (five,) = re.findall(r"in five lines.*?```python\n(.*?)```", readme, flags=re.DOTALL)
    assert len([line for line in five.splitlines() if line]) <= 5
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    required = {re.split(r"[ >\[]", line)[0] for line in setup["options"]["install_requires"].split("\n") if line}
    brought = {
        re.split(r"[ ;<>=!\[(]", line)[0].lower()
        for name in named.split()
        for line in importlib.metadata.requires(name) or []
        if "extra ==" not in line
    }
    absent = {"jaxlib", *(required - set(named.split()) - brought)}
    modules = [{"orbax-checkpoint": "orbax", "scikit-optimize": "skopt"}.get(n, n) for n in absent]
    assert {"jax", "flax", "optax", "orbax", "ray", "skopt"} <= set(modules)
    python = tmp_path / "environment" / "bin" / "python"
    run(sys.executable, "-m", "venv", tmp_path / "environment", cwd=tmp_path)
    run(python, "-m", "pip", "install", "-q", "--no-deps", next(built.glob("*.whl")), cwd=tmp_path)
    where = run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path).strip()
    packages = [path for path in sys.path if Path(path).name == "site-packages"]
    Path(where, "dependencies.pth").write_text("\n".join(packages))
    Path(where, "absent_packages.py").write_text(ABSENT.replace("NAMES", repr(sorted(modules))))
    Path(where, "absent_packages.pth").write_text("import absent_packages\n")
    with pytest.raises(AssertionError, match="No module named 'jax'"):
        run(python, "-c", "import jax", cwd=tmp_path)
    run(python, "-c", five.rstrip() + ".savefig('curves.png')", cwd=tmp_path, MPLBACKEND="Agg")
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    copy = "import ganscape, shutil; shutil.copytree(ganscape.recorded('equal_wide_digits').folder, 'out')"
    run(python, "-c", copy, cwd=tmp_path)
    for words in (["status", "out"], ["best", "out"], ["report", "out"], ["export", "out", "scores.csv"]):
        run(python, "-m", "ganscape", *words, cwd=tmp_path)
    assert (tmp_path / "out" / "report.html").exists() and (tmp_path / "scores.csv").exists()
