"""Small real pieces for the tests of the trunk: digits, an evaluator, a workload, trials."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ganscape import data
from ganscape.models import Config
from ganscape.results import frames
from ganscape.sweep import estimate
from ganscape.sweep.commands.cli import app
from ganscape.sweep.measuring.evaluation import evaluator
from ganscape.sweep.messages import Cohort, Score, Workload
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.trial import train


@pytest.fixture(scope="session")
def digits():
    return data.load("digits")


@pytest.fixture(scope="session")
def judge(digits):
    return evaluator("fd_digits", digits.test, 100)


@pytest.fixture
def workload(digits, tmp_path):
    return Workload(digits, "fd_digits", 100, (640, 1280, 1920), 1, str(tmp_path / "checkpoints"), 1e9)


@pytest.fixture
def make_cohort():
    def make(*configs, committed=None, size=None, seed=0):
        trials = tuple(trial_of(0, "ns_gan", config, seed) for config in configs)
        known = committed or [frozenset()] * len(trials)
        return Cohort(trials, tuple(known), (0,) * len(trials), size or len(trials))

    return make


@pytest.fixture(scope="session")
def trained():
    """What `scores_of` has computed so far."""
    return {}


@pytest.fixture
def scores_of(trained, make_cohort, workload, judge):
    """(configs) -> {(trial, rung): score} of a cohort of them that nothing disturbs; computed once for all tests."""

    def compute(*configs):
        key = tuple(config.identity() for config in configs)
        if key not in trained:
            messages = []
            train(make_cohort(*configs), workload, judge, messages.append)
            trained[key] = {(m.trial, m.rung): m.value for m in messages if isinstance(m, Score)}
        return trained[key]

    return compute


@pytest.fixture
def configs():
    """Three configs that share a program, small enough to compile and train in a moment."""
    return [Config(g_lr=rate, d_lr=rate, z_dim=8) for rate in (1e-4, 5e-4, 2e-3)]


@pytest.fixture
def ganscape(monkeypatch):
    """(words) -> what the command line makes of them. Dry runs measure for a moment; test_estimate.py says how long."""
    monkeypatch.setattr(estimate, "MEASURED_SECONDS", 0.05)

    def call(*words):
        before = dict(os.environ)  # a dry run gives its process the environment of a worker
        terminate = signal.getsignal(signal.SIGTERM)  # which a sweep handles
        try:
            return CliRunner().invoke(app, [str(word) for word in words])
        finally:
            os.environ.clear()
            os.environ.update(before)
            signal.signal(signal.SIGTERM, terminate)

    return call


@pytest.fixture
def refused():
    """(result, fragments) asserts that a command ended with one line that holds these."""

    def check(result, *fragments):
        lines = result.stderr.strip().splitlines()
        assert result.exit_code == 2, result.output
        assert len(lines) == 1 and lines[0].startswith("error: ")
        for fragment in fragments:
            assert fragment in lines[0]

    return check


@pytest.fixture
def recorded(tmp_path):
    """A finished study in a folder of its own."""
    (tmp_path / "out").mkdir()
    return Path(shutil.copy(frames.RECORDED / "equal_wide_digits" / "store.sqlite", tmp_path / "out")).parent
