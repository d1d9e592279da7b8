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
from ganscape.sweep.searchers.contract import Observation, Settings, settings_key
from ganscape.sweep.searchers.coordinates import Coordinates, Point, fitting_data
from ganscape.sweep.searchers.sequences import Grid, Sobol
from ganscape.sweep.searchers.threads import one_thread

WIDTH = 2.0  # of the confidence bound, in deviations
# Candidates: POOL anywhere, NEIGHBOURS around each of the BEST observations, at distances SCALES; from STARTS of them
# the acquisition is climbed, for CLIMB iterations.
POOL, BEST, NEIGHBOURS, SCALES, STARTS, CLIMB = 1000, 5, 100, (0.1, 0.02), 2, 20
# Of the process: trials that its hyperparameters are fitted to, at most; ranges of its length scales and of its noise's
# variance; the least deviation.
FITTED, LENGTHS, NOISE, SMALLEST = 250, (0.025, 100.0), (1e-6, 1.0), 1e-9

# (mean, deviation, incumbent) -> the value to maximise, its derivatives by mean and deviation
Acquisition = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray, np.ndarray]]


class GPBandit:
    """Asks for the defaults of the space and a Sobol sequence until scores differ, then for the settings with the
    highest acquisition.

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
        self.seen.update(settings_key(self.space, observation.settings) for observation in observations)
        self.surrogate = None

    def ask(self, count: int) -> list[Settings]:
        if count < 1:
            return []
        data = fitting_data(self.space, self.observations)
        if data is None:
            return self.first.ask(count)
        with one_thread(), warnings.catch_warnings():
            # Warnings that a hyperparameter is at its bound, and that a variance was rounded up to 0.
            warnings.simplefilter("ignore")
            if self.surrogate is None:
                self.surrogate = Surrogate(*data, np.random.default_rng(self.seed))
            picks = [self._pick(self.surrogate) for _ in range(count)]
            return [settings for settings in picks if settings is not None]

    def _pick(self, surrogate: "Surrogate") -> Settings | None:
        """Returns the candidate with the highest acquisition that was neither observed nor picked, else the next such
        settings of a grid; None if the space is exhausted."""
        candidates = map(surrogate.coordinates.settings, surrogate.candidates(self.acquisition))
        for settings in itertools.chain(candidates, self.rest.left()):
            name = settings_key(self.space, settings)
            if name not in self.seen:
                self.seen.add(name)
                surrogate.believe(settings)
                return settings
        return None


class Surrogate:
    """A Gaussian process fitted to the scores of all rounds, and the candidates among which the next config is picked.

    Args:
      points, values: a point and a standardised score per trial.
      rng: draws the candidates.
    """

    def __init__(self, coordinates: Coordinates, points: list[Point], values: np.ndarray, rng: np.random.Generator):
        self.coordinates, self.values = coordinates, values
        self.inputs = coordinates.box.transform(points)
        self.kernel, self.noise = fit(self.inputs, values, rng)
        self.model = condition(self.kernel, self.noise, self.inputs, values)
        means = self.model.predict(self.inputs)
        self.incumbent = float(means.min())
        best = [points[index] for index in np.argsort(means, kind="stable")[:BEST]]
        self.pool = coordinates.box.transform(_candidates(coordinates, best, rng))

    def candidates(self, acquisition: Acquisition) -> Iterator[Point]:
        """Yields points by falling acquisition: those of the pool, and the local maxima climbed to from its best."""
        value = self._acquire(self.pool, acquisition)
        starts = self.pool[np.argsort(-value, kind="stable")[:STARTS]]
        box = self.coordinates.box
        climbed = box.transform(box.inverse_transform(np.array([self._climb(start, acquisition) for start in starts])))
        value = np.concatenate([self._acquire(climbed, acquisition), value])
        for inputs in np.vstack([climbed, self.pool])[np.argsort(-value, kind="stable")]:
            yield box.inverse_transform(inputs[None])[0]

    def _acquire(self, inputs: np.ndarray, acquisition: Acquisition) -> np.ndarray:
        return acquisition(*_predict(self.model, inputs), self.incumbent)[0]

    def believe(self, settings: Settings) -> None:
        """Adds the prediction at these settings to the observations, so that the next pick goes elsewhere."""
        inputs = self.coordinates.box.transform([self.coordinates.point(settings)])
        mean = self.model.predict(inputs)
        self.incumbent = min(self.incumbent, float(mean[0]))
        self.inputs, self.values = np.vstack([self.inputs, inputs]), np.append(self.values, mean)
        self.model = condition(self.kernel, self.noise, self.inputs, self.values)

    def _climb(self, start: np.ndarray, acquisition: Acquisition) -> np.ndarray:
        """Returns the acquisition's local maximum from a start: ranges move, integers between their values too, choices
        stay."""
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
            value, by_mean, by_deviation = acquisition(mean, deviation, self.incumbent)
            return -float(value[0]), -(by_mean * mean_slope + by_deviation * deviation_slope)[free]

        bounds = [(0.0, 1.0)] * len(free)
        optimum = minimize(loss, start[free], jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": CLIMB})
        inputs = start.copy()
        inputs[free] = np.clip(optimum.x, 0.0, 1.0)
        return inputs


def fit(inputs: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> tuple[Any, float]:
    """Returns the kernel and the noise variance of the highest posterior density (`log_prior` is the prior), of at most
    FITTED of the trials, drawn at random."""
    from scipy.optimize import minimize
    from skopt.learning import GaussianProcessRegressor
    from skopt.learning.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    if len(values) > FITTED:
        chosen = np.sort(rng.choice(len(values), FITTED, replace=False))
        inputs, values = inputs[chosen], values[chosen]

    def optimizer(loss: Callable, start: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, float]:
        def posterior(theta: np.ndarray) -> tuple[float, np.ndarray]:
            return tuple(term - prior for term, prior in zip(loss(theta), log_prior(theta), strict=True))

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
    ).fit(inputs, values)
    return model.kernel_.k1, model.noise_


def log_prior(theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the logarithm of the prior density, up to a constant, and its gradient.

    theta: the logarithms of a process's variance v, its length scales l and its noise's variance n. The density is
      v exp(-v) exp(-0.1 sum(l^2 + 1 / l^2)) n^0.1 exp(-30 n), the priors of Optuna's GPSampler. Without a prior a
      length scale grows to its limit as long as few scores do not contradict it, and its dimension is never explored
      again.
    """
    (variance, noise), squares = np.exp(theta[[0, -1]]), np.exp(2 * theta[1:-1])
    value = theta[0] - variance - 0.1 * np.sum(squares + 1 / squares) + 0.1 * theta[-1] - 30 * noise
    return float(value), np.array([1 - variance, *(0.2 / squares - 0.2 * squares), 0.1 - 30 * noise])


