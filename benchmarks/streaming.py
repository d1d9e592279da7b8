"""Cost of images that are gathered as they are needed: a training step of one member against that on resident images.

    python benchmarks/streaming.py [--images 20000] [--channels 8] [--steps 4] [--repeats 5] [--out FILE]

SNDCGAN on images of 64x64, uint8, in a mapped file that is made for the run, of random pixels. Both sides alternate in
one process, which is given one XLA thread as workers are. The ratio is steps per second of the streamed side in units
of the resident one.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import tempfile
from pathlib import Path

import jax
import numpy as np
from measuring import alternate, median, options, ratio, write

from ganscape.data import Dataset
from ganscape.data.mapped import map_images
from ganscape.data.npy import write_rows
from ganscape.models import Config
from ganscape.sweep import feeding
from ganscape.sweep.feeding import Resident, Streamed, advance_alone
from ganscape.sweep.population import stack, start_member

SHAPE = (64, 64, 3)
KEY = (1, 2)


class Side:
    """One member, trained for `steps` steps at each call."""

    def __init__(self, config: Config, feed: Resident | Streamed, steps: int):
        self.population, self.feed, self.steps = stack([start_member(config, SHAPE, KEY)], 1), feed, steps

    def __call__(self) -> None:
        advanced = advance_alone(self.population, self.feed, KEY, self.steps)
        self.population = jax.block_until_ready(advanced)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    config = Config(architecture="sndcgan", channels=arguments.channels)
    feeding.BLOCK_BYTES = arguments.steps * config.batch_size * int(np.prod(SHAPE))  # a block for each call
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.npy"
        rng = np.random.default_rng(0)
        with file.open("wb") as stream:
            write_rows(
                stream,
                arguments.images,
                SHAPE,
                (rng.integers(0, 256, SHAPE, np.uint8) for _ in range(arguments.images)),
            )
        images = map_images(file)
        dataset = Dataset("random", images, images, None, None)
        sides = {
            "resident": Side(config, Resident(config, dataset), arguments.steps),
            "streamed": Side(config, Streamed(config, dataset, 1), arguments.steps),
        }
        for run in sides.values():
            run()
        taken = alternate(sides, arguments.repeats)
        for one, other in zip(*(jax.tree.leaves(side.population.state) for side in sides.values()), strict=True):
            np.testing.assert_array_equal(one, other)
    row = {
        "benchmark": "streaming",
        "network": f"sndcgan, {arguments.channels} channels",
        "image_bytes": int(np.prod(SHAPE)),
        "ms_per_step": {name: round(1000 * median(times) / arguments.steps, 2) for name, times in taken.items()},
        "ratio": round(ratio(taken["resident"], taken["streamed"]), 3),
        "ratio_cpu_seconds": round(ratio(taken["resident"], taken["streamed"], 1), 3),
    }
    print(row)
    write(arguments.out, row)


if __name__ == "__main__":
    main()
