"""The page about a paper: what it holds, and that its links lead somewhere."""

import html
import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from ganscape.results.claims.searches import ALL
from ganscape.results.page.papers import FIGURES
from ganscape.results.reproduction import REPRODUCTIONS, find_reproduction, write_reproduction
from ganscape.results.store import StoreError
from ganscape.search_spaces import STUDIES
from ganscape.sweep.commands.cli import app


@pytest.fixture
def folders(build):
    """Finished folders of two studies of EQUAL: in both, NS is clearly better than MM."""

    def scores(shift):
        rows = {method: [[100.0], *([shift + 10.0 * (1 + i % 5)] for i in range(10))] for method in ALL}
        return rows | {"ns_gan": [[100.0], *([shift + 1.0 + 0.1 * (i % 5)] for i in range(10))]}

    known = {"methods": {method: {"defaults": [{"learning_rate": 1.0}]} for method in ALL}, "searcher": "random"}
    made = [build(scores(i), name, study=name.replace("-", "/", 1), **known)
            for i, name in enumerate(("equal-wide", "equal-narrow"))]  # fmt: skip
    for folder in made:
        (folder / "report.html").touch()
    return made


def test_the_page_holds_claims_studies_and_published_scores(folders, tmp_path):
    path = write_reproduction(find_reproduction("equal"), tmp_path, folders)
    page = html.unescape(path.read_text())
    assert "This is no reproduction of the paper: data digits" in page
    assert "The non-saturating loss is better than the minimax loss." in page and 'class="holds"' in page
    for method, published in REPRODUCTIONS["equal"].published.items():
        assert method in page and published in page
    links = re.findall(r'href="([^"#][^"]*)"', page)
    assert {"equal-wide/report.html", "equal-narrow/report.html", "claims.csv"} <= set(links)
    assert all((tmp_path / link).exists() for link in links)
    figures = re.findall(r"<figure><h2>(Fig\. \d+): (equal/\w+)</h2><svg", page)
    assert figures == [("Fig. 4", "equal/wide"), ("Fig. 5", "equal/wide"), ("Fig. 15", "equal/narrow")]
    claims = pd.read_csv(tmp_path / "claims.csv").set_index("claim")
    assert claims.loc["equal/ns-below-mm", "verdict"] == "holds"
    assert all(name.startswith("equal/") for name in claims.index)


def test_studies_of_a_reproduction_exist_and_have_the_papers_scale():
    for reproduction in REPRODUCTIONS.values():
        assert all("paper" in STUDIES[study].scales for study in reproduction.studies)
    assert set(FIGURES) <= set(STUDIES), "a figure of a study that does not exist is never drawn"
    assert set(REPRODUCTIONS["equal"].published) == set(ALL)


def test_another_paper_or_scale_is_told_with_the_choices(tmp_path):
    with pytest.raises(StoreError, match=r"unknown paper 'equall' .*one of: equal, landscape"):
        find_reproduction("equall")
    done = CliRunner().invoke(app, ["reproduce", "equal", "--scale", "smokey", "--out", str(tmp_path / "out")])
    assert done.exit_code == 2 and done.output.startswith("error: unknown scale 'smokey' (did you mean 'smoke'?)")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_paper_is_run_continued_and_told_on_one_page(tmp_path, monkeypatch):
    short = REPRODUCTIONS["equal"]._replace(studies=("equal/narrow",))
    monkeypatch.setitem(REPRODUCTIONS, "equal", short)
    command = ["reproduce", "equal", "--scale", "smoke", "--out", str(tmp_path)]
    assert CliRunner().invoke(app, command).exit_code == 0
    scores = (tmp_path / "equal-narrow" / "store.sqlite").read_bytes()
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0 and str(tmp_path / "reproduction.html") in again.output
    assert len((tmp_path / "equal-narrow" / "store.sqlite").read_bytes()) >= len(scores)
