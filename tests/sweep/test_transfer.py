"""Ranges from another sweep: the box around its good configs, and what cannot give one."""

import math

import numpy as np
import pytest

from results import StoreError, load
from results.store import open_store
from search_spaces import LogUniform, StudyError, find
from sweep.backlog import Backlog
from sweep.plan import ask, plan
from sweep.transfer import with_ranges_from
from sweep.trial import Failure, Score

SIZE = {"configs": 20, "images": 640, "interval": 640, "disc_iters": 1}
METHODS = ["ns_gan", "wgan_gp"]


def score(trial):
    """The better the nearer to a rate of 3e-4; the seed says more than that, but not in the median of three."""
    return 100 * abs(math.log10(trial.config.g_lr / 3e-4)) + (1000, 0.1, 0.2)[trial.seed]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A sweep of twenty configs with three seeds; configs below 5e-5 failed."""
    folder = tmp_path_factory.mktemp("earlier")
    planned = plan("equal/wide", out=folder, methods=METHODS, seeds=3, settings=SIZE)
    with open_store(folder) as store:
        store.begin(planned.definition)
        store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        backlog = Backlog(planned, store, 1, {}, lambda backlog: None)
        while not backlog.done():
            for trial in backlog.take().trials:
                picture = np.zeros((96, 8, 8, 1), np.uint8)
                failed = trial.config.g_lr < 5e-5
                failure = Failure(trial.id, 0, "diverged", 640, 1, "not finite", "")
                backlog.record(failure if failed else Score(trial.id, 0, 640, 640, score(trial), 0.5, picture))
    return folder


def test_ranges_are_those_of_the_best_by_the_median_over_seeds(earlier):
    asked = load(earlier).trials().query("seed == 0")
    near = {}
    for method in METHODS:
        rates = asked.loc[asked["method"] == method, "g_lr"]
        near[method] = sorted(rates[rates >= 5e-5], key=lambda rate: abs(math.log10(rate / 3e-4)))[:5]
    made = with_ranges_from(find("equal/wide").only(METHODS), earlier)
    for method in METHODS:
        assert made.methods[method].dimensions["learning_rate"] == LogUniform(min(near[method]), max(near[method]))
        assert made.methods[method].source.endswith("cut to the best 5 of 20 configs of equal/wide on digits")
        assert made.methods[method].defaults == find("equal/wide").methods[method].defaults


def test_a_plan_asks_within_them_after_the_authors_setting(earlier, tmp_path):
    made = plan("equal/wide", out=tmp_path, methods=METHODS, ranges_from=earlier, settings=SIZE)
    box = made.methods["wgan_gp"].dimensions
    first, *others = ask(made, "wgan_gp", 0, [])
    assert first.g_lr == 1e-4 and len(others) == 19
    assert all(box["learning_rate"].contains(config.g_lr) for config in others)
    assert all(box["penalty_weight"].contains(config.penalty_weight) for config in others)
    plain = plan("equal/wide", out=tmp_path, methods=METHODS, settings=SIZE)
    assert made.definition["methods"] != plain.definition["methods"]


def test_what_gives_no_ranges_is_told(earlier, tmp_path):
    with pytest.raises(StoreError, match="no store"):
        with_ranges_from(find("equal/wide"), tmp_path / "none")
    with pytest.raises(StudyError, match=r"of 0 configs of method 'mm_gan' there 0 are good; .*: ns_gan, wgan_gp"):
        with_ranges_from(find("equal/wide"), earlier)
    small = plan("equal/wide", out=tmp_path, methods=["ns_gan"], seeds=1, settings=SIZE | {"configs": 2})
    with open_store(tmp_path) as store:
        store.begin(small.definition)
        Backlog(small, store, 1, {}, lambda backlog: None).take()
    with pytest.raises(StudyError, match=r"equal/wide on digits\) is not finished"):
        with_ranges_from(find("equal/wide").only(["ns_gan"]), tmp_path)


def test_published_sets_have_no_other_ranges(earlier, tmp_path):
    with pytest.raises(StudyError, match="searcher 'original'"):
        plan("equal/wide", out=tmp_path, methods=METHODS, ranges_from=earlier, searcher="original", settings=SIZE)
