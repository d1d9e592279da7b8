"""What SECURITY.md says, as far as the code can be asked."""

import ast
from pathlib import Path

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
            if ast.unparse(node.func) in ("np.load", "numpy.load"):
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
