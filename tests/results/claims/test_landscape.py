"""Claims of the landscape judged by made stores, in which they are true, false, or not to be seen."""

import numpy as np
import pytest

from ganscape.results.claims import judge
from ganscape.results.claims.best_models import DATA, IMAGES, PUBLISHED, published_length
from ganscape.results.store import open_store

SETTINGS = [(rate, beta1, iters) for rate in (1e-4, 2e-4, 1e-3) for beta1, iters in ((0.5, 1), (0.5, 5), (0.9, 5))]


def write(folder, study, scores, **changes):
    """A finished folder; scores: {method: [({setting: value}, {rung: score})]}, one trial each."""
    phase = {"searcher": "defaults", "independent": True, "only_defaults": True, "confirms": False}
    definition = {
        "study": study, "scale": "s", "data": "digits", "seed": 0, "seeds": 1, "configs": 9, "rounds": 1, **phase,
        "methods": {name: {} for name in scores}, "settings": {}, "images": 200, "rungs": [100, 200],
        "metric": "fd_digits", "protocol": "p",
    } | changes  # fmt: skip
    with open_store(folder) as store:
        store.begin(definition)
        store.add_protocol("p", {"metric": definition["metric"]})
        for method, trials in scores.items():
            for number, (settings, by_rung) in enumerate(trials):
                trial = f"{method}-{number}"
                row = {"trial": trial, "config": str(settings), "method": method, "seed": number, "structure": "s"}
                store.add_trials(0, [row | {"settings": settings}])
                for rung, value in by_rung.items():
                    shared = {"trial": trial, "rung": rung, "images": rung, "attempt": 0, "seconds": 1.0}
                    store.add_scores([shared | {"metric": definition["metric"], "value": value, "protocol": "p"}])
    return folder


def over_settings(half, end, seed=0, rung=100):
    """Trials at all settings with about these scores at a rung, half the length by default, and at the end."""
    rng = np.random.default_rng(seed)
    return [
        (
            {"g_lr": rate, "beta1": beta1, "beta2": 0.999, "disc_iters": iters},
            {rung: half * np.exp(0.05 * rng.normal()), 200: end * np.exp(0.05 * rng.normal())},
        )
        for rate, beta1, iters in SETTINGS
    ]


def verdict(folder, name):
    return next(answer for answer in judge([folder]) if answer.claim.name == name)


@pytest.mark.parametrize(
    ("gp", "sn", "expected"),
    [((40, 10), (20, 18), "holds"), ((20, 18), (40, 10), "fails")],
)
def test_what_a_longer_training_gains_is_compared_at_shared_settings(tmp_path, gp, sn, expected):
    scores = {"ns_gp": over_settings(*gp, seed=1), "ns_sn": over_settings(*sn, seed=2)}
    assert verdict(write(tmp_path, "landscape/reg-norm", scores), "landscape/gp-wants-length").verdict == expected


def test_without_a_score_at_half_the_length_its_gain_cannot_be_told(tmp_path):
    scores = {"ns_gp": over_settings(40, 10, rung=120), "ns_sn": over_settings(20, 18, rung=120)}
    answer = verdict(write(tmp_path, "landscape/reg-norm", scores, rungs=[120, 200]), "landscape/gp-wants-length")
    assert answer.verdict == "not testable" and "half of the 200 images" in answer.needed


@pytest.mark.parametrize(("both", "expected"), [(10, "holds"), (40, "fails")])
def test_both_at_once_are_compared_with_either_alone(tmp_path, both, expected):
    alone = {name: over_settings(40, 20, seed) for seed, name in enumerate(("ns", "ns_gp", "ns_sn", "ns_ln"))}
    together = {name: over_settings(40, both, seed) for seed, name in enumerate(("ns_gp_sn", "ns_gp_ln"), 5)}
    folder = write(tmp_path, "landscape/combined", alone | together)
    assert verdict(folder, "landscape/both-not-worse").verdict == expected


def trained_best(folder, factor, study="landscape/best", **changes):
    """Three seeds of each best model, with about `factor` times the published distance."""
    rng = np.random.default_rng(0)
    scores: dict = {}
    for (method, rate, beta2), published in PUBLISHED[study].items():
        values = factor * published * np.exp(0.02 * rng.normal(size=3))
        after = published_length(study, method)
        longer = {IMAGES: published / 4} if after < IMAGES else {}  # what comes after the published length says nothing
        scores.setdefault(method, []).extend(
            ({"g_lr": rate, "beta2": beta2}, {after: value, **longer}) for value in values
        )
    own = {"metric": "fid", "data": DATA[study], "images": IMAGES, "rungs": [IMAGES // 2, IMAGES]}
    return write(folder, study, scores, **(own | changes))


@pytest.mark.parametrize("study", PUBLISHED)
@pytest.mark.parametrize(("factor", "expected"), [(1.05, "holds"), (1.6, "fails")])
def test_the_best_models_are_compared_with_their_published_distances(tmp_path, study, factor, expected):
    assert verdict(trained_best(tmp_path, factor, study), "landscape/best-models").verdict == expected


@pytest.mark.parametrize("change", [{"metric": "fd_lite0"}, {"data": "digits"}, {"images": 64_000, "rungs": [IMAGES]}])
def test_another_protocol_says_nothing_about_published_distances(tmp_path, change):
    answer = verdict(trained_best(tmp_path, 1.0, **change), "landscape/best-models")
    assert answer.verdict == "not testable" and "--metric fid" in answer.needed
