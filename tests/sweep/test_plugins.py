"""Code from outside the package: registered, imported everywhere, recorded, refused where it has changed."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ganscape
from ganscape import testing
from ganscape.data import DATASETS
from ganscape.errors import UserError
from ganscape.metrics import FORMULAS, METRICS, Protocol, find_metric
from ganscape.metrics.encoders import ENCODERS
from ganscape.models import Config
from ganscape.models.losses import LOSSES
from ganscape.results.store import read
from ganscape.sweep import plugins, registration
from ganscape.sweep.plan import find_study
from ganscape.sweep.plugin_code import Code
from ganscape.sweep.searchers import SEARCHERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how_to_add.md").read_text(encoding="utf-8")
MINE = re.search(r"^```python\n(# mine\.py\n.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)[1]
REGISTRIES = (LOSSES, SEARCHERS, DATASETS, FORMULAS, METRICS, ENCODERS)
SMALL = {"configs": 1, "images": 1280, "interval": 640, "samples": 50, "loss": "exponential"}
RUN = {
    "methods": ["ns_gan"], "data": "stripes", "searcher": "halves", "metric": "mean_random_conv", "seeds": 1,
    "settings": SMALL, "workers": 1, "progress": False,
}  # fmt: skip
PENALTY = "lambda critic, kernels, real, fake, key: 0.0"
LATE = f"import ganscape\nganscape.register(penalties={{'late': {PENALTY}}})"


@pytest.fixture(autouse=True)
def registries_as_before(tmp_path):
    """Every registry has what it had before, once the modules of a test are forgotten."""
    before = [dict(registry) for registry in REGISTRIES]
    modules = set(registration.CODE), set(sys.modules)
    yield
    for module in {*registration.ENTRIES.values()} - modules[0]:
        registration.unregister(module)
        registration.CODE.pop(module, None)
        if module != "__main__" and module not in modules[1]:
            sys.modules.pop(module, None)
    for module in set(sys.modules) - modules[1]:  # those that a test has forgotten itself
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[module]
    assert [dict(registry) for registry in REGISTRIES] == before


@pytest.fixture
def mine(tmp_path):
    """The plugin of docs/how_to_add.md, in a folder of its own."""
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path / "mine.py"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """(text, name) writes a module into the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "mine.py") -> str:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return name

    return write


def test_the_page_s_plugin_keeps_the_contracts(mine):
    checked = testing.check_plugin(mine)
    assert sorted(checked) == ["data set stripes", "loss exponential", "metric mean", "searcher halves"]


NETWORKS = """
import ganscape, jax
from ganscape.models.architectures.architecture import Networks, NetworkSpec
from ganscape.models.architectures.mlp import MLP, Discriminator, Generator, VariationalEncoder, identity
from ganscape.models.vae import FAMILY

def build(config, image_shape):
    spec = NetworkSpec.of(config)
    if config.family == "gan":
        return Networks(Generator(spec, image_shape), Discriminator(spec))
    return Networks(Generator(spec, image_shape, jax.nn.relu, identity), VariationalEncoder(spec))

ganscape.register(
    architectures={"mine": MLP._replace(build=build, families=("gan", "other"))}, families={"other": FAMILY},
)
"""


def test_architectures_and_families_from_outside_are_held_to_the_contracts_of_ours(write):
    checked = testing.check_plugin(write(NETWORKS, "networks.py"))
    assert sorted(checked) == ["architecture mine", "family other"]


@pytest.mark.parametrize(
    "whole, broken, message",
    [
        ("FAMILY}", "FAMILY._replace(logs=('score',))}", r"a step logs .*, not \['score'\]"),
        (
            "FAMILY}",
            "FAMILY._replace(step=lambda *a: ({}, FAMILY.step(*a)[1]))}",
            "a step changes the form of the state",
        ),
        ('("gan", "other")', '("gan",)', "no architecture has networks for family 'other'"),
        ("build=build", "accepts=lambda shape: shape == (3, 3, 1)", "architecture 'mine' accepts none of the shapes"),
    ],
)
def test_networks_that_break_a_contract_are_told_how(write, whole, broken, message):
    assert NETWORKS.count(whole) == 1
    with pytest.raises(AssertionError, match=message):
        testing.check_plugin(write(NETWORKS.replace(whole, broken), "networks.py"))


