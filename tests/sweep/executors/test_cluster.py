"""Whom Ray is told of, and where it is looked for."""

import contextlib
import socket
import subprocess
import sys

RUN = (sys.executable, "-W", "ignore", "-m", "ganscape", "run", "equal/wide", "--executor", "ray")


def test_an_address_where_nobody_answers_is_refused_at_once(tmp_path):
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        out = tmp_path / "out"
        command = [*RUN, "--address", address, "--out", str(out)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    (line,) = ran.stderr.strip().splitlines()
    assert ran.returncode == 2
    assert line.startswith(f"error: cannot join a Ray cluster at {address!r}: ") and "refused" in line
    assert not out.exists()


def test_callbacks_of_tune_are_told_every_score(make_sweep, tmp_path, monkeypatch):
    """A callback of the user's own, in a module beside the command."""
    (tmp_path / "mine.py").write_text(
        "import json, ray.tune\n"
        "class Lines(ray.tune.Callback):\n"
        "    def on_trial_result(self, iteration, trials, trial, result, **info):\n"
        "        with open('lines', 'a') as file:\n"
        "            print(json.dumps({k: v for k, v in result.items() if '/' in k}), repr(trial.config), file=file)\n"
    )
    sweep = make_sweep("ray")
    settings = ["configs=1", "images=1280", "interval=640", "samples=100", "disc_iters=1", "z_dim=8"]
    options = [part for each in (*settings, "discriminator_normalization=none") for part in ("--set", each)]
    sweep.command = [*RUN, "--methods", "ns_gan", "--seeds", "1", "--out", str(sweep.out), *options]
    sweep.command += ["--workers", "1", "--callback", "mine:Lines"]
    sweep.command += ["--callback", "ray.tune.logger:TBXLoggerCallback"]
    monkeypatch.chdir(tmp_path)
    sweep.start().finish()
    lines = (tmp_path / "lines").read_text()
    events = b"".join(file.read_bytes() for file in (sweep.out / "tune").rglob("events.out.tfevents.*"))
    assert len(sweep.table()) == 2 and "{'worker': 1}" in lines
    for (trial, rung), (value, images) in sweep.table().items():
        assert f'{{"fd_digits/{trial}": {value!r}, "images/{trial}": {images}}}' in lines, rung
        assert f"ray/tune/fd_digits/{trial}".encode() in events
