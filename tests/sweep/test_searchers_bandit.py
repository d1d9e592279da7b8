"""Searchers that look at scores."""

import importlib.util
import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from ganscape.search_spaces import SPACES, Choice, Integer, Space, Uniform, When
from ganscape.sweep.searchers import SEARCHERS, Observation
from ganscape.sweep.searchers.coordinates import Coordinates, standardize
from ganscape.sweep.searchers.gp_bandit import (
    ACQUISITIONS,
    Surrogate,
    condition,
    expected_improvement,
    fit,
    log_prior,
)

pytestmark = pytest.mark.filterwarnings("ignore:The optimal value found", "ignore:Predicted variances smaller than 0")
# They differ in the acquisition alone, of which tests below say more.
BANDITS = ("gp_bandit", pytest.param("gp_ei", marks=pytest.mark.slow))
ABSENT = pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="Optuna is an optional extra")
LEARNING = (*BANDITS, "skopt", pytest.param("optuna_tpe", marks=ABSENT))
SPACE = SPACES["equal/wide"]["wgan_gp"]
SMALL = Space({}, {"a": Choice((1, 2, 3)), "b": Choice((True, False)), "c": When(Choice((5, 6)), "b", (True,))}, (), "")
CUBE = Space({}, {field: Uniform(-1.0, 1.0) for field in "abcd"}, (), "")


def told(settings, score):
    return [Observation(each, (score(each),)) for each in settings]


def rate(settings):
    return math.exp(abs(math.log10(settings["learning_rate"]) + 3.3) + settings["disc_iters"] / 5)


def made(name, space, known, seed=(4, 5, 6)):
    searcher = SEARCHERS[name](space, seed)
    searcher.tell(known)
    return searcher


def known(space, score, count=12):
    return told(SEARCHERS["random"](space, (1, 2, 3)).ask(count), score)


def names(settings):
    return [tuple(sorted(each.items())) for each in settings]


@pytest.mark.parametrize("name", LEARNING)
def test_what_is_asked_is_a_function_of_what_was_told(name):
    given = known(SPACE, rate)
    asked = made(name, SPACE, given).ask(2)
    assert made(name, SPACE, given).ask(2) == asked
    other = [*given[:-1], given[-1]._replace(scores=(1e-3,))]
    assert made(name, SPACE, other).ask(2) != asked


FRESH = """
import threadpoolctl
from ganscape.sweep.searchers.threads import one_thread

with one_thread():
    inside = threadpoolctl.threadpool_info()
print(sum("scipy.libs" in library["filepath"] for library in inside), max(library["num_threads"] for library in inside))
"""


def test_a_process_that_has_loaded_nothing_proposes_with_one_thread_as_later():
    """SciPy's BLAS among them, which a limit would not reach that is set before it is loaded."""
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    scipy, threads = map(int, done.stdout.split())
    assert scipy >= 1 and threads == 1


@pytest.mark.parametrize("name", BANDITS)
def test_a_batch_in_parts_is_the_batch_at_once(name):
    given = known(SPACE, rate)
    parts = made(name, SPACE, given)
    assert parts.ask(2) + parts.ask(4) == made(name, SPACE, given).ask(6)


@pytest.mark.parametrize("name", LEARNING)
def test_what_is_asked_lies_in_the_space_and_is_asked_once(name):
    given = known(SPACE, rate)
    asked = made(name, SPACE, given).ask(4)
    assert len({*names(asked), *names(each.settings for each in given)}) == len(given) + len(asked) == 16
    for settings in asked:
        assert settings.keys() == SPACE.defaults[0].keys()
        assert all(dimension.contains(settings[field]) for field, dimension in SPACE.dimensions.items())
        assert 0 < settings["beta1"] < 1


@pytest.mark.parametrize("name", LEARNING)
def test_a_condition_is_respected(name):
    space = Space(
        {}, {"on": Choice((True, False)), "x": When(Uniform(0.0, 1.0), "on", (True,)), "y": Uniform(0, 1)}, (), ""
    )
    asked = made(name, space, known(space, lambda each: each.get("x", 0.5) + each["y"])).ask(4)
    assert all(("x" in each) == each["on"] for each in asked)


