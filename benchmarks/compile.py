"""Seconds from the start of a process to the first training step, with a cold and with a warm compilation cache.

    python benchmarks/compile.py [--networks mlp,infogan] [--lanes 1] [--out FILE]

Each row is a separate process with one XLA thread, like a worker: imports, initialisation, tracing and compilation of
training (`sweep.population.advance`). Cold starts with an empty cache folder, warm is the same command again. CPU
seconds depend less on the load of the machine.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

SHAPES = {
    "mlp": (8, 8, 1),
    "conv8": (8, 8, 1),
    "infogan": (28, 28, 1),
    "sndcgan": (32, 32, 3),
    "dcgan": (64, 64, 3),
    "resnet19": (128, 128, 3),
}


def measure(network: str, lanes: int) -> dict:
    """Returns the seconds of each part, in this process, which has not imported anything yet."""
    marks = [("start", time.perf_counter())]

    def mark(name: str) -> None:
        marks.append((name, time.perf_counter()))

    import jax
    import jax.numpy as jnp
    import numpy as np

    from ganscape.models import Config
    from ganscape.sweep.population import advance, stack, start_member
    from ganscape.sweep.programs import program_counts

    mark("import")
    config, shape = Config(architecture=network), SHAPES[network]
    population = jax.block_until_ready(jax.device_put(stack([start_member(config, shape, (1, 2))] * lanes, lanes)))
    images = jnp.asarray(np.zeros((100, *shape), np.uint8))
    mark("initialise")
    lowered = advance.lower(population, images, jnp.int32(0), None, lanes=lanes)
    mark("trace")
    lowered.compile()
    mark("compile")
    seconds = {name: round(at - marks[index][1], 2) for index, (name, at) in enumerate(marks[1:])}
    compiled, loaded = program_counts()
    total = {"total": round(marks[-1][1] - marks[0][1], 2), "cpu_seconds": round(time.process_time(), 2)}
    return seconds | total | {"compiled": compiled, "loaded": loaded}


def main() -> None:
    if sys.argv[1:2] == ["--alone"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
        return
    from measuring import options, write

    from ganscape.sweep.executors.processes import worker_environment
    from ganscape.sweep.resources import Resources

    parser = options(__doc__)
    parser.add_argument("--networks", default="mlp,infogan")
    parser.add_argument("--lanes", type=int, default=1)
    arguments = parser.parse_args()
    for network in arguments.networks.split(","):
        with tempfile.TemporaryDirectory() as cache:
            resources = Resources(gpus=float("JAX_PLATFORMS" in os.environ and "cuda" in os.environ["JAX_PLATFORMS"]))
            variables = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
            variables |= worker_environment(cache, resources) | {"JAX_COMPILATION_CACHE_DIR": cache}
            command = [sys.executable, __file__, "--alone", network, str(arguments.lanes)]
            for state in ("cold", "warm"):
                done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True)
                row = {"benchmark": "compile", "network": network, "cache": state, "lanes": arguments.lanes}
                row |= json.loads(done.stdout.splitlines()[-1])
                print(
                    f"{network:9s} {state}  total {row['total']:6.1f} s (CPU {row['cpu_seconds']:.1f})  import "
                    f"{row['import']:.1f}  initialise {row['initialise']:.1f}  trace {row['trace']:.1f}  compile "
                    f"{row['compile']:.1f}  programs: {row['compiled']} compiled, {row['loaded']} from the cache",
                    flush=True,
                )
                write(arguments.out, row)


if __name__ == "__main__":
    main()
