"""A page in a real browser, whose store changes."""

import shutil
import subprocess
import time

import pytest

from ganscape.results import server
from ganscape.results.store import open_store

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"),
)


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until and not condition():
        time.sleep(0.05)
    return condition()


def test_an_open_page_is_loaded_again_when_its_store_has_changed(build, tmp_path, monkeypatch):
    folder = build({"ns_gan": [[3.0, 4.0], ["running", 2.0]], "vae": [[9.0, 5.0], [6.0, 11.0]]})
    requests = []
    answer = server._Handler.do_GET
    monkeypatch.setattr(server, "SECONDS", 0.1)
    monkeypatch.setattr(server, "PATIENCE", 0)
    monkeypatch.setattr(server._Handler, "do_GET", lambda self: (requests.append(self.path), answer(self)))
    with server.serving(folder, port=0) as served:
        address = f"http://127.0.0.1:{served.server_port}/"
        command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'browser'}", address]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert wait_for(lambda: requests.count("/state") >= 2), requests
            assert requests.count("/") == 1, "nothing has changed"
            with open_store(folder) as store:
                trial = next(row["trial"] for row in store.trials() if row["config"] == "ns_gan-1")
                score = {"trial": trial, "rung": 100, "images": 100, "metric": "fd_digits", "value": 1.5}
                store.add_scores([score | {"protocol": "0123456789ab", "attempt": 0, "seconds": 1.0}])
            assert wait_for(lambda: requests.count("/") == 2), requests
        finally:
            browser.kill()
            browser.wait()
