"""A trial trained once more from its identity, for the generator that its sweep did not keep."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from ganscape.data import DataError, Dataset, fetch, find_source
from ganscape.models import Config
from ganscape.results.frames import Results
from ganscape.results.store import check_complete, open_store
from ganscape.results.winners import Winner
from ganscape.sweep import generators
from ganscape.sweep.feeding import advance_alone, feed_of
from ganscape.sweep.keeping import Change
from ganscape.sweep.messages import Score, Workload
from ganscape.sweep.population import images_per_cycle, on_devices, sampling_weights, stack, start_member
from ganscape.sweep.proposals import trial_of

SEGMENT = 64  # training cycles between two calls of `observe`


def data_of(results: Results, data: str | None = None, root: str | Path | None = None) -> Dataset:
    """Returns the data set that a sweep was trained on.

    data: where the images of one's own are now; the data set that the sweep names by default.

    Raises:
      DataError: if it is not the same images.
    """
    check_complete(results.folder, results.study)
    name = data or str(results.study["data"])
    dataset = fetch(find_source(name), name, root)
    if dataset.fingerprint != results.study["data_fingerprint"]:
        raise DataError(f"data {name!r} are not the images that '{results.folder}' was trained on")
    return dataset


def train_again(
    results: Results, winner: Winner, dataset: Dataset, observe: Callable[[float], Any] = lambda share: None
) -> Path:
    """Trains a trial from its identity to the rung of its lowest score, keeps the generator, and returns its file.

    observe: called now and then with the share of the training that is done.
    """
    config = Config.from_dict(winner.settings)
    trial = trial_of(results.study["seed"], winner.method, config, winner.seed)
    cycles = winner.rung // images_per_cycle(config)
    population = on_devices(stack([start_member(config, dataset.image_shape, trial.key)], 1))
    feed = feed_of(config, dataset, 1)
    for done in range(0, cycles, SEGMENT):
        population = advance_alone(population, feed, trial.key, min(SEGMENT, cycles - done))
        jax.block_until_ready(population.cycle)
        observe(min(1.0, (done + SEGMENT) / cycles))
    (weights,) = sampling_weights(population, [0]).values()
    folder = results.folder.absolute() / generators.FOLDER
    metric, protocol = results.study["metric"], results.protocol()
    card = generators.study_card(results.study, protocol)
    workload = Workload(dataset, metric, protocol["samples"], (), 1, "", 0.0, str(folder), card)
    score = Score(trial.id, 0, winner.rung, cycles * images_per_cycle(config), winner.value, 0.0, dataset.test[:0])
    with open_store(results.folder) as store:
        size = generators.write_generator(workload, trial, cycles, score, weights)
        store.add_generators([Change(trial.id, winner.rung, size, True)._asdict()])
    return generators.path_of(folder, trial.id, winner.rung)
