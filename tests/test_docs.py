"""What the documents claim: names, files, commands and code in them exist and are complete."""

import ast
import importlib
import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ganscape import results
from ganscape.data import DATASETS
from ganscape.metrics import FORMULAS
from ganscape.metrics.encoders import ENCODERS
from ganscape.models import FAMILIES
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.architectures.conditioning import CONDITIONINGS
from ganscape.models.architectures.downsampling import DOWNSAMPLINGS
from ganscape.models.architectures.gating import CONVOLUTIONS
from ganscape.models.architectures.generator_noise import GENERATOR_NOISES
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.augmentations import AUGMENTATIONS
from ganscape.models.averaging import AVERAGINGS, HISTORICAL_AVERAGINGS
from ganscape.models.batch_features import BATCH_FEATURES
from ganscape.models.began import K_RANGES
from ganscape.models.config import FIELDS
from ganscape.models.gan import PASSES, UPDATES
from ganscape.models.generator_penalties import GENERATOR_PENALTIES
from ganscape.models.instance_noise import INSTANCE_NOISES
from ganscape.models.latents import LATENTS
from ganscape.models.losses import LOSSES
from ganscape.models.masks import MASKS
from ganscape.models.normalizations import NORMALIZATIONS
from ganscape.models.optimizers import OPTIMIZERS
from ganscape.models.pair_losses import PAIR_LOSSES, PERCEPTUAL_ENCODERS
from ganscape.models.penalties import PENALTIES
from ganscape.models.projections import PROJECTIONS
from ganscape.models.schedules import SCHEDULES
from ganscape.models.targets import LABEL_FLIPS, LABEL_SMOOTHINGS
from ganscape.results import agreement, budget, columns, equal_settings, overtuning
from ganscape.search_spaces import PRESETS, STUDIES
from ganscape.sweep.plan import find_study

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = runpy.run_path(str(ROOT / "docs" / "generate_cli.py"))["commands"]()
# The slot of a table in docs/tricks.md, named in its heading, and the registry that it lists.
TRICKS = {
    "family": FAMILIES,
    "k_range": K_RANGES,
    "latent": LATENTS,
    "loss": LOSSES,
    "label_smoothing": LABEL_SMOOTHINGS,
    "label_flipping": LABEL_FLIPS,
    "penalty": PENALTIES,
    "discriminator_normalization": NORMALIZATIONS,
    "instance_noise": INSTANCE_NOISES,
    "augmentation": AUGMENTATIONS,
    "batch_features": BATCH_FEATURES,
    "projection": PROJECTIONS,
    "discriminator_passes": PASSES,
    "conditioning": CONDITIONINGS,
    "generator_noise": GENERATOR_NOISES,
    "update": UPDATES,
    "historical_averaging": HISTORICAL_AVERAGINGS,
    "upsampling": UPSAMPLINGS,
    "averaging": AVERAGINGS,
    "optimizer": OPTIMIZERS,
    "learning_rate_schedule": SCHEDULES,
    "downsampling": DOWNSAMPLINGS,
    "convolution": CONVOLUTIONS,
    "generator_penalty": GENERATOR_PENALTIES,
    "mask": MASKS,
    "pair_loss": PAIR_LOSSES,
    "perceptual_encoder": PERCEPTUAL_ENCODERS,
    "architecture": ARCHITECTURES,
}


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def prose(path: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def blocks(path: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(path), flags=re.DOTALL | re.MULTILINE)


def section(page: str, slot: str) -> str:
    """The part of the page whose heading names this slot first among those in backquotes."""
    return next(part for part in re.split(r"^## ", page, flags=re.MULTILINE) if _slot(part) == slot)


def _slot(part: str) -> str | None:
    named = re.search(r"`(\w+)`", part.splitlines()[0])
    return named and named[1]


def test_the_command_line_reference_is_what_the_commands_say():
    reference = runpy.run_path(str(ROOT / "docs" / "generate_cli.py"))["reference"]()
    assert text("docs/cli.md") == reference, "run `make docs`"


def test_the_table_of_claims_is_what_the_recorded_studies_say():
    generate = runpy.run_path(str(ROOT / "docs" / "generate_claims.py"))
    page = text("docs/reproduction.md")
    assert generate["replace_table"](page) == page, "run `make docs`"


def test_the_ledger_of_tricks_is_what_the_recorded_studies_say():
    generate = runpy.run_path(str(ROOT / "docs" / "generate_ledger.py"))
    page = text("docs/tricks.md")
    assert generate["replace_table"](page) == page, "run `make docs`"


def test_the_table_of_completions_is_what_the_recorded_study_says():
    scores = results.recorded("completion_digits").per_trial().groupby("method")["value"]
    for method, values in scores:
        assert f"| `{method}` | {', '.join(f'{value:.1f}' for value in sorted(values))} |" in text("docs/studies.md")


def test_what_single_tricks_do_is_what_the_recorded_study_says():
    recorded = results.recorded("tricks_alone_mnist16_5k")
    page = " ".join(text("docs/studies.md").replace("`", "").split())
    table = equal_settings.ratios_at_equal_settings(recorded)
    assert len(table) == 12 and set(table["settings"]) == {6}
    assert equal_settings.describe_ratios(table, "plain") in page
    outside = table[(table["low"] > 1) | (table["high"] < 1)]["method"].tolist()
    assert outside == ["minibatch_discrimination", "class_projection"]
    noise = recorded.baselines().query("kind == 'noise'")["value"]
    above = (recorded.per_trial().query("method == 'plain'")["value"] > noise.max()).sum()
    assert f"with {above} of the 6 settings plain scores higher than noise" in page


@pytest.mark.parametrize("study", ["reg_norm", "loss", "combined", "both"])
def test_scores_of_fixed_settings_are_what_the_recorded_study_says(study):
    recorded, page = results.recorded(f"landscape_{study}_mnist16"), text("docs/reproduction.md")
    fixed = recorded.trials().query("phase != 'draws'")
    scores = fixed.merge(recorded.per_trial()[["trial", "value"]], on="trial")
    settings = ["g_lr", "beta1", "beta2", "disc_iters"]
    headers = [line.strip("| ").split(" | ")[2:] for line in page.splitlines() if line.startswith("| rate |")]
    (methods,) = [header for header in headers if set(header) == set(recorded.methods())]
    table = scores.pivot_table("value", settings, "method")[methods]
    assert len(table) == 12
    for (rate, beta1, beta2, updates), row in table.iterrows():
        name = f"{rate:.0e}".replace("e-0", "e-")
        cells = " | ".join(f"{score:.0f}" for score in row)
        assert f"| {name} | {beta1:g}, {beta2:g}, {updates:.0f}:1 | {cells} |" in page


def test_what_penalties_do_beside_normalizations_is_what_the_recorded_study_says():
    recorded, page = results.recorded("landscape_both_mnist16"), " ".join(text("docs/reproduction.md").split())
    fixed = recorded.trials().query("phase == 'defaults'").merge(recorded.per_trial()[["trial", "value"]], on="trial")
    table = np.log(fixed.pivot_table("value", ["g_lr", "beta1", "beta2", "disc_iters"], "method"))

    def ratio(a, b):
        difference = table[a] - table[b]
        reach = stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)
        return "{:.2f} ({:.2f} to {:.2f})".format(*np.exp(difference.mean() + reach * np.array([0, -1, 1])))

    l2 = [ratio(f"ns_l2_{norm}", f"ns_gp_{norm}") for norm in ("sn", "ln", "bn")]
    assert "are {} times as high with spectral, {} with layer and {} with batch".format(*l2) in page
    assert f"differ by 5 % at most**: {ratio('ns_dragan_sn', 'ns_gp_sn')} times the score" in page
    combined = results.recorded("landscape_combined_mnist16").per_trial()
    shared = fixed.merge(combined, on=["method", "config", "seed"])
    apart = np.expm1(np.abs(np.log(shared["value_x"] / shared["value_y"])))
    differ = f"differ by {apart.median():.1%} in the median and by {apart.max():.0%} at most".replace("%", " %")
    assert f"the {len(shared)} trainings that both have" in page and differ in page
    lowest = fixed.groupby("method")["value"].min()
    draws = recorded.per_trial().merge(recorded.trials().query("phase == 'draws'")[["trial"]], on="trial")
    better = (draws.groupby("method")["value"].min() < lowest).sum()
    assert better == 3 and "fixed settings for three methods of nine" in page


