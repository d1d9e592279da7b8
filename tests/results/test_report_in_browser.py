"""The page in a real browser."""

import json
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

from ganscape.results import report
from ganscape.results.comparison import write_comparison
from ganscape.results.store import open_store

from .conftest import definition

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
TABLE = {"ns_gan": [[3.0, 4.0], [None, 2.0], [7.0, 8.0]], "a_method_with_a_long_name": [[9.0, 5.0], [6.0, 11.0]]}
LONG = "A question that is long enough to need several lines on a telephone? <b>&amp;</b> " * 2


@pytest.fixture(scope="module")
def browser():
    """A browser that reports every message of a page's console as an error of the test that opened it."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory, write_store):
    folder = write_store(tmp_path_factory.mktemp("page") / "out", TABLE, question=LONG)
    (folder / "samples" / "ns_gan-1-1").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    for rung in (100, 200):
        Image.fromarray(picture).save(folder / "samples" / "ns_gan-1-1" / f"{rung}.png")
    return report.write_report(folder).as_uri()


@pytest.fixture
def opened(browser, address):
    """opened(address, width) -> a page; nothing may be said on its console."""
    pages, said = [], []

    def open_page(of=address, width=1280):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(of)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert said == []


def rows(page):
    return page.locator("#trials tr[data-row]")


def test_a_point_of_a_figure_tells_of_its_trial_and_opens_it(opened):
    page = opened()
    page.locator("use[data-trial]").first.scroll_into_view_if_needed()
    point = page.locator("use[data-trial]").first.bounding_box()
    at = point["x"] + point["width"] / 2, point["y"] + point["height"] / 2
    page.mouse.move(*at)
    assert page.locator("#tip").inner_text() == "ns_gan ns_gan-1 seed 1: 2"
    assert "hovered" in rows(page).first.get_attribute("class")
    page.mouse.click(*at)
    about = page.locator("#about")
    assert about.locator("h3").inner_text() == "ns_gan: 2"
    assert about.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    about.locator("input[type=range]").fill("0")
    assert about.locator("figcaption").first.inner_text() == "Samples at rung 100"
    assert about.locator("polyline").count() == 1 and "0.1" in about.locator("table").inner_text()
    page.keyboard.press("Escape")
    assert not about.is_visible()


def test_trials_are_filtered_by_method_status_words_and_ranges(opened):
    page = opened()
    amount = page.locator("#amount")
    assert amount.inner_text() == "10 trials" and page.locator("use.out").count() == 0
    page.get_by_role("button", name="ns_gan", exact=True).click()
    assert amount.inner_text() == "4 of 10 trials" and page.locator("use.out").count() == 5
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Status").select_option("failed")
    assert amount.inner_text() == "1 of 10 trials" and "failed" in rows(page).first.inner_text()
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Config or trial").fill("ns_gan-2")
    assert amount.inner_text() == "2 of 10 trials"
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Column").select_option("learning_rate")
    page.get_by_label("highest").fill("0.1")
    page.get_by_role("button", name="Keep range").click()
    assert amount.inner_text() == "6 of 10 trials"
    page.locator(".range").click()
    assert amount.inner_text() == "10 trials"


def test_a_range_is_drawn_on_an_axis_of_all_settings(opened):
    page = opened()
    page.locator("#parallel-over").scroll_into_view_if_needed()
    box = page.locator("#parallel-over").bounding_box()
    last = box["x"] + box["width"] - 46  # the axis of the score
    page.mouse.move(last, box["y"] + box["height"] - 20)
    page.mouse.down()
    page.mouse.move(last, box["y"] + box["height"] - 80)
    page.mouse.up()
    assert page.locator(".range").inner_text().startswith("fd_digits: 2 to ")
    assert 0 < rows(page).count() < 9


def test_the_table_is_sorted_walked_and_opened_by_keys(opened):
    page = opened()
    assert rows(page).first.inner_text().split()[:2] == ["ns_gan", "2"]
    page.get_by_title("Sort by score").press("Enter")
    assert rows(page).first.inner_text().split()[1] == "11", "a failed trial stays behind those that worked"
    page.locator(".scroll").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#about h3").inner_text() == "a_method_with_a_long_name: 9"


def test_two_trials_stand_side_by_side(opened):
    page = opened()
    page.locator(".scroll").focus()
    for key in (" ", "ArrowDown", " "):
        page.keyboard.press(key)
    page.get_by_role("button", name="Compare 2").click()
    about = page.locator("#about")
    assert about.locator("h3").inner_text() == "2 trials side by side" and about.locator("polyline").count() == 2
    assert [row.split() for row in about.locator("tr.differs").all_inner_texts()] == [["learning", "rate", "0.1", "1"]]


def test_trials_and_figures_are_saved(opened):
    page = opened()
    page.get_by_role("button", name="ns_gan", exact=True).click()
    with page.expect_download() as saved:
        page.locator("#save-trials").click()
    head, *lines = saved.value.path().read_text().splitlines()
    assert head.startswith("method,score,status,seed,") and head.endswith("learning_rate,loss") and len(lines) == 4
    figure = page.get_by_label("budget-curves")
    for kind, begin in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"k,mean,low,high")):
        with page.expect_download() as saved:
            figure.get_by_role("button", name=kind).click()
        assert saved.value.path().read_bytes().startswith(begin)
        assert saved.value.suggested_filename == f"equal-wide-budget-curves.{kind.lower()}"


OUTSIDE = """() => [...document.querySelectorAll("main *:not(svg *)")].filter(element =>
        !element.closest(".wide, .scroll") && element.getBoundingClientRect().right > innerWidth + 1)
        .map(element => element.outerHTML.slice(0, 80))"""


def test_nothing_is_wider_than_the_window(opened):
    page = opened(width=390)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width and page.evaluate(OUTSIDE) == []


def test_nothing_is_cut_on_paper(opened):
    page = opened(width=760)
    page.emulate_media(media="print")
    cut = """() => [...document.querySelectorAll(".wide, .scroll, table")].filter(element =>
        getComputedStyle(element).overflow !== "visible" || element.scrollHeight > element.clientHeight + 2 ||
        element.getBoundingClientRect().right > innerWidth + 1).map(element => element.outerHTML.slice(0, 80))"""
    assert page.evaluate(cut) == [] and not page.locator("#filter").is_visible()
    assert page.pdf().startswith(b"%PDF")


STATES = {
    "empty": {},
    "running": {"table": {"a": [["running"], [1.0]], "b": [["running"], ["running"]]}},
    "all failed": {"table": {"a": [[None, None]], "b": [[None, None]]}},
    "bandit": {"table": {"a": [[2.0], [1.0]], "b": [[3.0], [1.5]]}, "searcher": "gp_ei"},
    "tied": {"table": {"a": [[1.0, 1.0]], "b": [[1.0, 1.0]]}, "metric": "one_minus_f1_triangles"},
    "odd names": {"table": {"<script><b>'\"&": [[1.0], [2.0]], "é" * 100: [[3.0], [4.0]]}},
}


# States whose pages are opened with their figures; what can trouble a browser in the others are tables and facts.
DRAWN = ("running", "odd names")


@pytest.mark.parametrize("state", STATES)
def test_no_state_of_a_sweep_troubles_the_browser(opened, tmp_path, write_store, state, request):
    """`opened` fails for anything that the console says."""
    changes = dict(STATES[state])
    if state not in DRAWN:
        request.getfixturevalue("without_figures")
    table = changes.pop("table", None)
    if table is None:
        open_store(tmp_path / "out").close()
    else:
        write_store(tmp_path / "out", table, **changes)
    page = opened(report.write_report(tmp_path / "out").as_uri())
    trials = sum(len(row) for config in (table or {}).values() for row in config)
    assert page.locator("#amount").inner_text() == f"{trials} trials"
    if trials:
        rows(page).first.locator("td").nth(1).click()
        assert page.locator("#about h3").inner_text()


@pytest.mark.usefixtures("without_figures")
def test_trials_that_a_scheduler_stopped_are_told_as_such(opened, tmp_path, write_store):
    folder = write_store(tmp_path / "out", {"a": [[1.0], ["running"]], "b": [["running"], [2.0]]})
    score = {"rung": 100, "images": 100, "metric": "fd_digits", "value": 9.0, "protocol": "0123456789ab", "attempt": 0,
             "seconds": 1.0}  # fmt: skip
    end = {"attempt": 0, "cause": "stopped", "rung": 100, "step": 5, "message": "halving", "detail": "", "final": True}
    with open_store(folder) as store:
        for trial in ("a-1-0", "b-0-0"):
            store.add_scores([score | {"trial": trial}])
            store.add_failure(end | {"trial": trial})
    page = opened(report.write_report(folder).as_uri())
    page.get_by_label("Status").select_option("stopped")
    assert page.locator("#amount").inner_text() == "2 of 4 trials"
    rows(page).first.locator("td").nth(1).click()
    assert "halving" in page.locator("#about").inner_text()


@pytest.mark.usefixtures("without_figures")
def test_the_dialog_of_a_trial_has_the_command_that_uses_its_generator(opened, tmp_path, write_store):
    folder = write_store(tmp_path / "out's", {"a": [[1.0], [2.0]]})
    with open_store(folder) as store:
        store.add_generators([{"trial": "a-0-0", "rung": 200, "bytes": 3 * 2**20, "kept": True}])
    page = opened(report.write_report(folder).as_uri())
    rows(page).first.locator("td").nth(1).click()
    about = page.locator("#about")
    commands = about.locator(".command pre").all_inner_texts()
    assert "3 MiB" in about.inner_text()
    assert shlex.split(commands[0])[:5] == ["ganscape", "sample", str(folder), "--trial", "a-0-0"]
    path = json.loads(commands[1].partition("load_generator(")[2].rstrip(")"))
    assert path == f"{folder}/generators/a-0-0/200.safetensors"
    page.keyboard.press("Escape")
    rows(page).nth(1).locator("td").nth(1).click()
    assert shlex.split(about.locator(".command pre").inner_text())[-1] == "--retrain"


CONTRAST = """() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const linear = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const hasWords = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const texts = [...document.querySelectorAll("body *:not(svg *):not(script)")].filter(element =>
    element.checkVisibility() && !element.disabled && hasWords(element));
  return texts.map(element => {
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), element.outerHTML.slice(0, 60)];
  }).filter(([ratio]) => ratio < 4.5);
}"""


def test_words_can_be_read_in_the_light_and_in_the_dark(opened):
    """Every word has the contrast with what is behind it that WCAG 2 asks for: 4.5."""
    page = opened()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light")
        assert page.evaluate(CONTRAST) == []
        rows(page).first.locator("td").nth(1).click()
        assert page.evaluate(CONTRAST) == []
        page.keyboard.press("Escape")


def test_a_comparison_fits_a_telephone_and_is_read_in_the_dark(opened, tmp_path, write_store):
    one = write_store(tmp_path / "a sweep with a long name", TABLE, question=LONG)
    other = write_store(
        tmp_path / "b", {name: [[2.0 * (score or 9)] for score, _ in rows] for name, rows in TABLE.items()}
    )
    page = opened(write_comparison([one, other], tmp_path / "page.html").as_uri(), 390)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(OUTSIDE) == [] and page.evaluate(CONTRAST) == []
    assert page.pdf().startswith(b"%PDF")


@pytest.mark.slow
def test_ten_thousand_trials_are_one_page_that_opens_and_filters(opened, tmp_path):
    amount, rungs = 10_000, list(range(100, 1100, 100))
    rng = np.random.default_rng(0)
    with open_store(tmp_path / "out") as store:
        store.begin(definition(["a", "b"], amount // 2, 1, rungs=rungs, images=1000))
        store.add_protocol("0123456789ab", {"metric": "fd_digits"})
        store.add_trials(0, [
            {"trial": f"t{i}", "config": f"c{i}", "method": "ab"[i % 2], "seed": 0, "structure": "s",
             "settings": {"learning_rate": float(10 ** rng.uniform(-5, -2)), "loss": "ab"[i % 2]}}
            for i in range(amount)
        ])  # fmt: skip
        shared = {"metric": "fd_digits", "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0}
        store.add_scores([
            shared | {"trial": f"t{i}", "rung": rung, "images": rung, "value": float(value)}
            for i in range(amount) for rung, value in zip(rungs, np.exp(rng.normal(3, 1, len(rungs))), strict=True)
        ])  # fmt: skip
    path = report.write_report(tmp_path / "out")
    assert path.stat().st_size < 15 * 2**20
    page = opened(path.as_uri())
    assert page.locator("#amount").inner_text() == "10,000 trials" and rows(page).count() < 100
    page.get_by_role("button", name="a", exact=True).click()
    assert page.locator("#amount").inner_text() == "5,000 of 10,000 trials"
    page.locator(".scroll").evaluate("box => box.scrollTop = box.scrollHeight")
    assert rows(page).last.inner_text().split()[0] == "b"