@pytest.mark.parametrize("name", [*LEARNING, "grid", "sobol"])
@pytest.mark.parametrize("count", [0, 6, 9])
def test_a_small_space_is_asked_to_its_end(name, count):
    """Nine configs: three values of a, b false, or true with two values of c."""
    whole = SEARCHERS["grid"](SMALL, (0, 0, 0)).ask(100)
    given = told(whole[:count], lambda each: each["a"] + each.get("c", 0))
    asked = made(name, SMALL, given).ask(len(whole) - count + 1)
    assert len(whole) == 9
    assert sorted(names(asked)) == sorted(names(whole[count:]))


BAD = {
    "one": [1.0],
    "equal": [3.0] * 8,
    "failures": [math.inf] * 8,
    "not a number": [math.nan, 2.0, 1.0, math.nan],
    "mixed": [math.inf, 1.0, math.nan, 5.0, 2.0],
    "zero": [0.0, 1.0, 2.0],
    "far apart": [1e-300, 1.0, 1e300],
    "two": [1.0, 1.0 + 1e-9],
}


# `fitting_data` cleans scores for skopt and for both bandits, which differ in what they do with numbers alone.
ODD = [(case, name) for case in BAD for name in ("gp_bandit", "optuna_tpe")]
ODD += [(case, name) for case in ("mixed", "far apart", "two") for name in ("gp_ei", "skopt")]


@pytest.mark.parametrize(
    "case, name", [pytest.param(*pair, marks=ABSENT if pair[1] == "optuna_tpe" else ()) for pair in ODD]
)
def test_odd_scores_are_survived(name, case):
    settings = SEARCHERS["random"](SPACE, (1, 2, 3)).ask(len(BAD[case]))
    given = [Observation(each, (score,)) for each, score in zip(settings, BAD[case], strict=True)]
    asked = made(name, SPACE, given).ask(2)
    assert len(asked) == 2 and not set(names(asked)) & set(names(settings))


@pytest.mark.parametrize("name", LEARNING)
def test_observations_outside_the_space_change_nothing_but_are_not_repeated(name):
    space = Space({}, {"x": Uniform(0.0, 1.0), "constant": Choice((3,))}, ({"x": 7.0, "constant": 3},), "")
    outside = Observation(space.defaults[0], (0.0,))
    assert made(name, space, [outside]).ask(3) == SEARCHERS[name](space, (4, 5, 6)).ask(4)[1:]
    inside = told([{"x": 0.1 * number, "constant": 3} for number in range(9)], lambda each: 1 + each["x"])
    assert made(name, space, [outside, *inside]).ask(2) == made(name, space, inside).ask(2)


@pytest.mark.parametrize("name", BANDITS)
def test_a_bowl_is_found_where_random_search_cannot(name):
    """Within regret r of the lowest point lies a ball of volume pi^2 r^2 / 2 out of 16. The chance that 26 random
    configs hit balls as small, twice in a row, is one in 10^5."""

    def bowl(settings):
        return 1.0 + sum((each - 0.3) ** 2 for each in settings.values())

    chance = 1.0
    for seed in range(2):
        found = []
        for number, count in enumerate((10, 4, 4, 4, 4)):
            found += told(made(name, CUBE, found, (seed, 0, number)).ask(count), bowl)
        regret = min(each.scores[0] for each in found) - 1.0
        chance *= 26 * math.pi**2 * regret**2 / 2 / 16
    assert chance < 1e-5


@pytest.mark.parametrize("name", BANDITS)
def test_a_batch_does_not_lie_in_one_place(name):
    """Without belief in the picks before it, every pick would climb to one and the same point."""
    given = known(CUBE, lambda each: 1.0 + sum(value**2 for value in each.values()), 25)
    asked = np.array([list(each.values()) for each in made(name, CUBE, given).ask(4)])
    distances = [np.abs(one - other).max() for number, one in enumerate(asked) for other in asked[:number]]
    assert min(distances) > 1e-2


