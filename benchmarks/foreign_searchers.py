"""Searchers of other programs that sweeps do not offer, behind our interface of `ask` and `tell`."""

import warnings

import numpy as np

from ganscape.search_spaces import Choice, Space
from ganscape.sweep.searchers import Observation
from ganscape.sweep.searchers.coordinates import MARGIN, Coordinates, cells, fitting_data, inner, training_data
from ganscape.sweep.searchers.sequences import Sobol


class _AfterSobol:
    """Base class: what a searcher knows that begins with a Sobol sequence."""

    def __init__(self, space: Space, seed: tuple[int, ...]):
        self.space, self.seed, self.sequence = space, seed, Sobol(space, seed)
        self.observations: list[Observation] = []

    def tell(self, observations: list[Observation]) -> None:
        self.observations += observations
        self.sequence.tell(observations)


class QLogNEI(_AfterSobol):
    """BoTorch's noisy expected improvement of a batch (Ament et al. 2023), with default settings."""

    def ask(self, count: int) -> list[dict]:
        if not self.observations:
            return self.sequence.ask(count)
        import torch
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.optim import optimize_acqf
        from gpytorch.mlls import ExactMarginalLogLikelihood

        torch.set_num_threads(1)
        torch.manual_seed(int(np.random.default_rng(self.seed).integers(2**31)))
        coordinates = Coordinates(self.space)
        points, values = training_data(coordinates, self.observations)
        inputs = torch.tensor(coordinates.box.transform(points), dtype=torch.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = SingleTaskGP(inputs, torch.tensor(-values, dtype=torch.float64)[:, None])
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            acquisition = qLogNoisyExpectedImprovement(model, inputs, prune_baseline=True)
            bounds = torch.tensor([[0.0], [1.0]], dtype=torch.float64).expand(2, inputs.shape[1])
            proposals, _ = optimize_acqf(acquisition, bounds, count, num_restarts=4, raw_samples=128, sequential=True)
        chosen = coordinates.box.inverse_transform(proposals.numpy())
        return self.sequence.complete([coordinates.settings(point) for point in chosen], count)


class SyneTuneKDE(_AfterSobol):
    """The kernel density estimators of Syne Tune, the searcher of its BOHB (Falkner et al. 2018), by its defaults."""

    def ask(self, count: int) -> list[dict]:
        data = fitting_data(self.space, self.observations)
        if data is None:
            return self.sequence.ask(count)
        from syne_tune.optimizer.schedulers.searchers.kde import KernelDensityEstimator

        coordinates, points, values = data
        state = int(np.random.default_rng(self.seed).integers(2**31))
        np.random.seed(state)  # which it draws its random configs by
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            searcher = KernelDensityEstimator(self._config_space(coordinates), random_seed=state)
            for number, (point, value) in enumerate(zip(points, values, strict=True)):
                searcher.on_trial_complete(number, dict(zip(coordinates.fields, point, strict=True)), float(value))
            proposals = [searcher.suggest() for _ in range(count)]
        chosen = [coordinates.settings([each[field] for field in coordinates.fields]) for each in proposals]
        return self.sequence.complete(chosen, count)

    def _config_space(self, coordinates: Coordinates) -> dict:
        from syne_tune import config_space

        space = {}
        for field in coordinates.fields:
            dimension = self.space.dimensions[field]
            count = cells(dimension)
            if count is None:
                space[field] = config_space.uniform(MARGIN, 1 - MARGIN)
            elif isinstance(inner(dimension), Choice):
                space[field] = config_space.choice(list(range(count)))
            else:
                space[field] = config_space.randint(0, count - 1)
        return space
