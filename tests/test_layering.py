"""Who may import whom, as data; the tests read the imports of every module."""

import ast
import collections
import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

# What each folder may import beside itself and the leaves: `sweep` knows them all.
LEAVES = {
    "ganscape",
    "ganscape.aliases",
    "ganscape.environment",
    "ganscape.errors",
    "ganscape.files",
    "ganscape.garbage",
    "ganscape.interruption",
    "ganscape.lazy",
    "ganscape.limits",
}
ALLOWED = {
    "data": {"PIL", "lmdb", "mlxtend", "numpy", "pooch", "pyarrow", "sklearn"},
    "metrics": {"jax", "numpy", "optax", "safetensors", "scipy", "sklearn", "threadpoolctl"},
    "models": {"ganscape.metrics", "flax", "jax", "numpy", "optax", "safetensors"},
    "results": {
        *("jinja2", "markupsafe", "matplotlib", "numpy", "optuna", "pandas", "pyarrow", "scipy", "sklearn"),
        *("sqlalchemy", "tensorboardX"),
    },
    "search_spaces": {"numpy"},
    "sweep": {
        *(f"ganscape.{folder}" for folder in ("data", "metrics", "models", "results", "search_spaces")),
        *("PIL", "jax", "numpy", "orbax", "ray", "rich", "safetensors", "scipy", "skopt", "sklearn", "threadpoolctl"),
        *("IPython", "optuna", "typer"),
    },
}
FOLDERS = tuple(ALLOWED)

# Inside these folders a module imports only what stands before it.
ORDER = {
    "results": [
        *("definition", "counts"),
        *(
            "store.schema",
            "store.database",
            "store.definitions",
            "store.growth",
            "store.soundness",
            "store.reader",
            "store.totals",
            "store.rows",
            "store.merging",
            "store.salvage",
            "store.pages",
            "store.repairing",
            "store.writer",
            "store.tables",
            "store",
        ),
        *("columns", "costs", "status", "frames", "winners", "scores_file", "baselines"),
        *(
            "combined",
            "sorted_scores",
            "budget",
            "incumbents",
            "statistics",
            "interquartile",
            "agreement",
            "comparisons",
        ),
        *(
            "importance",
            "ranking",
            "verdict",
            "wording",
            "lottery",
            "overtuning",
            "cautions",
            "sentences",
            "samples",
            "live",
            "calibration",
        ),
        *("claims.estimates", "claims.rules", "claims.evidence", "claims.claim", "claims.searches"),
        "claims.encoders",
        "claims.best_models",
        *("claims.equal", "claims.landscape"),
        *("claims.calibrations", "claims.judging", "claims.table", "claims"),
        "equal_settings",
        *("plots.canvas", "plots.budgets", "plots.distributions", "plots.comparisons"),
        *("plots.settings", "plots.metrics", "plots.calibration", "plots"),
        *("page", "page.points", "page.trials", "page.figures", "page.papers", "page.tables", "page.next_steps"),
        *("page.templates", "page.index", "report", "folder_contrasts", "comparison", "reproduction", "server"),
        *("ranges", "tabular", "surrogate"),
        *("new_folder", "dataset_card", "dataset_folder", "optuna_storage", "syne_tune_folder"),
        *("tensorboard_runs", "exports"),
    ],
    "sweep": [
        *("plugin_code", "registration", "plugins"),
        *(
            "measuring",
            "measuring.diagnostics",
            "resources",
            "pinning",
            "proof",
            "program_cache",
            "messages",
            "log",
            "population",
        ),
        *("checkpoints", "generators", "members", "programs", "feeding"),
        *(
            "measuring.further",
            "measuring.evaluation",
            "measuring.resampling",
            "measuring.draws",
            "measuring.reference_cache",
            "measuring.baselines",
            "measuring.corruptions",
            "measuring.statistics_files",
            "measuring.scoring",
            "measuring.calibration",
            "measuring.copies",
        ),
        *("searchers.contract", "searchers.threads", "searchers.coordinates", "searchers.sequences"),
        "searchers.gp_bandit",
        *("searchers.optimizer", "searchers.optuna_samplers", "searchers", "schedulers", "transfer"),
        *("proposals", "own_images", "plan_checks", "plan_size", "protocols", "used_code", "plan", "growth", "rounds"),
        *(
            "trial",
            "cohort_size",
            "memory",
            "estimate",
            "pictures",
            "baseline_queue",
            "early_stopping",
            "keeping",
            "rows",
            "kept_files",
            "outcomes",
            "waiting",
            "retraining",
            "rescoring",
            "merging",
            "repairing",
            "image_files",
            "waiting",
            "backlog",
        ),
        *("executors.contract", "executors.worker", "executors.processes", "executors.pool", "executors.mailbox"),
        *("executors.local", "executors.ray_cluster", "executors.ray_tune"),
        *(
            "executors",
            "doctor",
            "driver",
            "commands",
            "commands.settings",
            "commands.plugins",
            "commands.progress",
            "api",
            "commands.watching",
            "commands.terminal",
            "commands.tables",
        ),
        *("commands.encoder", "commands.results", "commands.calibrate", "commands.generators"),
        *("commands.running", "commands.growing", "commands.folders"),
        *(
            "commands.data",
            "commands.studies",
            "commands.score",
            "commands.reproduce",
            "commands.doctor",
            "commands.cli",
        ),
    ],
}
# A package's __init__ may look into its own modules: it holds the registry of them, or says which names are public.
REGISTRIES = {"results.claims", "results.plots", "results.store", "sweep.executors", "sweep.searchers"}

