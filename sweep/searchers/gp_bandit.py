"""A Gaussian-process bandit: scikit-optimize's space and regression, with a loop over batches of its own.

Once per round the hyperparameters of the process are fitted to all scores, under priors. Then the batch is picked one
by one, each pick believed to score what the process predicts ("kriging believer", Ginsbourger et al. 2010; for
confidence bounds GP-BUCB, Desautels et al. 2014), so that the next one goes elsewhere.
"""

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ganscape.search_spaces import Space
from ganscape.sweep.searchers.contract import Observation, Settings, key
from ganscape.sweep.searchers.coordinates import Coordinates, Point, rows
from ganscape.sweep.searchers.sequences import Grid, Sobol

WIDTH = 2.0  # of the confidence bound, in deviations
# Candidates: anywhere, and around each of the best that were told, at these distances; how many of them are climbed
# from, for how many iterations.
POOL, BEST, NEIGHBOURS, SCALES, STARTS, CLIMB = 1000, 5, 100, (0.1, 0.02), 2, 20
# The process: rows that hyperparameters are fitted to at most, ranges of length scales and of the noise's variance.
FITTED, LENGTHS, NOISE, SMALLEST = 250, (0.025, 100.0), (1e-6, 1.0), 1e-9

# (mean, deviation, incumbent) -> the value to raise, its slopes in mean and deviation
Acquisition = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray, np.ndarray]]


class GPBandit:
    """The defaults of the space and a Sobol sequence until scores differ, then the settings of the highest acquisition.

    Args:
      acquisition: a key of ACQUISITIONS.
    """

    def __init__(self, space: Space, seed: tuple[int, ...], acquisition: str = "confidence_bound"):
        self.space, self.seed, self.acquisition = space, seed, ACQUISITIONS[acquisition]
        self.first, self.rest = Sobol(space, seed), Grid(space, seed)
        self.observations: list[Observation] = []
        self.seen: set[tuple] = set()
        self.surrogate: Surrogate | None = None

    def tell(self, observations: list[Observation]) -> None:
        self.observations += observations
        for searcher in (self.first, self.rest):
            searcher.tell(observations)
        self.seen.update(key(self.space, each.settings) for each in observations)
        self.surrogate = None

    def ask(self, count: int) -> list[Settings]:
        from threadpoolctl import threadpool_limits

        if count < 1:
            return []
        with threadpool_limits(1), warnings.catch_warnings():
            # Warnings that a hyperparameter is at its bound, and that a variance was rounded up to 0.
            warnings.simplefilter("ignore")
            coordinates = Coordinates(self.space)
            points, found = rows(coordinates, self.observations)
            if not coordinates.fields or not np.any(found):
                return self.first.ask(count)
            if self.surrogate is None:
                self.surrogate = Surrogate(coordinates, points, found, np.random.default_rng(self.seed))
            return [each for _ in range(count) if (each := self._pick(self.surrogate)) is not None]

    def _pick(self, surrogate: "Surrogate") -> Settings | None:
        """The best settings that were neither told nor picked; any such if all candidates were."""
        candidates = map(surrogate.coordinates.settings, surrogate.candidates(self.acquisition))
        for settings in itertools.chain(candidates, self.rest.left()):
            name = key(self.space, settings)
            if name not in self.seen:
                self.seen.add(name)
                surrogate.believe(settings)
                return settings
        return None