def condition(kernel, noise: float, inputs: np.ndarray, values: np.ndarray):
    """Returns the posterior process with these hyperparameters, given these values."""
    from skopt.learning import GaussianProcessRegressor

    return GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(inputs, values)


def _predict(model, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns means and deviations at many points; skopt's own `predict` is slow for many."""
    from sklearn.gaussian_process import GaussianProcessRegressor

    mean, deviation = GaussianProcessRegressor.predict(model, inputs, return_std=True)
    return mean, np.maximum(deviation, SMALLEST)


def _candidates(coordinates: Coordinates, best: list[Point], rng: np.random.Generator) -> list[Point]:
    """Returns distinct points: POOL anywhere and NEIGHBOURS around each of the best, some of whose coordinates are
    drawn anew."""
    size = len(coordinates.fields)
    units = [rng.random((POOL, size))]
    for point in best:
        centre = coordinates.to_units(point)
        for scale in SCALES:
            near = np.clip(centre + scale * rng.standard_normal((NEIGHBOURS // len(SCALES), size)), 0.0, 1.0)
            anew = rng.random(near.shape) < 1 / (1 + size)
            units.append(np.where(anew, rng.random(near.shape), near))
    points = coordinates.from_units(np.concatenate(units))
    return [list(point) for point in dict.fromkeys(map(tuple, points))]


def expected_improvement(mean: np.ndarray, deviation: np.ndarray, incumbent: float):
    """Returns log E max(incumbent - f, 0) for f ~ N(mean, deviation^2): Jones et al. 1998, eq. 15, without the
    underflow that leaves no slope far from the incumbent (Ament et al. 2023, eq. 9)."""
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
    """Returns WIDTH deviations minus the mean: GP-UCB, Srinivas et al. 2010, for minimisation, with a constant
    width."""
    return WIDTH * deviation - mean, -np.ones_like(mean), np.full_like(mean, WIDTH)


ACQUISITIONS: dict[str, Acquisition] = {
    "expected_improvement": expected_improvement,
    "confidence_bound": confidence_bound,
}