def test_how_alike_two_encoders_order_models_is_what_the_recorded_study_says():
    recorded, page = results.recorded("equal_narrow_digits"), " ".join(text("docs/reproduction.md").split())
    both = agreement.both_measures(agreement.measures(recorded), "fd_digits", "fd_random_conv")
    noise = recorded.baselines().query("kind == 'noise' and metric == 'fd_digits'")["value"].mean()
    better = both[both["fd_digits"] < noise]
    every, low = (stats.spearmanr(*models.to_numpy().T).statistic for models in (both, better))
    assert f"{len(both)} configs of `equal_narrow_digits` have a rank correlation of {every:.3f} between" in page
    assert f"the {len(better)} that score lower than noise, {low:.3f}." in page


def test_expected_bests_of_narrow_ranges_are_what_the_recorded_studies_say():
    searched = {ranges: results.recorded(f"equal_{ranges}_mnist16").searched("best") for ranges in ("narrow", "wide")}
    page = text("docs/reproduction.md")
    for method in results.recorded("equal_narrow_mnist16").methods():
        narrow, wide = (budget.replicates(searched[ranges], method)[1:] for ranges in ("narrow", "wide"))
        best, (low, high) = budget.expected_best(narrow, 4), budget.interval(narrow, 4)
        cells = f"{budget.expected_best(narrow, 1):.0f} | {best:.0f} ({low:.0f} to {high:.0f})"
        assert f"| {method} | {cells} | {budget.expected_best(wide, 4):.0f} |" in page