class Surrogate:
    """What the scores of a round say: a process with fitted hyperparameters, and where it is asked for its opinion.

    Args:
      points, found: a point and a standardised value per trial.
      rng: draws the candidates.
    """

    def __init__(self, coordinates: Coordinates, points: list[Point], found: np.ndarray, rng: np.random.Generator):
        self.coordinates, self.found = coordinates, found
        self.inputs = coordinates.box.transform(points)
        self.kernel, self.noise = fitted(self.inputs, found, rng)
        self.model = conditioned(self.kernel, self.noise, self.inputs, found)
        means = self.model.predict(self.inputs)
        self.incumbent = float(means.min())
        best = [points[index] for index in np.argsort(means, kind="stable")[:BEST]]
        self.pool = coordinates.box.transform(_candidates(coordinates, best, rng))

    def candidates(self, acquisition: Acquisition) -> Iterator[Point]:
        """Points in the order of their worth, the highest first: the pool, and what is climbed to from its best."""
        worth = self._worth(self.pool, acquisition)
        starts = self.pool[np.argsort(-worth, kind="stable")[:STARTS]]
        box = self.coordinates.box
        climbed = box.transform(box.inverse_transform(np.array([self._climb(each, acquisition) for each in starts])))
        worth = np.concatenate([self._worth(climbed, acquisition), worth])
        for inputs in np.vstack([climbed, self.pool])[np.argsort(-worth, kind="stable")]:
            yield box.inverse_transform(inputs[None])[0]

    def _worth(self, inputs: np.ndarray, acquisition: Acquisition) -> np.ndarray:
        return acquisition(*_predict(self.model, inputs), self.incumbent)[0]

    def believe(self, settings: Settings) -> None:
        """Takes the prediction at these settings for an observation."""
        inputs = self.coordinates.box.transform([self.coordinates.point(settings)])
        mean = self.model.predict(inputs)
        self.incumbent = min(self.incumbent, float(mean[0]))
        self.inputs, self.found = np.vstack([self.inputs, inputs]), np.append(self.found, mean)
        self.model = conditioned(self.kernel, self.noise, self.inputs, self.found)

    def _climb(self, start: np.ndarray, acquisition: Acquisition) -> np.ndarray:
        """The acquisition's local maximum from here over the ranges, integers between their values, choices as they
        are."""
        from scipy.optimize import minimize

        if not (free := self.coordinates.columns(self.coordinates.box.inverse_transform(start[None])[0])):
            return start

        def loss(part: np.ndarray) -> tuple[float, np.ndarray]:
            inputs = start.copy()
            inputs[free] = part
            mean, deviation, mean_slope, deviation_slope = self.model.predict(
                inputs[None], return_std=True, return_mean_grad=True, return_std_grad=True
            )
            deviation = np.maximum(deviation, SMALLEST)
            worth, by_mean, by_deviation = acquisition(mean, deviation, self.incumbent)
            return -float(worth[0]), -(by_mean * mean_slope + by_deviation * deviation_slope)[free]

        bounds = [(0.0, 1.0)] * len(free)
        found = minimize(loss, start[free], jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": CLIMB})
        inputs = start.copy()
        inputs[free] = np.clip(found.x, 0.0, 1.0)
        return inputs


def fitted(inputs: np.ndarray, found: np.ndarray, rng: np.random.Generator) -> tuple[Any, float]:
    """Kernel and noise variance of the highest marginal likelihood times `log_prior`, on at most FITTED of the rows."""
    from scipy.optimize import minimize
    from skopt.learning import GaussianProcessRegressor
    from skopt.learning.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    if len(found) > FITTED:
        chosen = np.sort(rng.choice(len(found), FITTED, replace=False))
        inputs, found = inputs[chosen], found[chosen]

    def optimizer(loss: Callable, start: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, float]:
        def posterior(theta: np.ndarray) -> tuple[float, np.ndarray]:
            return tuple(each - prior for each, prior in zip(loss(theta), log_prior(theta), strict=True))

        best = minimize(posterior, start, jac=True, bounds=bounds, method="L-BFGS-B")
        return best.x, best.fun

    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(np.ones(inputs.shape[1]), LENGTHS, nu=2.5)
    model = GaussianProcessRegressor(
        kernel + WhiteKernel(1e-2, NOISE),
        alpha=0.0,
        optimizer=optimizer,
        n_restarts_optimizer=1,
        noise="gaussian",
        random_state=int(rng.integers(2**31)),
    ).fit(inputs, found)
    return model.kernel_.k1, model.noise_


def log_prior(theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Logarithm of the prior density, up to a constant, and its slope, at the logarithms of a process's variance v,
    its length scales l and its noise's variance n: v exp(-v) exp(-0.1 sum(l^2 + 1 / l^2)) n^0.1 exp(-30 n).

    These are the priors of Optuna's GPSampler. Without one a length scale grows as far as it may while the few scores
    there are do not contradict it, and what a setting does within the noise is never looked at.
    """
    (variance, noise), squares = np.exp(theta[[0, -1]]), np.exp(2 * theta[1:-1])
    value = theta[0] - variance - 0.1 * np.sum(squares + 1 / squares) + 0.1 * theta[-1] - 30 * noise
    return float(value), np.array([1 - variance, *(0.2 / squares - 0.2 * squares), 0.1 - 30 * noise])


def conditioned(kernel, noise: float, inputs: np.ndarray, found: np.ndarray):
    """The process with these hyperparameters, given these values."""
    from skopt.learning import GaussianProcessRegressor

    return GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(inputs, found)


def _predict(model, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and deviations at many points; skopt's own `predict` is made for few."""
    from sklearn.gaussian_process import GaussianProcessRegressor

    mean, deviation = GaussianProcessRegressor.predict(model, inputs, return_std=True)
    return mean, np.maximum(deviation, SMALLEST)


def _candidates(coordinates: Coordinates, best: list[Point], rng: np.random.Generator) -> list[Point]:
    """POOL points anywhere and NEIGHBOURS around each of the best, some of whose coordinates are drawn anew;
    each once."""
    size = len(coordinates.fields)
    places = [rng.random((POOL, size))]
    for point in best:
        centre = coordinates.places(point)
        for scale in SCALES:
            near = np.clip(centre + scale * rng.standard_normal((NEIGHBOURS // len(SCALES), size)), 0.0, 1.0)
            anew = rng.random(near.shape) < 1 / (1 + size)
            places.append(np.where(anew, rng.random(near.shape), near))
    points = coordinates.snapped(np.concatenate(places))
    return [list(point) for point in dict.fromkeys(map(tuple, points))]


def expected_improvement(mean: np.ndarray, deviation: np.ndarray, incumbent: float):
    """log E max(incumbent - f, 0) for f ~ N(mean, deviation^2): Jones et al. 1998, eq. 15, without the underflow
    that leaves no slope far from the incumbent (Ament et al. 2023, eq. 9)."""
    from scipy.special import erfcx, ndtr

    z = (incumbent - mean) / deviation
    # Below -1 everything is a multiple of the density, which may underflow; `gain` is E max(z + N(0, 1), 0).
    low, high = np.minimum(z, -1.0), np.maximum(z, -1.0)
    low_tail = np.sqrt(np.pi / 2) * erfcx(-low / np.sqrt(2))
    low_gain = np.where(low < -1e3, low**-2.0, 1 + low * low_tail)
    density, tail = np.exp(-0.5 * high**2) / np.sqrt(2 * np.pi), ndtr(high)
    gain = density + high * tail
    far = z < -1.0
    log_gain = np.where(far, np.log(low_gain) - 0.5 * low**2 - 0.5 * np.log(2 * np.pi), np.log(gain))
    by_mean = -np.where(far, low_tail / low_gain, tail / gain) / deviation
    by_deviation = np.where(far, 1 / low_gain, density / gain) / deviation
    return np.log(deviation) + log_gain, by_mean, by_deviation


def confidence_bound(mean: np.ndarray, deviation: np.ndarray, incumbent: float):
    """WIDTH deviations below the mean, raised: GP-UCB, Srinivas et al. 2010, with a constant width."""
    return WIDTH * deviation - mean, -np.ones_like(mean), np.full_like(mean, WIDTH)


ACQUISITIONS: dict[str, Acquisition] = {
    "expected_improvement": expected_improvement,
    "confidence_bound": confidence_bound,
}
