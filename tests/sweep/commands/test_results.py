"""Commands on an output folder."""

import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import pytest

from ganscape.results.frames import RECORDED
from ganscape.results.store import STORE


@pytest.mark.parametrize("command", ["status", "report", "watch", "serve"])
def test_a_folder_without_a_store_is_refused(ganscape, refused, tmp_path, command):
    refused(ganscape(command, tmp_path), str(tmp_path), "store.sqlite")


@pytest.mark.parametrize("words", [["--once"], []])
def test_a_sweep_is_watched_until_its_end(ganscape, recorded, words):
    result = ganscape("watch", recorded, *words)
    assert result.exit_code == 0
    for part in ("144 of 144 trials ended", "0% (0% to 18%)", "wgan_gp", "19.11", "180.2 (75.66 to 429.2)"):
        assert part in result.stdout
    assert "left" not in result.stdout and "no score for" not in result.stdout


def test_a_report_is_served_until_an_interruption(tmp_path):
    shutil.copy(RECORDED / "completion_digits" / STORE, tmp_path)  # the smallest: its page is written the soonest
    command = [sys.executable, "-m", "ganscape", "serve", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            address = re.search(r"http://127\.0\.0\.1:\d+/", running.stdout.readline())[0]
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert "Best configuration: " in answer.read().decode()
            running.send_signal(signal.SIGINT)
            _, error = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 130 and error.splitlines()[-1] == "stopped serving"
    assert sorted(path.name for path in tmp_path.iterdir() if "-" not in path.name) == [STORE]
