"""One meaning per public name: a reader who met a name in one module must not be misled by it in another."""

import ast
import functools
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("data", "metrics", "models", "results", "search_spaces", "sweep")

# Interfaces: modules that are one kind of thing define the same names, with one meaning.
INTERFACES = {
    "a family of models": ("models/", {"FAMILY", "State", "init", "step", "generator_of"}),
    "updates of two players": ("models/", {"update_discriminator", "update_generator"}),
    "an architecture": (
        "models/architectures/",
        {"Generator", "Discriminator", "Trunk", "Autoencoder", "VariationalEncoder", "attention_heights"},
    ),
    "an encoder of images": (
        "metrics/encoders/",
        {"encoder", "features", "feature_maps", "logits", "fold", "Network", "NETWORK"},
    ),
    "a metric's reference": ("metrics/", {"reference"}),
    "a data set": ("data/", {"load", "IMAGE_SHAPE"}),
    "studies of one subject": ("search_spaces/", {"SPACES", "STUDIES"}),
    "claims of one paper": ("results/claims/", {"CLAIMS", "PAPER"}),
    "an executor": ("sweep/executors/", {"start"}),
    "commands of one subject": ("sweep/commands/", {"app", "info"}),
}
# One thing in several rooms: the scores of an experiment, its figure and its command; what a command calls.
SHARED = {
    **dict.fromkeys(("bias", "floor", "modes", "rules", "sanity"), "an experiment of `ganscape calibrate`"),
    **dict.fromkeys(
        ("convert", "export", "merge", "prepare", "repair", "rescore", "sample"),
        "a command and the function that it calls",
    ),
    **dict.fromkeys(("run", "score"), "a command and the same from Python"),
    "Surrogate": "a model of the score that settings would have",
    "load": "what a path or a name stands for: a data set, an output folder",
    "matmul": "a matrix product, of traced arrays",
    **dict.fromkeys(("average_pool", "max_pool"), "a pooling of images: of an encoder, a discriminator, its input"),
}


@functools.cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def public_names(file: Path) -> set[str]:
    """Functions and classes of a module without an underscore."""
    tree = parsed(file)
    definitions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return {node.name for node in definitions if not node.name.startswith("_")}


def assigned_names(file: Path) -> set[str]:
    """Variables and constants of a module without an underscore."""
    targets: list[ast.expr] = []
    for node in parsed(file).body:
        targets += node.targets if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AnnAssign) else []
    return {node.id for node in targets if isinstance(node, ast.Name) and not node.id.startswith("_")}


def module_name(file: Path) -> str:
    """The dotted name with `ganscape.`."""
    parts = ("ganscape", *file.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def used_elsewhere() -> set[tuple[str, str]]:
    """(module, name) that some file imports from the module, or reads as its attribute."""
    used = set()
    for file in (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")):
        nodes = list(ast.walk(parsed(file)))
        imported = [(node.module, name) for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names]
        used |= {(module, name.name) for module, name in imported}
        modules = {name.asname or name.name: f"{module}.{name.name}" for module, name in imported}
        attributes = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
        used |= {(modules[node.value.id], node.attr) for node in attributes if node.value.id in modules}
    return used


@pytest.fixture(scope="module")
def homes() -> dict[str, list[str]]:
    """Public name -> the modules that define it; a constant is public where another module uses it."""
    homes, used = defaultdict(list), used_elsewhere()
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            constants = {name for name in assigned_names(file) if (module_name(file), name) in used}
            for name in public_names(file) | constants:
                homes[name].append(file.relative_to(ROOT).as_posix())
    return homes


def test_a_public_name_of_two_modules_has_one_meaning(homes):
    twice = {name: modules for name, modules in homes.items() if len(modules) > 1 and name not in SHARED}
    interfaces = [
        {name for name in names if all(module.startswith(folder) for module in twice.get(name, ()))}
        for folder, names in INTERFACES.values()
    ]
    assert twice.keys() <= set().union(*interfaces), {
        name: modules for name, modules in twice.items() if name not in set().union(*interfaces)
    }


def test_the_lists_of_shared_names_hold_nothing_that_is_not_shared(homes):
    listed = set(SHARED).union(*(names for _, names in INTERFACES.values()))
    assert {name for name in listed if len(homes[name]) < 2} == set()
