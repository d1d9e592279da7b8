"""Does every preset learn? Scores of its generator before and after a short training, on 8x8 and on 32x32 digits.

    python benchmarks/presets.py [--presets dcgan,wgan] [--sizes 8,32] [--images 192000] [--seeds 2] [--table FILE]

At 8x8 the networks are those of the study's scale `smoke`; at 32x32, where every pixel is a square of 16, they are the
published ones, narrower, with batches of 64 and averages over 100 updates. The score is the Frechet distance to the
test digits, of the features of a classifier at 8x8 and of the pixels at 32x32; lower is better, and the ratio is that
of before to after. Seconds are those of one CPU thread, compilation included.
"""

import os

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"

import argparse
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ganscape.data import Dataset, load
from ganscape.models import Config
from ganscape.models.architectures import ARCHITECTURES
from ganscape.search_spaces import PRESETS, STUDIES
from ganscape.sweep.measuring.evaluation import evaluator, sample_and_encode, score_features
from ganscape.sweep.population import advance, images_per_cycle, stack, start_member, trial_key

LEARNT = 1.5
NARROW = 8
# What replaces the published sizes at 32 pixels; the rest is as the scale `paper` has it.
SMALLER = {"batch_size": 64, "z_dim": 64}
FADE = 1 / 8


class Result(NamedTuple):
    """Scores of one preset at one size before and after training, one per seed."""

    before: list[float]
    after: list[float]
    seconds: float
    images: int
    networks: str

    @property
    def ratio(self) -> float:
        """The median score before training, divided by the median after."""
        return statistics.median(self.before) / statistics.median(self.after)


def enlarge(dataset: Dataset) -> Dataset:
    """Returns the data set with every pixel repeated 4x4 times."""

    def repeat(images: np.ndarray) -> np.ndarray:
        return images.repeat(4, axis=1).repeat(4, axis=2)

    return dataset._replace(train=repeat(dataset.train), test=repeat(dataset.test))


def config_of(name: str, size: int, images: int) -> Config:
    """Returns the preset's config for digits of 8 or 32 pixels and a training of `images` real images."""
    study = STUDIES["presets"]
    (default,) = study.at_scale("smoke" if size == 8 else "paper").methods[name].defaults
    settings: dict[str, Any] = dict(default)
    if size == 32:
        settings |= SMALLER
        if ARCHITECTURES[settings["architecture"]].channels:
            settings["channels"] = 8 * NARROW if settings["architecture"] == "progan" else NARROW
        if "ema_decay" in settings:
            settings["ema_decay"] = 0.99
    if "fade_images" in settings:
        settings["fade_images"] = images * FADE
    if "conditioning" in settings:
        settings["classes"] = 10
    return Config.from_dict(settings)


def train(config: Config, dataset: Dataset, metric: str, images: int, seed: int) -> tuple[float, float]:
    """Trains a config. Returns its score before and after."""
    evaluation = evaluator(metric, dataset.test, len(dataset.test))
    labels = None if config.classes is None else jnp.asarray(dataset.train_labels, jnp.int32)
    member = start_member(config, dataset.image_shape, trial_key(0, config, seed))

    def evaluate(population) -> float:
        features = sample_and_encode(population, evaluation).features
        return score_features(evaluation, np.asarray(features[0]))

    population = stack([member], 1)
    before = evaluate(population)
    cycles = jnp.int32(images // images_per_cycle(config))
    population = advance(population, jnp.asarray(dataset.train), cycles, labels, lanes=1)
    return before, evaluate(population) if bool(population.finite[0]) else float("inf")


def measure(name: str, size: int, images: int, seeds: int) -> Result:
    """Trains one preset at one size with `seeds` seeds."""
    dataset = load("digits") if size == 8 else enlarge(load("digits"))
    config = config_of(name, size, images)
    began = time.process_time()
    pairs = [train(config, dataset, "fd_digits" if size == 8 else "fd_pixels", images, seed) for seed in range(seeds)]
    before, after = (list(scores) for scores in zip(*pairs, strict=True))
    return Result(before, after, time.process_time() - began, images, config.architecture)


def row(name: str, size: int, result: Result) -> str:
    """Returns a line of the Markdown table."""
    ends = f"{statistics.median(result.before):.4g} | {statistics.median(result.after):.4g}"
    verdict = "yes" if result.ratio >= LEARNT else "NO"
    cells: list[Any] = [f"`{name}`", f"{size}x{size}", f"`{result.networks}`", f"{result.images:,}", ends]
    return "| " + " | ".join(map(str, [*cells, f"{result.ratio:.1f}", verdict, f"{result.seconds:.0f}"])) + " |"


HEAD = "| preset | images | networks | images seen | before | after | ratio | learnt | CPU-s |\n" + "| --- " * 9 + "|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default=",".join(PRESETS))
    parser.add_argument("--sizes", default="8,32")
    parser.add_argument("--images", type=int, default=192_000, help="real images at 8x8; a tenth of it at 32x32")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--table", type=Path, help="write the table to this file as well")
    arguments = parser.parse_args()
    lines = [HEAD]
    print(HEAD)
    for size in map(int, arguments.sizes.split(",")):
        for name in arguments.presets.split(","):
            images = arguments.images if size == 8 else arguments.images // 10
            lines.append(row(name, size, measure(name, size, images, arguments.seeds)))
            print(lines[-1], flush=True)
    if arguments.table:
        arguments.table.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