@pytest.mark.parametrize("name", BANDITS)
def test_a_choice_that_is_better_is_preferred(name):
    space = Space({}, {"kind": Choice(tuple("pqrs")), "count": Integer(1, 4), "x": Uniform(0.0, 1.0)}, (), "")
    given = known(space, lambda each: {"q": 1.0}.get(each["kind"], 3.0) + each["count"] + each["x"], 30)
    asked = made(name, space, given).ask(4)
    assert sum(each["kind"] == "q" for each in asked) >= 3
    assert sum(each["count"] == 1 for each in asked) >= 3


@pytest.mark.parametrize(
    ("mean", "deviation"), [(0.0, 1.0), (1.3, 0.5), (-2.0, 0.7), (4.0, 0.1), (3.0, 1e-4), (3.0, 3e-6)]
)
def test_expected_improvement_is_its_integral(mean, deviation):
    """E max(incumbent - f, 0) = s (z Phi(z) + phi(z)) with 60 digits, and its slopes by central differences."""
    with mpmath.workdps(60):

        def exact(m, s):
            z = (mpmath.mpf("0.2") - m) / s
            tail = mpmath.erfc(-z / mpmath.sqrt(2)) / 2
            return mpmath.log(s * (z * tail + mpmath.npdf(z)))

        m, s, h = mpmath.mpf(mean), mpmath.mpf(deviation), mpmath.mpf(10) ** -20
        expected = (
            exact(m, s),
            (exact(m + h, s) - exact(m - h, s)) / (2 * h),
            (exact(m, s + h) - exact(m, s - h)) / (2 * h),
        )
    found = expected_improvement(np.array([mean]), np.array([deviation]), 0.2)
    np.testing.assert_allclose(np.concatenate(found), [float(each) for each in expected], rtol=2e-5)


@pytest.mark.parametrize("acquisition", ACQUISITIONS.values())
def test_an_acquisition_falls_with_the_mean_and_rises_with_the_deviation(acquisition):
    mean, deviation = np.linspace(-3.0, 3.0, 20), np.linspace(0.1, 2.0, 20)
    worth, by_mean, by_deviation = acquisition(mean, deviation, 0.0)
    assert (by_mean < 0).all() and (by_deviation >= 0).all() and by_deviation[-1] > 0
    step = 1e-6
    np.testing.assert_allclose(
        (acquisition(mean + step, deviation, 0.0)[0] - worth) / step, by_mean, rtol=1e-3, atol=1e-6
    )
    np.testing.assert_allclose(
        (acquisition(mean, deviation + step, 0.0)[0] - worth) / step, by_deviation, rtol=1e-3, atol=1e-6
    )


@pytest.fixture(scope="module")
def surrogate():
    coordinates = Coordinates(CUBE)
    rng = np.random.default_rng(0)
    settings = [CUBE.sample(rng) for _ in range(25)]
    found = standardize([1.0 + sum(value**2 for value in each.values()) for each in settings])
    return lambda: Surrogate(coordinates, list(map(coordinates.point, settings)), found, np.random.default_rng(1))


def test_belief_changes_no_mean_and_makes_its_place_certain(surrogate):
    one = surrogate()
    inputs = one.pool[:50]
    before = one.model.predict(inputs, return_std=True)
    settings = CUBE.sample(np.random.default_rng(5))
    place = one.coordinates.box.transform([one.coordinates.point(settings)])
    deviation = one.model.predict(place, return_std=True)[1][0]
    one.believe(settings)
    after = one.model.predict(inputs, return_std=True)
    np.testing.assert_allclose(after[0], before[0], atol=1e-6)
    assert (after[1] <= before[1] + 1e-6).all()
    believed = one.model.predict(place, return_std=True)[1][0]
    assert believed == pytest.approx(deviation / math.sqrt(1 + deviation**2 / one.noise), rel=1e-3)