# The only files that import these.
ONLY_IN = {
    "ray": {"sweep/executors/ray_cluster.py", "sweep/executors/ray_tune.py"},
    "sqlite3": {f"results/store/{name}.py" for name in ("database", "salvage", "writer")},
    "typer": {
        f"sweep/commands/{name}.py"
        for name in (
            *(
                "calibrate",
                "cli",
                "data",
                "doctor",
                "encoder",
                "folders",
                "generators",
                "growing",
                "plugins",
                "reproduce",
                "results",
            ),
            *("running", "score", "studies", "tables", "terminal"),
        )
    },
    "matplotlib": {
        *("results/plots/canvas.py", "results/plots/comparisons.py", "results/plots/settings.py"),
        "results/plots/metrics.py",
        "results/page/figures.py",
    },
    "orbax": {"sweep/checkpoints.py"},
    "skopt": {"sweep/searchers/coordinates.py", "sweep/searchers/gp_bandit.py", "sweep/searchers/optimizer.py"},
    "jinja2": {"results/page/templates.py"},
    "optuna": {"results/optuna_storage.py", "sweep/searchers/optuna_samplers.py"},
    "lmdb": {"data/lsun_bedroom.py"},
}

# Slow to import and not always needed: imported by the function that uses them.
LAZY = {
    *("PIL", "jinja2", "markupsafe", "matplotlib", "mlxtend", "orbax", "pandas", "pooch", "pyarrow", "skopt"),
    *("tensorboardX",),
    *("IPython", "lmdb", "optuna", "sklearn"),
}


class Import(NamedTuple):
    """One imported module: its dotted name, and whether importing the file imports it."""

    module: str
    at_once: bool

    @property
    def top(self) -> str:
        """The package, for our own the folder: `numpy`, `ganscape.models`."""
        return ".".join(self.module.split(".")[: 2 if self.module.startswith("ganscape.") else 1])