EXECUTOR = """
import contextlib, ganscape
from ganscape.sweep.executors import local
from ganscape.sweep.executors.contract import RunningExecutor

@contextlib.contextmanager
def idle(out, workers, resources, cluster):
    yield RunningExecutor(1, lambda backlog, workload: None)

def hand_on(out, workers, resources, cluster):
    return local.start(out, workers, resources)

ganscape.register(executors={"own": START})
"""


def test_an_executor_that_returns_before_its_trials_have_ended_breaks_the_contract(write):
    with pytest.raises(AssertionError, match=r"'own' returned when its trials were \['running', 'running'\]"):
        testing.check_plugin(write(EXECUTOR.replace("START", "idle"), "own.py"))


@pytest.mark.slow
def test_an_executor_from_outside_trains(write):
    assert testing.check_plugin(write(EXECUTOR.replace("START", "hand_on"), "own.py")) == ["executor own"]


def test_commands_that_measure_take_names_of_a_module_from_outside(write, ganscape, refused):
    """An encoder, a data set and a metric of it."""
    encoder = (
        "import jax.numpy as jnp\nfrom ganscape.metrics.encoders import Encoder\n"
        "def apply(parameters, images): return images.reshape(len(images), -1)\n"
        "def flat(shape): return Encoder('', shape[0] * shape[1] * shape[2], 'none', 'pixels', (), apply)\n"
        "ganscape.register(encoders={'flat': flat})\n"
    )
    name = write(MINE + encoder)
    refused(ganscape("encoder", "info", "flat"), "unknown encoder 'flat'")
    refused(ganscape("calibrate", "floor", "--data", "stripes", "--metric", "fd_flat"), "stripes")
    assert "features of mine" in ganscape("encoder", "info", "flat", "--import", name).stdout
    done = ganscape(
        *("calibrate", "floor", "--data", "stripes", "--metric", "mean_flat", "--import", name),
        *("--repeats", 2, "--out", "worth"),
    )
    assert done.exit_code == 0 and "stripes" in done.stdout, done.stderr


def test_a_late_formula_is_a_metric_of_every_encoder_and_its_code_is_part_of_the_protocol(mine, tmp_path):
    ganscape.register  # noqa: B018 - the registry of METRICS exists before the module
    plugins.import_plugins([str(mine)])
    assert {name for name in METRICS if name.startswith("mean_")} == {
        f"mean_{encoder}" for encoder in ENCODERS if not encoder.endswith(("logits", "unbiased"))
    }
    score = ganscape.score(np.zeros((4, 8, 8, 1), np.uint8), "digits", "mean_pixels")["mean_pixels"]
    assert score.protocol.describe()["code"] == registration.CODE["mine"].sha256
    assert (
        "code"
        not in ganscape.score(np.zeros((4, 8, 8, 1), np.uint8), "digits", "fd_pixels")["fd_pixels"].protocol.describe()
    )
    expected = np.linalg.norm(ganscape.DATASETS["digits"].load(tmp_path).test.mean(0) / 255)
    assert score.value == pytest.approx(expected, rel=1e-5)


