"""Ranges from another sweep: the box around its good configs, and what cannot give one."""

import math

import numpy as np
import pytest

from ganscape.results import StoreError, load
from ganscape.results.store import open_store
from ganscape.search_spaces import LogUniform, StudyError, find_shipped
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.messages import Failure, Score
from ganscape.sweep.plan import plan
from ganscape.sweep.rounds import first_configs
from ganscape.sweep.transfer import with_ranges_from

SIZE = {"configs": 20, "images": 640, "interval": 640, "disc_iters": 1}
FAMILIES = ["ns_gan", "wgan_gp"]


def score(trial):
    """By two seeds of three the better the nearer to a rate of 3e-4; by the first, and by those that confirm, the
    worse, and by so much that any mean is."""
    distance = abs(math.log10(trial.config.g_lr / 3e-4))
    return 100 * distance + 0.1 * trial.seed if trial.seed in (1, 2) else 1e4 / (0.1 + distance)


def finished(folder, lowest, **settings):
    """A sweep with three seeds, and the best config of each method again with two; below the lowest rate all fail."""
    planned = plan("equal/wide", out=folder, methods=FAMILIES, seeds=3, settings=SIZE | {"confirm": 2} | settings)
    with open_store(folder) as store:
        store.begin(planned.definition)
        store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        backlog = Backlog(planned, store, 1, {}, lambda backlog: None)
        while not backlog.done():
            for trial in backlog.take().trials:
                picture = np.zeros((96, 8, 8, 1), np.uint8)
                failure = Failure(trial.id, 0, "diverged", 640, 1, "not finite", "")
                scored = Score(trial.id, 0, 640, 640, score(trial), 0.5, picture)
                backlog.record(failure if trial.config.g_lr < lowest else scored)
    return folder


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A sweep of twenty configs."""
    return finished(tmp_path_factory.mktemp("earlier"), 5e-5)


def test_ranges_are_those_of_the_best_by_the_median_over_seeds(earlier):
    asked = load(earlier).trials().query("seed == 0")
    near = {}
    for method in FAMILIES:
        rates = asked.loc[asked["method"] == method, "g_lr"]
        near[method] = sorted(rates[rates >= 5e-5], key=lambda rate: abs(math.log10(rate / 3e-4)))[:5]
    made = with_ranges_from(find_shipped("equal/wide").select_methods(FAMILIES), earlier)
    for method in FAMILIES:
        assert made.methods[method].dimensions["learning_rate"] == LogUniform(min(near[method]), max(near[method]))
        assert made.methods[method].source.endswith("cut to the best 5 of 20 configs of equal/wide on digits")
        assert made.methods[method].defaults == find_shipped("equal/wide").methods[method].defaults


def test_a_plan_asks_within_them_after_the_authors_setting(earlier, tmp_path):
    made = plan("equal/wide", out=tmp_path, methods=FAMILIES, ranges_from=earlier, settings=SIZE)
    box = made.methods["wgan_gp"].dimensions
    first, *others = first_configs(made, "wgan_gp")
    assert first.g_lr == 1e-4 and len(others) == 19
    assert all(box["learning_rate"].contains(config.g_lr) for config in others)
    assert all(box["penalty_weight"].contains(config.penalty_weight) for config in others)
    plain = plan("equal/wide", out=tmp_path, methods=FAMILIES, settings=SIZE)
    assert made.definition["methods"] != plain.definition["methods"]
    told = " Its ranges are cut to the best configs of equal/wide on digits, whose cost is not counted here."
    assert made.definition["question"] == plain.definition["question"] + told


def test_what_gives_no_ranges_is_told(earlier, tmp_path):
    with pytest.raises(StoreError, match="no store"):
        with_ranges_from(find_shipped("equal/wide"), tmp_path / "none")
    with pytest.raises(StudyError, match=r"of 0 configs of method 'mm_gan' there 0 are good; .*: ns_gan, wgan_gp"):
        with_ranges_from(find_shipped("equal/wide"), earlier)
    small = plan("equal/wide", out=tmp_path, methods=["ns_gan"], seeds=1, settings=SIZE | {"configs": 2})
    with open_store(tmp_path) as store:
        store.begin(small.definition)
        Backlog(small, store, 1, {}, lambda backlog: None).take()
    with pytest.raises(StudyError, match=r"equal/wide on digits\) is not finished"):
        with_ranges_from(find_shipped("equal/wide").select_methods(["ns_gan"]), tmp_path)


def test_five_good_configs_of_ten_are_needed(tmp_path):
    study = find_shipped("equal/wide").select_methods(["ns_gan"])
    few = finished(tmp_path / "few", 0.0, configs=9)
    with pytest.raises(StudyError, match="of 9 configs of method 'ns_gan' there 5 are good; at least 5 of 10"):
        with_ranges_from(study, few)
    rates = sorted(load(few).trials().query("seed == 0 and method == 'ns_gan'")["g_lr"])
    bad = finished(tmp_path / "bad", rates[-2], configs=10)
    with pytest.raises(StudyError, match=r"of 10 configs of method 'ns_gan' there [23] are good; at least 5 of 10"):
        with_ranges_from(study, bad)


def test_published_sets_have_no_other_ranges(earlier, tmp_path):
    with pytest.raises(StudyError, match="searcher 'original'"):
        plan("equal/wide", out=tmp_path, methods=FAMILIES, ranges_from=earlier, searcher="published", settings=SIZE)