def test_the_highest_f1_of_each_method_is_what_the_recorded_study_says():
    signs = results.recorded("equal_f1_triangles").signs()
    table = signs.pivot_table("value", ["method", "config"], "quantity").reset_index()
    assert f"F1 is 0 for {(table['f1'] == 0).sum()} of the {len(table)} models" in text("docs/reproduction.md")
    for method, rows in table.groupby("method"):
        best = rows.loc[rows["f1"].idxmax()]
        cells = " | ".join(f"{best[name]:.2f}" for name in ("f1", "precision", "recall", "precision_median"))
        assert f"| {method} | {cells} |" in text("docs/reproduction.md") or best["f1"] == 0


def test_what_longer_searches_found_is_what_the_recorded_study_says():
    recorded, page = results.recorded("overtuning_digits"), " ".join(text("docs/studies.md").split())
    longer, same = overtuning.describe_leaders(recorded)
    ratio = " times (95 %: ".join(f"{float(number):.2f}" for number in re.findall(r"0\.\d+", longer)[:2])
    assert "the leader after 60 configurations" in longer and "the leader after 4, on 10 fresh seeds" in longer
    assert f"the leader after 60 configs scores {ratio} to " in page and "as the leader after 4." in page
    assert "after 2 of 60 still led after all" in same and "the leader after 2 still led after 60" in page
    rows = overtuning.overtuning(recorded).query("method == 'ns_gan'").set_index("configs").round(1)
    assert f"({rows.reported[30]} and {rows.reported[15]}), and" in page
    assert f"({rows.fresh[30]} and {rows.fresh[15]})" in page


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_its_arguments_and_options_have_help(name):
    command = COMMANDS[name]
    assert command.help
    assert [each.name for each in command.params if not each.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_names_every_command_and_option(name):
    part = next(part for part in text("docs/cli.md").split("\n## ") if part.startswith(f"ganscape {name}\n"))
    for parameter in COMMANDS[name].params:
        for spelled in parameter.opts if parameter.opts[0].startswith("-") else [parameter.metavar]:
            assert f"`{spelled}" in part


@pytest.mark.parametrize("slot", TRICKS)
def test_tricks_list_exactly_the_registry(slot):
    listed = re.findall(r"^\| `([\w+]+)` \|", section(text("docs/tricks.md"), slot), flags=re.MULTILINE)
    assert sorted(listed) == sorted(TRICKS[slot])
    assert slot in FIELDS


@pytest.mark.parametrize("slot", TRICKS)
def test_a_trick_s_row_names_the_file_that_holds_it(slot):
    for row in re.findall(r"^\| `.*$", section(text("docs/tricks.md"), slot), flags=re.MULTILINE):
        name = row.split("`")[1]
        file = re.search(r"\]\(\.\./([\w/]+\.py)\) \|$", row)
        assert file, row
        held = (ROOT / file[1]).read_text(encoding="utf-8")
        assert re.search(rf"\b{re.escape(name)}\b", held), f"{file[1]} does not speak of {name}"


def test_every_field_of_a_config_is_in_the_page_of_tricks():
    missing = [name for name in FIELDS if f"`{name}`" not in text("docs/tricks.md")]
    assert missing == []


@pytest.mark.parametrize("registry", [DATASETS, STUDIES], ids=["data sets", "studies"])
def test_every_name_is_documented(registry):
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in registry if f"`{name}`" not in pages] == []