def test_a_belief_below_the_incumbent_becomes_it(surrogate):
    one = surrogate()
    before = one.incumbent
    one.believe(CUBE.complete(dict.fromkeys("abcd", 0.0)))
    lowest = one.model.predict(one.coordinates.box.transform([[0.5] * 4]))[0]
    assert one.incumbent == pytest.approx(lowest, abs=1e-6) and one.incumbent < before - 0.01
    one.believe(CUBE.complete(dict.fromkeys("abcd", 0.9)))
    assert one.incumbent == pytest.approx(lowest, abs=1e-6)


@pytest.mark.parametrize("acquisition", ACQUISITIONS.values())
def test_the_first_candidate_is_at_least_as_good_as_the_pool(surrogate, acquisition):
    one = surrogate()
    mean, deviation = one.model.predict(one.pool, return_std=True)
    best = acquisition(mean, deviation, one.incumbent)[0].max()
    first = one.coordinates.box.transform([next(iter(one.candidates(acquisition)))])
    worth = acquisition(*one.model.predict(first, return_std=True), one.incumbent)[0][0]
    assert worth > best


def test_the_prior_is_a_product_of_densities():
    """Gamma densities of the variance and of the noise's, by scipy, and exp(-0.1 (l^2 + 1 / l^2)) of each length scale;
    the slope by central differences."""
    from scipy.stats import gamma

    def exact(theta):
        variance, lengths, noise = math.exp(theta[0]), np.exp(theta[1:-1]), math.exp(theta[-1])
        scales = -0.1 * np.sum(lengths**2 + lengths**-2.0)
        return gamma.logpdf(variance, 2) + scales + gamma.logpdf(noise, 1.1, scale=1 / 30)

    one, other = np.log([0.7, 0.2, 1.5, 4.0, 0.02]), np.log([1.9, 3.0, 0.4, 1.0, 0.3])
    assert log_prior(one)[0] - log_prior(other)[0] == pytest.approx(exact(one) - exact(other))
    steps = 1e-6 * np.eye(5)
    np.testing.assert_allclose(
        log_prior(one)[1], [(exact(one + step) - exact(one - step)) / 2e-6 for step in steps], rtol=1e-6, atol=1e-8
    )


def test_hyperparameters_are_those_of_the_highest_posterior_density():
    """No step of 2 % in any of them raises likelihood times prior, the likelihood by scipy's multivariate normal."""
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(3)
    inputs = rng.random((25, 2))
    found = np.sin(5 * inputs[:, 0]) + 0.1 * rng.standard_normal(25)
    kernel, noise = fit(inputs, found, rng)

    def density(theta):
        covariance = kernel.clone_with_theta(theta[:-1])(inputs) + math.exp(theta[-1]) * np.eye(25)
        return multivariate_normal.logpdf(found, cov=covariance) + log_prior(theta)[0]

    best = np.append(kernel.theta, math.log(noise))
    steps = [sign * 0.02 * step for step in np.eye(len(best)) for sign in (1, -1)]
    assert all(density(best) > density(best + step) for step in steps)
    assert kernel.k2.length_scale[1] < 20.0  # that nothing depends on the second input does not make it endless


def test_noise_is_learnt_from_repeated_seeds():
    """Three seeds per config; the noise's variance to a factor of two from 80 degrees of freedom."""
    rng = np.random.default_rng(0)
    inputs = np.repeat(rng.random((40, 2)), 3, axis=0)
    found = np.sin(4 * inputs[:, 0]) + inputs[:, 1] + 0.3 * rng.standard_normal(120)
    assert 0.045 < fit(inputs, found, rng)[1] < 0.18


def test_seeds_of_a_config_weigh_as_their_mean_with_less_noise():
    """Rows (y1 ... yn) at one place and one row of their mean with noise / n give one posterior."""
    rng = np.random.default_rng(2)
    inputs, found = rng.random((12, 3)), rng.standard_normal((12, 4))
    kernel, _ = fit(inputs, found.mean(1), rng)
    many = condition(kernel, 0.2, np.repeat(inputs, 4, axis=0), found.ravel())
    means = condition(kernel, 0.05, inputs, found.mean(1))
    places = rng.random((9, 3))
    for left, right in zip(many.predict(places, return_std=True), means.predict(places, return_std=True), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)
