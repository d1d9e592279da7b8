"""A tabular benchmark of GAN training: finished sweeps that answer as if they trained.

`Tabular` replays the configs, rungs and seeds of a sweep; `Surrogate` predicts scores between its configs and says how
well. docs/benchmark.md has examples.
"""

from ganscape.results.surrogate import Error, Surrogate
from ganscape.results.tabular import Replay, Tabular

__all__ = ["Error", "Replay", "Surrogate", "Tabular"]