def test_presets_list_exactly_the_registry_and_their_papers():
    found = {cells[0].strip("`"): cells[1] for cells in rows("docs/presets.md", "Systems")}
    assert list(found) == list(PRESETS)
    for name, paper in found.items():
        assert re.search(r"arXiv:([\d.]+\d)", PRESETS[name].source)[1] in paper


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    part = text(page).split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_metrics_list_exactly_the_formulas_and_which_way_is_better():
    found = {cells[0].strip("`"): cells[2] for cells in rows("docs/metrics.md", "Formulas")}
    assert found == {name: formula.better for name, formula in FORMULAS.items()}


def test_metrics_list_exactly_the_encoders():
    assert [cells[0].strip("`") for cells in rows("docs/metrics.md", "Encoders")] == list(ENCODERS)


def test_metrics_list_functions_where_they_are_and_leave_out_no_family():
    files = set()
    for heading in ("Formulas", "Functions that are not metrics of a sweep"):
        for name, *_, link in rows("docs/metrics.md", heading):
            file = re.search(r"\]\(\.\./([\w/]+\.py)\)$", link)[1]
            files.add(file)
            function = name.strip("`")
            compare = FORMULAS[function].compare if function in FORMULAS else None
            module = importlib.import_module(f"ganscape.{file.removesuffix('.py').replace('/', '.')}")
            assert compare.__module__ == module.__name__ if compare else hasattr(module, function)
    shared = {f"metrics/{name}.py" for name in ("__init__", "blas", "defaults", "errors", "moments", "protocol")}
    assert files == {path.relative_to(ROOT).as_posix() for path in (ROOT / "metrics").glob("*.py")} - shared


@pytest.mark.parametrize(
    ("frame", "columns"),
    [
        ("trials()", columns.TRIALS),
        ("scores()", columns.SCORES),
        ("failures()", columns.FAILURES),
        ("signs()", columns.SIGNS),
        ("per_trial(rule)", columns.PER_TRIAL),
    ],
)
def test_concepts_list_the_columns_of_the_frames(frame, columns):
    row = next(row for row in text("docs/concepts.md").splitlines() if row.startswith(f"| `{frame}` |"))
    assert row.split("`")[3] == " ".join(columns)


