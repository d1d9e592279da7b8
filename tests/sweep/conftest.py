"""Small real pieces for the tests of the trunk: digits, an evaluator, a workload, trials."""

from pathlib import Path

import pytest

import data
from models import Config
from sweep.evaluation import evaluator
from sweep.plan import trial_of
from sweep.trial import Cohort, Workload


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


@pytest.fixture
def configs():
    """Three configs that share a program, small enough to compile and train in a moment."""
    return [Config(g_lr=rate, d_lr=rate, z_dim=8) for rate in (1e-4, 5e-4, 2e-3)]


@pytest.fixture(scope="session")
def mnist_root():
    """The folder of the full MNIST, beside the checkout."""
    root = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not (root / "mnist").is_dir():
        pytest.skip(f"the full MNIST is not at {root / 'mnist'}")
    return root