def test_a_sweep_runs_by_a_plugin_is_refused_when_it_changes_and_can_be_read_without_it(mine, tmp_path):
    """Two starts of one worker: the code is sent to it."""
    out = tmp_path / "out"
    first = ganscape.run("equal/wide", out=out, imports=[str(mine)], **RUN)
    assert first.trials()[["status", "loss"]].values.tolist() == [["done", "exponential"]]
    sha256 = registration.CODE["mine"].sha256
    assert first.study["plugins"] == [{"name": "mine", "sha256": sha256}]
    assert first.protocol()["code"] == sha256

    mine.write_text(MINE + "# a remark\n")
    with pytest.raises(
        UserError, match=r"module 'mine' is not the code that .* was trained with .*--allow-changed-code"
    ):
        ganscape.run("equal/wide", out=out, imports=[str(mine)], **RUN | {"seeds": 2})
    with pytest.raises(UserError, match="module 'mine' is not the code"):
        ganscape.resume(out, imports=[str(mine)], progress=False)
    with pytest.warns(UserWarning, match="module 'mine' is other code than before"):
        second = ganscape.run("equal/wide", out=out, imports=[str(mine)], allow_changed_code=True, **RUN | {"seeds": 2})
    assert second.trials()["status"].tolist() == ["done", "done"]
    assert second.scores()["protocol"].nunique() == 1
    starts = [row["environment"]["plugins"]["mine"] for row in read(out)["environments"]]
    assert starts == [sha256, registration.CODE["mine"].sha256] and starts[0] != starts[1]

    registration.unregister("mine")
    del registration.CODE["mine"]
    again = ganscape.load(out)
    assert again.scores().equals(second.scores()) and again.study["searcher"] == "halves"
    with pytest.raises(UserError, match=r"uses module 'mine', which is not imported; name it: --import mine\.py"):
        ganscape.resume(out, progress=False)
    with pytest.raises(UserError, match=r"uses module 'mine', which is not imported; name it: --import mine\.py"):
        ganscape.run("equal/wide", out=out, **RUN)  # not: unknown searcher
    with pytest.raises(UserError, match="a module from outside that is not imported: unknown loss 'exponential'"):
        ganscape.sample(out, 1)


@pytest.mark.slow
def test_ray_s_workers_score_as_local_ones_by_a_plugin(mine, tmp_path):
    local, ray = (
        ganscape.run("equal/wide", out=tmp_path / name, imports=[str(mine)], executor=name, **RUN)
        for name in ("local", "ray")
    )
    assert local.scores()["value"].tolist() == ray.scores()["value"].tolist()


@pytest.mark.parametrize(
    "text, message",
    [
        ("import nothing_of_this_name", r"--import mine fails: ModuleNotFoundError: No module .* \(line 1\)"),
        ("\n\nx = 1 / 0", r"--import mine fails: ZeroDivisionError: division by zero \(line 3\)"),
        ("def f(:", r"--import mine fails: SyntaxError: .* \(mine\.py, line 1\)$"),
        ("raise SystemExit(3)", "--import mine fails: SystemExit: 3"),
        ("", "mine: the module registers nothing; it has to call ganscape.register"),
        ("import ganscape\nganscape.register()", "mine registers nothing: ganscape.register takes losses, penalties"),
        (f"import ganscape\nganscape.register(penalties={{'r1': {PENALTY}}})", "Ganscape has one of this name"),
        (f"import ganscape\nfor _ in 'ab': ganscape.register(penalties={{'a': {PENALTY}}})", "mine has registered"),
        ("import ganscape\nganscape.register(penalties={'a': lambda x: x})", r"which takes \(x\), not \(critic"),
        ("import ganscape\nganscape.register(penalties={'a': 3})", r"penalty 'a', which is an int, not a function"),
        ("import ganscape\nganscape.register(losses={'a': abs})", "loss 'a' as a builtin.*; it must be a ganscape.mod"),
        ("import ganscape\nganscape.register(data_sets={'a b': 1})", "registers data set 'a b': a name is a letter"),
        (
            "import ganscape\nclass S:\n  def __init__(self, space, seed): pass\n  def ask(self): pass\n"
            "ganscape.register(searchers={'s': S})",
            "searcher 's', which has no method tell",
        ),
        ("import ganscape\nganscape.register(loses={})", "TypeError: register.* unexpected keyword argument 'loses'"),
    ],
)  # fmt: skip
def test_a_module_that_cannot_be_used_is_one_line_and_leaves_nothing(write, text, message):
    with pytest.raises(UserError, match=message) as error:
        plugins.import_plugins([write(text)])
    assert "\n" not in str(error.value)
    assert "mine" not in registration.CODE and "mine" not in sys.modules


