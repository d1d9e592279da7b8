import base64
import io
import json
import math
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ganscape import files
from ganscape.results import frames, plots, report, verdict, wording
from ganscape.results.page import figures, next_steps, tables, trials
from ganscape.results.store import StoreError, open_store

TABLE = {"ns_gan": [[3.0, 4.0], [None, 2.0], [7.0, 8.0]], "wgan": [[9.0, 5.0], [6.0, "running"], [None, None]]}
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Collects ids, references and text, and checks that tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.references, self.tags, self.text, self.open = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self._note(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self._note(tag, attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)

    def _note(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "srcset", "data", "action"):
                self.references.append(value)
            self.references += re.findall(r"url\(([^)]*)\)", value or "")


def page(folder):
    text = report.write_report(folder).read_text(encoding="utf-8")
    return text, Page(text)


def add_samples(folder, trial, *rungs):
    images = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    (folder / "samples" / trial).mkdir(parents=True, exist_ok=True)
    for path in [folder / "samples" / trial / f"{rung}.png" for rung in rungs] + [folder / "samples" / "real.png"]:
        Image.fromarray(images).save(path)


@pytest.fixture(scope="module")
def whole(write_store, tmp_path_factory):
    """A folder with samples, the text of its page, and its parsed tags: with figures, and so made once."""
    folder = write_store(tmp_path_factory.mktemp("whole") / "out", TABLE)
    add_samples(folder, "ns_gan-1-1", 100, 200)
    add_samples(folder, "ns_gan-0-0", 100)
    return folder, *page(folder)


def test_the_page_refers_to_nothing_outside_and_its_ids_are_unique(whole):
    _, text, parsed = whole
    assert len(parsed.ids) > 40 and len(set(parsed.ids)) == len(parsed.ids)
    inner = [reference for reference in parsed.references if reference.startswith("#")]
    assert inner and {reference[1:] for reference in inner} <= set(parsed.ids)
    assert all(reference.startswith(("#", "data:image/png;base64,")) for reference in parsed.references)
    addresses = set(re.findall(r"https?://[^\"'<> )]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}, (
        "name spaces of SVG, not followed"
    )
    assert "@import" not in text and text.count("<script") == 2 and "fetch" not in text


def test_the_page_holds_question_verdict_figures_tables_and_provenance(whole):
    *_, parsed = whole
    words = " ".join(parsed.text)
    for part in ("equal/wide", "Are they equal?", "Best configuration: ", "Best configuration of each method",
                 "Failures", "Cost", "Provenance", "fd_digits, 797 samples against digits/test (797)", "0123456789ab",
                 "ganscape run equal/wide --data digits", "loss is nan", "python", "3.11"):  # fmt: skip
        assert part in words
    assert parsed.tags.count("svg") == 5


def test_names_from_outside_are_escaped(build):
    evil = "<script>alert(1)<script>"  # no slash: trials are named by folders
    folder = build({evil: [[1.0], [2.0], [None]]}, question=evil, study=evil)
    with open_store(folder) as store:
        store.add_trials(
            1, [{"trial": evil, "config": evil, "method": evil, "seed": 0, "structure": "", "settings": {evil: evil}}]
        )
        store.add_failure(
            {
                "trial": evil,
                "attempt": 0,
                "cause": "crashed",
                "rung": None,
                "step": None,
                "message": evil,
                "detail": evil,
                "final": True,
            }
        )
    text, parsed = page(folder)
    assert text.count("<script") == parsed.tags.count("script") == 2
    assert "&lt;script&gt;alert(1)&lt;script&gt;" in text


@pytest.mark.parametrize(
    "table",
    [
        {"a": [[1.0]]},
        {"a": [["running"]]},
        {"a": [[None, None]]},
        {"a": [[None], [None]], "b": [[1.0], [2.0]]},
        {"a": [[1.0, 2.0], ["running", 3.0]]},
    ],
    ids=["one trial", "nothing finished", "only failures", "a method of failures", "unfinished"],
)
@pytest.mark.usefixtures("without_figures")  # which test_plots.py draws at every stage
def test_the_page_exists_at_every_stage_of_a_sweep(build, table):
    _, parsed = page(build(table))
    words = " ".join(parsed.text)
    assert "No sample images" in words and not re.search(r"\b(nan|inf|None)\b", words.replace("loss is nan", ""))


@pytest.mark.usefixtures("without_figures")
def test_the_page_exists_before_the_study_is_written(tmp_path):
    open_store(tmp_path / "out").close()
    _, parsed = page(tmp_path / "out")
    assert "No trial has been asked yet." in " ".join(parsed.text)


@pytest.mark.usefixtures("without_figures")
def test_samples_of_the_best_trial_stand_beside_real_images(build):
    folder = build(TABLE)
    add_samples(folder, "ns_gan-1-1", 100, 200)
    text, parsed = page(folder)
    embedded = [base64.b64decode(source.split(",")[1]) for source in parsed.references if source.startswith("data:")]
    assert embedded == [
        (folder / "samples" / "ns_gan-1-1" / "200.png").read_bytes(),
        (folder / "samples" / "real.png").read_bytes(),
    ]
    assert "trial ns_gan-1-1, at rung 200" in text and "pixelated" in text


@pytest.mark.usefixtures("without_figures")
def test_rows_of_a_trial_that_completes_images_are_explained_as_such(build, monkeypatch):
    folder = build(TABLE)
    add_samples(folder, "ns_gan-1-1", 200)
    shutil.copy(folder / "samples" / "real.png", folder / "samples" / "ns_gan-1-1" / "200_walks.png")
    assert not tables.samples(frames.load(folder))["completes"]
    own = frames.Results.settings
    monkeypatch.setattr(frames.Results, "settings", lambda *which: {**own(*which), "family": "completion"})
    text, _ = page(folder)
    assert "Completed images" in text and "images of the test split with holes" in text
    assert "Between latents" not in text


@pytest.mark.usefixtures("without_figures")
def test_the_nearest_stored_rung_stands_in_and_is_named(build):
    folder = build(TABLE)
    add_samples(folder, "ns_gan-1-1", 100)
    text, _ = page(folder)
    assert "at rung 100" in text and "2 at rung 200" in text


def test_failures_are_grouped_by_method_and_cause(build):
    rows = tables.failures(frames.load(build(TABLE)))
    assert [(row["method"], row["cause"], row["count"], row["steps"]) for row in rows] == [
        ("wgan", "diverged", 2, "7"), ("ns_gan", "diverged", 1, "7"),
    ]  # fmt: skip


def test_cost_counts_each_trial_up_to_its_last_score(build):
    found = tables.cost(frames.load(build(TABLE)))
    cost = {row[0]: row[1:] for row in found["rows"]}
    assert found["unit"] == "wall", "a store of a version that did not measure CPU time"
    assert cost == {"ns_gan": (6, 1000, "1 min 40 s"), "wgan": (6, 600, "1 min 0 s"), "all": (12, 1600, "2 min 40 s")}


def test_cost_is_cpu_time_where_every_score_has_it(build):
    folder = build({"a": [["running"], ["running"]]})
    score = {"rung": 100, "images": 100, "metric": "fd_digits", "value": 2.0, "protocol": "0123456789ab", "attempt": 0,
             "seconds": 9.0}  # fmt: skip
    with open_store(folder) as store:
        store.add_scores([score | {"trial": "a-0-0", "cpu_seconds": 4.0}])
    results = frames.load(folder)
    assert results.scores()["cpu_seconds"].tolist() == [4.0]
    assert tables.cost(results) == {"unit": "CPU", "rows": [("a", 2, 100, "4 s"), ("all", 2, 100, "4 s")]}
    with open_store(folder) as store:
        store.add_scores([score | {"trial": "a-1-0", "cpu_seconds": math.nan}])
    assert tables.cost(frames.load(folder))["unit"] == "wall"


@pytest.mark.usefixtures("without_figures")
def test_the_recorded_command_is_shown(build):
    folder = build(TABLE)
    with open_store(folder) as store:
        store.add_environment({"command": ["ganscape", "run", "equal/wide", "--name", "my run"]})
    text, _ = page(folder)
    assert "ganscape run equal/wide --name &#39;my run&#39;" in text


def test_the_same_store_gives_the_same_page(whole):
    folder, text, _ = whole
    assert report.write_report(folder).read_text(encoding="utf-8") == text


def test_two_figures_of_one_kind_do_not_share_ids(build):
    results = frames.load(build(TABLE))
    pictures = [figures.svg(plots.budget_curves(results), name) for name in ("one", "two")]
    ids = [set(re.findall(r'\bid="([^"]*)"', picture)) for picture in pictures]
    assert ids[0] and not ids[0] & ids[1]


@pytest.mark.usefixtures("without_figures")
def test_a_report_that_fails_leaves_the_earlier_page(build, monkeypatch):
    folder = build(TABLE)
    path = report.write_report(folder)
    before = path.read_bytes()
    monkeypatch.setattr(
        files.os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(StoreError, match="No space left on device"):
        report.write_report(folder)
    assert path.read_bytes() == before
    assert [file.name for file in folder.iterdir() if "report" in file.name] == ["report.html"]


def test_a_folder_without_a_store_is_named(tmp_path):
    with pytest.raises(StoreError, match="nowhere"):
        report.write_report(tmp_path / "nowhere")


@pytest.mark.usefixtures("without_figures")
def test_seeds_pairs_and_importance_are_told_or_refused(build):
    rows = {name: [[float(i + 1), i + 1.5] for i in range(8)] for name in "ab"}
    _, parsed = page(build(rows))
    words = " ".join(parsed.text)
    assert "Seeds and luck" in words and "corrected for all 1 pairs" in words and "Not answered" not in words
    _, parsed = page(build({"a": [[1.0]]}, "one"))
    words = " ".join(parsed.text)
    for refusal in ("No config has two finished seeds", "Fewer than two methods", "Not answered: 1 finished configs"):
        assert refusal in words


def facts(text):
    return json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', text, re.DOTALL)[1])


def test_a_point_leads_to_its_trial_with_settings_and_samples(whole, monkeypatch, request):
    folder, text, _ = whole
    found = facts(text)
    ids = found["trials"]["id"]
    marked = [ids[int(number)] for number in re.findall(r'data-trial="(\d+)"', text)]
    assert sorted(marked) == sorted(trial for trial, value in zip(ids, found["trials"]["value"], strict=True)
                                    if isinstance(value, float) and trial != "wgan-1-1")  # fmt: skip
    best = ids.index("ns_gan-1-1")
    assert [found["trials"][name][best] for name in ("seed", "status", "value", "rung")] == [1, "done", 2.0, 200]
    config = found["trials"]["config"][best]
    assert found["configs"]["settings"]["learning_rate"][config] == 0.1
    assert found["scores"][best] == [4.0, 2.0] and found["failures"][str(ids.index("wgan-2-0"))].startswith("diverged")
    rung, picture = found["pictures"][str(best)]
    stored = (folder / "samples" / "ns_gan-1-1" / "200.png").read_bytes()
    assert rung == 200 and base64.b64decode(picture.split(",")[1]) == stored
    assert found["grids"] == {str(best): [100, 200], str(ids.index("ns_gan-0-0")): [100]}
    monkeypatch.setattr(trials, "EMBEDDED", len(stored))
    request.getfixturevalue("without_figures")
    assert facts(page(folder)[0])["pictures"].keys() == {str(best)}, "the best first"


@pytest.mark.usefixtures("without_figures")
def test_settings_of_a_page_read_back_as_the_same_number(build):
    folder = build({"a": [[1.0], [2.0]]})
    with open_store(folder) as store:
        settings = {"learning_rate": 0.1 + 0.2, "beta2": 1 - 1e-6, "loss": "a"}
        store.add_trials(
            0, [{"trial": "t", "config": "c", "method": "a", "seed": 0, "structure": "", "settings": settings}]
        )
    found = facts(page(folder)[0])["configs"]
    assert found["settings"]["learning_rate"][found["id"].index("c")] == 0.1 + 0.2
    assert wording.setting(1 - 1e-6) == "0.999999"


def test_what_to_do_next_goes_on_in_the_same_folder(build):
    folder = build({"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]})
    with open_store(folder) as store:
        run = "ganscape run equal/wide --out runs/x --set configs=2 --methods a,b --lanes 2"
        store.add_environment({"command": run})
        store.add_environment({"command": "ganscape best runs/x"})
    results = frames.load(folder)
    steps = next_steps.next_steps(results, verdict.find_verdict(results))
    assert [step.command for step in steps] == [
        "ganscape confirm runs/x --seeds 5",
        "ganscape run equal/wide --methods a,b --lanes 2 --set configs=20 --out runs/x",
    ]


@pytest.mark.parametrize(("listed", "grown"), [(3, ["--set configs=3"]), (2, [])])
def test_a_study_of_listed_settings_grows_to_its_list(build, listed, grown):
    methods = {name: {"defaults": [{"learning_rate": 10.0**-i} for i in range(listed)]} for name in "ab"}
    listing = {"methods": methods, "searcher": "defaults", "only_defaults": True, "independent": True}
    results = frames.load(build({"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]}, **listing))
    _, *larger = next_steps.next_steps(results, verdict.find_verdict(results))
    assert [" ".join(step.command.split()[-4:-2]) for step in larger] == grown


def test_only_what_may_be_best_is_worth_fresh_seeds(build):
    rng = np.random.default_rng(0)
    near = {method: rng.uniform(10, 12, (12, 1)).tolist() for method in "ab"}
    folder = build(near | {"far": rng.uniform(90, 91, (12, 1)).tolist()}, searcher="random")
    results = frames.load(folder)
    (step, *_) = next_steps.next_steps(results, verdict.find_verdict(results))
    assert step.command == f"ganscape confirm {folder} --seeds 5 --methods a,b"
    assert step.why.startswith("Train the best configurations of a and b again")


FURTHER = {"name": "search", "searcher": "random", "configs": 12, "seeds": 1, "rounds": 1, "settings": {}}


def test_a_sweep_that_was_searched_further_grows_in_its_last_search(build):
    folder = build({"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]}, phases=[FURTHER])
    results = frames.load(folder)
    steps = next_steps.next_steps(results, verdict.find_verdict(results))
    command = f"ganscape search {folder} --configs 24 --searcher random --name search --seeds 1"
    assert [step.command for step in steps][1:] == [command]


def test_an_unfinished_sweep_is_continued_by_the_same_command(build):
    folder = build({"a": [[1.0], ["running"]]})
    with open_store(folder) as store:
        store.add_environment({"command": "ganscape run equal/wide --out runs/x"})
    results = frames.load(folder)
    (step,) = next_steps.next_steps(results, verdict.find_verdict(results))
    assert step.command == "ganscape run equal/wide --out runs/x"


@pytest.mark.usefixtures("without_figures")
def test_signs_are_counted_by_method_and_cause(build):
    folder = build({"a": [["running"], ["running"]], "b": [[1.0]]})
    collapse = {"quantity": "diversity", "value": 0.01, "cause": "mode_collapse"}
    fine = {"quantity": "diversity", "value": 0.9, "cause": None}
    with open_store(folder) as store:
        for trial, rung, sign in (("a-0-0", 100, collapse), ("a-0-0", 200, collapse), ("a-1-0", 100, fine)):
            store.add_scores([{"trial": trial, "rung": rung, "images": rung, "metric": "fd_digits", "value": 2.0,
                               "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0, "signs": [sign]}])  # fmt: skip
    (row,) = tables.signs(frames.load(folder))["rows"]
    assert row == {"method": "a", "cause": "mode collapse", "trials": 1, "of_trials": 2, "rungs": 2, "of_rungs": 3,
                   "last": 1}  # fmt: skip
    text, parsed = page(folder)
    assert "1 of 2" in text and "mode collapse" in text and "No trial has failed" in " ".join(parsed.text)
    assert "Signs of failure" not in page(build({"a": [[1.0]]}, "none"))[0]


@pytest.mark.usefixtures("without_figures")
def test_stopped_trials_are_told_apart_from_failures(build):
    folder = build({"a": [["running"], [1.0]]})
    with open_store(folder) as store:
        store.add_failure({"trial": "a-0-0", "attempt": 0, "cause": "stopped", "rung": 200, "step": 1,
                           "message": "worse", "detail": "", "final": True})  # fmt: skip
    words = " ".join(page(folder)[1].text)
    assert "No trial has failed" in words and "no failure: 1 of a" in words


@pytest.mark.usefixtures("without_figures")
def test_phases_that_learn_are_drawn_in_their_order(build):
    phases = [{"name": "bandit", "searcher": "gp_bandit", "rounds": 1, "configs": 1, "seeds": 1}]
    methods = {"a": {"defaults": [{"learning_rate": 1.0}]}}
    folder = build({"a": [[2.0], [1.0]]}, searcher="points", phases=phases, round=(0, 1), methods=methods)
    words = " ".join(page(folder)[1].text)
    assert "a practitioner who first tries settings known beforehand" in words and "best twentieth" in words
    assert "drawn at random from the method's space" not in words and "2 x 1, then 1 x 1" in words
    words = " ".join(page(build({"a": [[2.0], [1.0]]}, "two", searcher="gp_ei"))[1].text)
    assert "in the order in which the searcher asked" in words and "drawn at random from" not in words


def test_a_figure_says_when_it_shows_a_sample(build):
    folder = build({"a": [[1.0 + i / 1000] for i in range(900)]})
    ax = plots.score_distributions(frames.load(folder))
    assert [text.get_text() for text in ax.texts] == ["900 trials\n300 drawn"]


@pytest.mark.usefixtures("without_figures")
def test_compilation_is_summed_up(build):
    folder = build({"a": [[1.0]], "b": [[2.0]]})
    assert "programs compiled" not in page(folder)[0]
    with open_store(folder) as opened:
        for structure, compiled, loaded in (("one", 2, 0), ("two", 2, 0), ("one", 0, 2)):
            row = {"structure": structure, "compiled": compiled, "loaded": loaded, "seconds": 10.0, "lanes": 1}
            opened.add_programs(row)
    words = " ".join(" ".join(page(folder)[1].text).split())
    for expected in ("programs compiled 4", "read from the cache 2", "structures 2", "seconds 30 s"):
        assert expected in words


def test_precision_and_recall_stand_beside_a_score_that_is_made_of_them(build):
    folder = build({"a": [["running", "running"]]}, metric="one_minus_f1_triangles")
    with open_store(folder) as store:
        for seed, precision in ((0, 0.5), (1, 0.7)):
            signs = [{"quantity": "precision", "value": precision, "cause": None},
                     {"quantity": "recall", "value": 0.25, "cause": None}]  # fmt: skip
            for rung, value in ((100, 0.9), (200, 0.4)):
                score = {"trial": f"a-0-{seed}", "rung": rung, "images": rung, "metric": "one_minus_f1_triangles"}
                kept = signs if rung == 200 else [sign | {"value": 0.0} for sign in signs]
                store.add_scores([score | {"value": value, "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0,
                                           "signs": kept}])  # fmt: skip
    (row,) = tables.methods(frames.load(folder), {})
    assert row["also"] == {"precision": pytest.approx(0.6), "recall": 0.25}


@pytest.mark.parametrize(("searcher", "first"), [("random", 1.5), ("gp_bandit", 2.0)])
def test_the_data_of_every_curve_can_be_saved(build, searcher, first):
    """Of random searches the expected best at each budget and the best at each cost, of others the best so far."""
    results = frames.load(build({"a": [[2.0], [1.0]], "b": [[3.0], [4.0]]}, searcher=searcher))
    tables = {name: pd.read_csv(io.StringIO(text)) for name, text in figures.data_tables(results).items()}
    drawn = {name for name, _, caption in figures.main_figures(results) if caption}
    assert drawn <= tables.keys()
    curves = [tables[name] for name in drawn & {"budget-curves", "cost-curves"}]
    assert all(set(table["method"]) == {"a", "b"} for table in curves)
    assert ("cost-curves" in tables) == (searcher == "random")
    assert tables["budget-curves"].query("method == 'a'")["mean"].tolist() == [first, 1.0]
