"""A page in a real browser, whose store changes."""

import shutil

import pytest

from ganscape.results import report, server
from ganscape.results.store import open_store

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
SCORE = {"rung": 100, "images": 100, "metric": "fd_digits", "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0}


@pytest.fixture
def page():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page()
        browser.close()


def test_an_open_page_follows_its_store_and_keeps_what_the_reader_does(build, monkeypatch, page):
    folder = build({"ns_gan": [[3.0, 4.0], ["running", 2.0]], "vae": [[9.0, 5.0], [6.0, 11.0]]})
    monkeypatch.setattr(server, "SECONDS", 0.1)
    monkeypatch.setattr(server, "PATIENCE", 0)
    monkeypatch.setattr(report.figures, "main_figures", lambda results: [])  # most of the seconds of a page
    monkeypatch.setattr(report.figures, "seeds", lambda results: None)
    errors, loads = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("load", lambda: loads.append(1))
    with server.serving(folder, port=0) as served:
        page.goto(f"http://127.0.0.1:{served.server_port}/")
        page.get_by_role("button", name="vae", exact=True).click()
        amount, row = page.locator("#amount"), page.locator("tr.running")
        assert amount.inner_text() == "4 of 8 trials" and "running" in row.inner_text()
        page.locator("#trials tr.done").first.locator("td").nth(1).click()
        title = page.locator("#about h3").inner_text()
        page.evaluate("scrollTo(0, 300)")
        with open_store(folder) as store:
            store.add_scores([SCORE | {"trial": "ns_gan-1-0", "value": 1.5}])
        page.wait_for_function("document.querySelector('#trials tr.running').innerText.includes('1.5')")
        assert loads == [1] and amount.inner_text() == "4 of 8 trials"
        assert page.locator("#about").is_visible() and page.locator("#about h3").inner_text() == title
        assert page.evaluate("scrollY") == 300 and errors == []
        for file in folder.glob("store*"):
            file.unlink()
        page.wait_for_function("document.querySelector('#trouble').textContent.includes('no results in')")
