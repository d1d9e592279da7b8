"""scikit-optimize's own optimizer, for comparison: it fits its process once for every pick."""

import warnings

from ganscape.search_spaces import Space
from ganscape.sweep.searchers.contract import Observation, Settings
from ganscape.sweep.searchers.coordinates import fitting_data
from ganscape.sweep.searchers.sequences import Sobol
from ganscape.sweep.searchers.threads import one_thread


class Optimizer:
    """Asks for the defaults of the space and a Sobol sequence until scores differ, then for what `skopt.Optimizer`
    asks.

    By expected improvement; its process is fitted again after every pick of a round, whose score is taken to be the
    mean of all scores ("constant liar"). Proposals that were asked before are replaced by the next of the Sobol
    sequence.
    """

    def __init__(self, space: Space, seed: tuple[int, ...]):
        self.space, self.seed, self.sequence = space, seed, Sobol(space, seed)
        self.observations: list[Observation] = []

    def tell(self, observations: list[Observation]) -> None:
        self.observations += observations
        self.sequence.tell(observations)

    def ask(self, count: int) -> list[Settings]:
        import numpy as np
        from skopt import Optimizer as SkoptOptimizer

        if count < 1:
            return []
        data = fitting_data(self.space, self.observations)
        if data is None:
            return self.sequence.ask(count)
        coordinates, points, values = data
        with one_thread(), warnings.catch_warnings():
            # Warnings that a hyperparameter is at its bound, and that a point was observed before.
            warnings.simplefilter("ignore")
            state = int(np.random.default_rng(self.seed).integers(2**31))
            engine = SkoptOptimizer(
                coordinates.box.dimensions, "GP", n_initial_points=1, acq_func="EI", random_state=state
            )
            engine.tell(points, list(values))
            proposals = [coordinates.settings(point) for point in engine.ask(count, strategy="cl_mean")]
        return self.sequence.complete(proposals, count)