def test_every_method_of_a_study_is_in_the_readme_or_the_page_of_studies():
    methods = {method for study in STUDIES.values() for method in study.methods}
    pages = text("README.md").split("## Methods")[1] + text("docs/studies.md")
    listed = set(re.findall(r"^\| `(\w+)` \|", pages, flags=re.MULTILINE))
    assert methods <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    missing = [
        link
        for link in links
        if not link.startswith(("http://", "https://", "#")) and not (page.parent / link.split("#")[0]).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_named_in_the_text_exist(page):
    """Paths to files of ours in backquotes."""
    named = set(re.findall(r"`((?:\w+/)+\w+\.(?:py|md|toml))`", prose(page)))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_make_targets_in_the_documents_exist():
    targets = set(re.findall(r"^(\w+):", text("Makefile"), flags=re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:^ *|`)make (\w+)", page.read_text(), re.MULTILINE)}
    assert {"demo", "test"} <= named <= targets


def test_make_alone_prints_its_targets(tmp_path):
    (tmp_path / "Makefile").write_text(text("Makefile"))
    done = subprocess.run(["make"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for target in ("install", "demo", "test", "check", "docs", "site", "notebooks", "bench", "clean"):
        assert re.search(rf"^make {target} +\w", done.stdout, flags=re.MULTILINE)
    assert list(tmp_path.iterdir()) == [tmp_path / "Makefile"]


def _command_lines() -> list[list[str]]:
    lines = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    shown = [line.strip() for line in lines if re.match(r" *(\.venv/bin/)?ganscape [a-z]+( |$)", line)]
    return [shlex.split(line, comments=True)[1:] for line in shown if "[OPTIONS]" not in line]


def test_commands_in_the_documents_can_be_given():
    commands = _command_lines()
    assert {"run", "status", "export"} <= {words[0] for words in commands}
    for name, *words in commands:
        if name not in COMMANDS:
            name, words = f"{name} {words[0]}", words[1:]
        options = {spelled for each in COMMANDS[name].params for spelled in each.opts}
        assert {word for word in words if word.startswith("--")} <= options
        if name in ("run", "show") and words[0].islower() and not words[0].endswith(".toml"):
            assert words[0] in STUDIES


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/api.md",
        "docs/benchmark.md",
        "docs/concepts.md",
        "docs/how_to_add.md",
        "docs/statistics.md",
        "docs/tour.md",
    ],
)
def test_python_in_the_documents_imports_what_exists(page):
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def _code_words() -> set[str]:
    """Every identifier and dotted name in our Python files, and every word of their strings."""
    words = set()
    folders = ("data", "metrics", "models", "results", "search_spaces", "sweep", "src", "tests", "benchmarks", "docs")
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        words |= set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
    return words


def test_names_in_backquotes_that_look_like_code_exist():
    """Calls, dotted names, CamelCase and snake_case words of the tour and of what to read before a change."""
    words = _code_words() | {path.name for path in (ROOT / "tests").rglob("*")}
    for page in ("README.md", "CONTRIBUTING.md", "docs/tour.md", "docs/how_to_add.md", "docs/concepts.md"):
        spans = re.findall(r"`([^`\n]+)`", prose(ROOT / page))
        names = {
            span for span in spans if re.fullmatch(r"[A-Za-z_][\w.]*(\(.*\))?", span) and re.search(r"[_.(A-Z]", span)
        }
        missing = {name for name in names for part in re.findall(r"\w+", name.split("(")[0]) if part not in words}
        assert not missing, f"{page} names {sorted(missing)}, which our code does not"


def test_the_tour_s_game_is_twenty_lines_and_trains():
    (block,) = blocks("docs/tour.md", "python")
    names: dict = {}
    exec(block, names)
    assert len(block.splitlines()) <= 20
    generated = np.asarray(names["generated"])
    assert generated.shape == (16, 8, 8, 1) and np.isfinite([*names["logs"].values()]).all()
    assert not np.array_equal(generated[0], generated[1])


def test_the_readme_s_gan_trains_and_is_the_same_when_it_is_saved_and_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    block, saving = (block for block in blocks("README.md", "python") if "state" in block)
    names: dict = {}
    exec(block, names)
    before = names["sample"](names["config"], names["state"], (8, 8, 1), names["jax"].random.key(501), 16)
    exec(saving, names)
    np.testing.assert_allclose(names["images"], before, atol=1e-5)
    images = np.asarray(names["images"])
    assert images.shape == (16, 8, 8, 1)
    assert images.min() >= 0 and images.max() <= 1
    real = names["digits"].train / 255
    assert abs(images.mean() - real.mean()) < 0.1


def test_the_study_of_one_s_own_in_the_documents_can_be_read(tmp_path):
    (block,) = blocks("docs/studies.md", "toml")
    (tmp_path / "mine.toml").write_text(block)
    study = find_study(str(tmp_path / "mine.toml"))
    assert list(study.methods) == ["plain", "r1"] and "smoke" in study.scales


def test_the_site_s_first_page_leads_to_every_page():
    """In its navigation; decisions are linked from their list."""
    index = text("docs/index.md")
    named = {
        line
        for block in re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL)
        for line in block.split("\n\n")[1].split()
    }
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    pages |= {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert named <= pages
    assert {page for page in pages - named if not page.startswith("decisions/")} == {"index"}


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_holds_the_api(tmp_path):
    for package in ("furo", "myst_nb", "sphinx"):
        pytest.importorskip(package, reason="pip install ganscape[docs]")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Runs a study, or continues the one in" in (tmp_path / "reference.html").read_text(encoding="utf-8")
    assert 'href="notebooks/gallery.html">gallery' in re.sub(
        r"</?span[^>]*>", "", (tmp_path / "index.html").read_text()
    )
    assert (tmp_path / "your_images.html").exists() and (tmp_path / "search.html").exists()
    cells = json.loads(text("notebooks/gallery.ipynb"))["cells"]
    figures = [cell for cell in cells if "".join(cell["source"]).startswith("plots.")]
    assert (tmp_path / "notebooks" / "gallery.html").read_text(encoding="utf-8").count("<img ") == len(figures) > 9
