"""Throughput of lanes: training steps per second of K members in one program against one member alone.

    python benchmarks/lanes.py [--network mlp] [--precision float32] [--lanes 1,4,16,64]
                               [--steps 50] [--repeats 5] [--out FILE]

`lanes=1` trains K members one after the other, as on CPUs; `lanes=K` in parallel by vmap, as on accelerators. All
alternate in one process; the ratio is throughput in units of one member alone, above 1 if the population is faster. On
a GPU the share of the roofline that a step of the vmapped program reaches is printed too.
"""

import jax
import jax.numpy as jnp
import numpy as np
from compile import SHAPES
from measuring import alternate, median, options, ratio, roofline, write

from ganscape.models import Config
from ganscape.models.precisions import PRECISIONS
from ganscape.sweep.population import advance, stack, start_member
from ganscape.sweep.programs import bytes_of


class Side:
    """K members, trained for `steps` steps at each call."""

    def __init__(self, network: str, precision: str, members: int, lanes: int, steps: int):
        config, shape = Config(architecture=network, precision=precision), SHAPES[network]
        self.population = jax.device_put(
            stack([start_member(config, shape, (1, seed)) for seed in range(members)], members)
        )
        self.images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (1000, *shape), np.uint8))
        self.lanes, self.steps = lanes, steps
        self.compiled = advance.lower(self.population, self.images, jnp.int32(0), None, lanes=lanes).compile()

    def __call__(self) -> None:
        advanced = advance(self.population, self.images, jnp.int32(self.steps), None, lanes=self.lanes)
        self.population = jax.block_until_ready(advanced)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--network", default="mlp", choices=list(SHAPES))
    parser.add_argument("--precision", default="float32", choices=list(PRECISIONS))
    parser.add_argument("--lanes", default="1,4,16,64")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    kind = arguments.network, arguments.precision
    alone = Side(*kind, 1, 1, arguments.steps)
    for members in map(int, arguments.lanes.split(",")):
        sides = {"alone": alone, "in turn": Side(*kind, members, 1, arguments.steps)}
        if members > 1:
            sides["abreast"] = Side(*kind, members, members, arguments.steps)
        for run in sides.values():
            run()
        taken = alternate(sides, arguments.repeats)
        for form in list(sides)[1:]:
            row = {
                "benchmark": "lanes",
                "network": arguments.network,
                "precision": arguments.precision,
                "members": members,
                "form": form,
                "steps_per_second": round(members * arguments.steps / median(taken[form]), 1),
                "ratio": round(members * ratio(taken["alone"], taken[form]), 3),
                "ratio_cpu_seconds": round(members * ratio(taken["alone"], taken[form], 1), 3),
                "program_mib": round(bytes_of(sides[form].compiled) / 2**20, 1),
                **roofline(sides[form].compiled, median(taken[form]) / arguments.steps),
            }
            print(
                f"{arguments.network} K={members:3d} {form:8s} {row['steps_per_second']:9.1f} steps/s  ratio to alone "
                f"{row['ratio']:.2f} (CPU seconds {row['ratio_cpu_seconds']:.2f})"
                + (f"  {row['roofline_share']:.1%} of the roofline" if "roofline_share" in row else ""),
                flush=True,
            )
            write(arguments.out, row)


if __name__ == "__main__":
    main()