@pytest.mark.parametrize(
    "name, message",
    [
        ("absent.py", r"--import 'absent\.py': there is no such file in /"),
        ("absent_package.gans", "--import 'absent_package.gans': ModuleNotFoundError"),
        ("absent_package", "--import 'absent_package': there is no such module here"),
        ("json.py", r"there is another module 'json', .*json/__init__\.py; rename the file"),
        ("my-gan.py", "'my-gan' cannot be the name of a module"),
    ],
)
def test_a_name_that_is_no_module_is_refused(write, name, message):
    for file in ("json.py", "my-gan.py"):
        write(MINE, file)
    with pytest.raises(UserError, match=message):
        plugins.import_plugins([name])


def test_the_same_name_from_two_files_is_refused(write):
    plugins.import_plugins([write(MINE, "one.py")])
    with pytest.raises(UserError, match="other registers loss 'exponential', but one has registered it"):
        plugins.import_plugins([write(MINE, "other.py")])
    assert LOSSES["exponential"].discriminator.__module__ == "one"


def test_a_file_is_imported_once_and_again_when_it_has_changed(write):
    plugins.import_plugins([write(MINE)])
    loss = LOSSES["exponential"]
    plugins.import_plugins(["mine.py", str(Path("mine.py").absolute()), "mine"])
    assert LOSSES["exponential"] is loss
    plugins.import_plugins([write(MINE.replace("halves", "quarters"))])
    assert "quarters" in SEARCHERS and "halves" not in SEARCHERS


def test_what_a_module_prints_does_not_get_into_a_command_s_output(write, ganscape):
    done = ganscape("list", "--import", write("print('hello')\n" + MINE))
    assert done.exit_code == 0 and "stripes" in done.stdout
    assert "hello" not in done.stdout and "hello" in done.stderr


def test_a_command_refuses_a_module_in_one_line(write, ganscape, refused):
    refused(ganscape("run", "equal/wide", "--import", write("1 / 0"), "--out", "out"), "mine fails", "line 1")
    assert not Path("out").exists()


def test_a_user_s_own_import_registers_too(write, monkeypatch):
    monkeypatch.syspath_prepend(".")
    write(MINE, "imported_by_hand.py")
    __import__("imported_by_hand")
    definition = {"data": "stripes"}
    (plugin,) = plugins.plugins_of(definition, [])
    assert plugin["name"] == "imported_by_hand" and len(plugin["sha256"]) == 64


def test_a_study_names_only_the_modules_that_it_uses(write):
    plugins.import_plugins([write(MINE)])
    assert plugins.plugins_of({"methods": {"a": {"fixed": {"loss": "hinge"}}}}, []) == []
    for definition in (
        {"methods": {"a": {"dimensions": {"loss": {"kind": "Choice", "options": ["hinge", "exponential"]}}}}},
        {"phases": [{"name": "p", "searcher": "halves"}]},
        {"data": "stripes"},
    ):
        assert [each["name"] for each in plugins.plugins_of(definition, [])] == ["mine"]
    protocol = Protocol("mean_digits", "digits", "w", "p", 9, "digits/test", 9, "f")
    assert [each["name"] for each in plugins.plugins_of({}, [protocol])] == ["mine"]


def test_what_the_running_script_registers_is_refused_because_workers_do_not_have_it(tmp_path):
    exec(MINE, {"__name__": "__main__"})
    with pytest.raises(UserError, match="registered by the script or notebook that is running, which workers do not"):
        ganscape.plan("equal/wide", out=tmp_path, **{k: v for k, v in RUN.items() if k not in ("workers", "progress")})