@functools.cache
def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def module_name(file: Path) -> str:
    """The dotted name without `ganscape.`."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for folder in FOLDERS for file in files(folder)}


@functools.cache
def imports(file: Path) -> tuple[Import, ...]:
    """Every import of the file, but those that only type checkers see."""
    return tuple(_imports_in(ast.parse(file.read_text(encoding="utf-8")), True))


def _imports_in(node: ast.AST, at_once: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (Import(name.name, at_once) for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{ast.unparse(child)}: folders are imported absolutely"
            for name in child.names:
                inner = f"{child.module}.{name.name}"
                yield Import(inner if inner.removeprefix("ganscape.") in MODULES else child.module or "", at_once)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports_in(child, at_once and not inside)


@functools.cache
def importers() -> dict[str, set[str]]:
    """Package or folder of ours -> the files that import it, at once or later."""
    found = collections.defaultdict(set)
    for folder in FOLDERS:
        for file in files(folder):
            for imported in imports(file):
                found[imported.top].add(relative(file))
    return found


def position(folder: str, module: str) -> int:
    return ORDER[folder].index(module.removeprefix(f"ganscape.{folder}."))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_what_it_may(folder):
    """So no file imports our folders by any name but `ganscape.<folder>`: the others are not in the list."""
    foreign = {
        f"{relative(file)} imports {found.module}"
        for file in files(folder)
        for found in imports(file)
        if found.top not in sys.stdlib_module_names
        and found.top not in ALLOWED[folder] | LEAVES | {f"ganscape.{folder}"}
    }
    assert not foreign


@pytest.mark.parametrize("folder", ORDER)
def test_inside_a_folder_imports_go_one_way(folder):
    backwards = set()
    for name, file in MODULES.items():
        if not name.startswith(f"{folder}."):
            continue
        for found in imports(file):
            own = name in REGISTRIES and found.module.startswith(f"ganscape.{name}.")
            inside = found.module.startswith(f"ganscape.{folder}.") and not own
            if inside and position(folder, found.module) >= position(folder, f"ganscape.{name}"):
                backwards.add(f"{name} imports {found.module}")
    assert not backwards


@pytest.mark.parametrize("folder", ORDER)
def test_every_module_has_its_place_in_the_order(folder):
    known = {name.removeprefix(f"{folder}.") for name in MODULES if name.startswith(f"{folder}.")}
    assert known == set(ORDER[folder])


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_is_imported_only_in_its_place(package):
    assert importers()[package] == ONLY_IN[package]


def test_of_the_models_only_losses_that_compare_images_use_encoders_and_load_them_when_they_do():
    users = {
        (relative(file), found.at_once)
        for file in files("models")
        for found in imports(file)
        if found.top == "ganscape.metrics"
    }
    assert users == {("models/pair_losses.py", False)}


def test_slow_packages_are_imported_where_they_are_used():
    eager = {
        f"{name} imports {found.top}"
        for name, file in MODULES.items()
        for found in imports(file)
        if found.top in LAZY and found.at_once
    }
    assert not eager


def test_notebooks_and_benchmarks_are_imported_by_nobody():
    for name, file in MODULES.items():
        assert not {found.top for found in imports(file)} & {"notebooks", "benchmarks", "tests"}, name


TRAINING = {"flax", "jax", "jaxlib", "optax", "orbax", "ray"}
CHARTS = {"matplotlib", "pandas"}
COMMAND = (
    "import sys\nfrom ganscape.__main__ import main\nsys.argv = {}\n"
    "try: main()\nexcept SystemExit as end: assert not end.code"
)
HELP = COMMAND.format(["ganscape", "--help"])
STATUS = COMMAND.format(["ganscape", "status", str(ROOT / "results" / "recorded" / "equal_wide_digits")])
DRAW = (
    "from ganscape.results import budget, frames, plots, report, sentences\n"
    "results = frames.load(frames.RECORDED / 'equal_wide_digits')\n"
    "plots.budget_curves(results); plots.score_distributions(results)"
)


class Start(NamedTuple):
    """A statement for an interpreter that has run `before`, and the modules that it must not load."""

    statement: str
    absent: set[str]
    before: str = ""


STARTS = {
    "help": Start(HELP, TRAINING | CHARTS | {"numpy", "scipy", "sklearn"}),
    "status": Start(STATUS, TRAINING | CHARTS | {"ganscape.models", "numpy", "scipy", "sklearn"}),
    "the API": Start("import ganscape; dir(ganscape); ganscape.UserError", TRAINING | CHARTS | {"numpy", "scipy"}),
    "worker processes": Start("import ganscape.sweep.executors.processes", TRAINING | CHARTS | {"numpy", "scipy"}),
    "metrics": Start("import ganscape.metrics", {"jax", "sklearn", "ganscape.metrics.encoders"}),
    "data": Start("import ganscape.data", CHARTS | {"jax", "mlxtend", "pooch", "sklearn"}),
    "digits": Start(
        "import ganscape.data as d; d.load('digits')", {"jax", "matplotlib", "mlxtend", "pandas", "pooch", "sklearn"}
    ),
    "figures": Start(DRAW, TRAINING | {"ganscape.models", "ganscape.sweep", "matplotlib.pyplot"}),
    "a GAN": Start(
        "import ganscape.models",
        {f"ganscape.{folder}" for folder in FOLDERS if folder != "models"} | {"ray"},
        "import flax.linen, optax",
    ),
    "a plan": Start(
        "import ganscape.sweep.driver, ganscape.sweep.plan", CHARTS | {"orbax", "ray"}, "import flax.linen, optax"
    ),
}
# Runs each statement in a process of its own that has loaded `before`, and prints the modules loaded after it.
INTERPRETER = """
import json, os, sys
told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
done = ""
for name, (statement, _, before) in json.loads(sys.argv[1]).items():
    if before != done:
        exec(before)
        done = before
    if os.fork() == 0:
        exec(statement, {})
        print(json.dumps([name, list(sys.modules)]), file=told, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, name
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """What an interpreter has loaded after each start."""
    command = [sys.executable, "-c", INTERPRETER, json.dumps(STARTS, default=list)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(map(json.loads, done.stdout.splitlines()))


@pytest.mark.parametrize("name", STARTS)
def test_nothing_is_loaded_that_is_not_needed(name, loaded):
    """The command line and results start without the training stack, a plan without ray, a GAN with models alone."""
    modules = set(loaded[name])
    assert modules >= {"ganscape"} and not STARTS[name].absent & modules