def test_a_study_file_names_modules_relative_to_itself(write, tmp_path):
    (page,) = re.findall(r"^```toml\n(.*?)^```", (ROOT / "docs" / "studies.md").read_text(), re.DOTALL | re.MULTILINE)
    write(MINE, "parts/mine.py")
    write('import = ["mine.py"]\n' + page.replace('searcher = "random"', 'searcher = "halves"'), "parts/study.toml")
    assert find_study("parts/study.toml").searcher == "halves"
    write("import = [3]\n" + page, "parts/study.toml")
    with pytest.raises(UserError, match=r"study\.toml:1: import = \[3\] must be a list of modules"):
        find_study("parts/study.toml")


def test_a_package_is_hashed_as_a_whole_and_refused_on_a_node_where_it_differs(write):
    write("from my_package import losses", "my_package/__init__.py")
    write(LATE, "my_package/losses.py")
    plugins.import_plugins(["my_package"])
    (code,) = plugins.loaded()
    assert code.module == "my_package" and code.text is None
    assert plugins.import_in_worker([code]) == ""
    other = code._replace(sha256="0" * 64)
    assert "module 'my_package' is other code on" in plugins.import_in_worker([other])
    (Path("my_package") / "losses.py").write_text(LATE + "  # more")
    plugins.import_plugins(["my_package"])
    assert plugins.loaded()[0].sha256 != code.sha256


def test_a_worker_says_what_fails_in_it():
    code = Code("broken", "broken.py", "0" * 64, "import something_only_the_driver_has")
    assert "broken fails: ModuleNotFoundError" in plugins.import_in_worker([code])


def test_an_installed_package_is_found_by_its_entry_point(write, monkeypatch):
    write(LATE, "installed_plugin.py")
    monkeypatch.syspath_prepend(".")
    point = importlib.metadata.EntryPoint("any", "installed_plugin", "ganscape.plugins")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point] if group == plugins.GROUP else [])
    plugins.import_plugins()
    config = Config(penalty="late", penalty_weight=2.0, penalty_every=4)  # fields that go with any penalty
    assert config.penalty_weight == 2.0


def test_encoders_have_their_code_in_their_identity(write):
    write(
        "import ganscape, jax.numpy as jnp\nfrom ganscape.metrics.encoders import Encoder\n"
        "def apply(parameters, images): return images.reshape(len(images), -1) * 2\n"
        "def doubled(shape):\n  'Twice the pixels.'\n"
        "  return Encoder('', shape[0] * shape[1] * shape[2], 'none', 'as pixels', (), apply)\n"
        "ganscape.register(encoders={'doubled': doubled}, classifiers={'wrong': lambda shape: 3})"
    )
    plugins.import_plugins(["mine.py"])
    assert "Twice the pixels" in find_metric("fd_doubled").summary
    testing.check_encoder(ENCODERS["doubled"])
    encoder = ENCODERS["doubled"]((8, 8, 1))
    assert encoder.name == "doubled" and registration.CODE["mine"].sha256 in encoder.weights
    with pytest.raises(UserError, match="encoder 'wrong' of mine makes an int, not an Encoder"):
        ENCODERS["wrong"]((8, 8, 1))


def test_without_plugins_the_definition_and_the_environment_of_workers_are_as_they_were(tmp_path):
    planned = ganscape.plan("equal/wide", out=tmp_path, methods=["vae"])
    assert "plugins" not in planned.definition and planned.workload.plugins == ()


def test_help_does_not_look_for_plugins():
    """Looking through installed packages takes time that `ganscape --help` has not got."""
    check = (
        "import sys\nfrom ganscape.sweep.commands.cli import app\n"
        "try: app(['run', '--help'])\nexcept SystemExit: pass\n"
        "assert 'ganscape.sweep.plugins' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
