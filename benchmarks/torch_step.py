"""One training step against PyTorch: the same pair of networks, Adam and data, batch 64, float32.

    python benchmarks/torch_step.py [--networks infogan,sndcgan,dcgan,resnet_cifar] [--threads 1,2] [--repeats 7]

A step is an update of the discriminator and one of the generator on the same latents. Ours is the program that sweeps
run (`sweep.population.advance`: drawing of images, logs and all), PyTorch's is eager with channels-last tensors, where
the generator's pass serves both updates. Both take turns in one process for each number of threads, so read the ratios.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from torch_networks import SHAPES, Z, make_networks

BATCH = 64
MARK = "result "


def pytorch_steps(name: str, images, threads: int) -> Callable[[int], None]:
    """Returns a function (steps) -> None that trains so many steps with PyTorch."""
    import torch

    torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator, discriminator = (
        each.to(device, memory_format=torch.channels_last).train() for each in make_networks(name)
    )
    optimizers = [torch.optim.Adam(each.parameters(), 2e-4, (0.5, 0.999)) for each in (generator, discriminator)]
    stored = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    ones, zeros = torch.ones(BATCH, 1, device=device), torch.zeros(BATCH, 1, device=device)

    def step() -> None:
        drawn = torch.randint(len(stored), (BATCH,), device=device)
        real = (stored[drawn].float() / 255.0).contiguous(memory_format=torch.channels_last)
        fake = generator(2.0 * torch.rand(BATCH, Z, device=device) - 1.0)
        loss = entropy(discriminator(real), ones) + entropy(discriminator(fake.detach()), zeros)
        optimizers[1].zero_grad(set_to_none=True)
        loss.backward()
        optimizers[1].step()
        optimizers[0].zero_grad(set_to_none=True)
        entropy(discriminator(fake), ones).backward()
        optimizers[0].step()

    def run(steps: int) -> None:
        for _ in range(steps):
            step()
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def check_sizes(name: str) -> None:
    """Raises AssertionError unless the networks of both sides have equally many trainable values."""
    from ganscape.models import Config
    from ganscape.sweep.cohort_size import parameters

    theirs = tuple(sum(values.numel() for values in network.parameters()) for network in make_networks(name))
    assert theirs == parameters(Config(architecture=name, batch_size=BATCH, z_dim=Z), SHAPES[name]), theirs


def our_steps(name: str, images):
    """Returns a function (steps) -> None that trains so many steps of ours, and XLA's count of operations in one."""
    import jax
    import jax.numpy as jnp

    from ganscape.models import Config
    from ganscape.sweep.population import advance, stack, start_member

    config = Config(architecture=name, batch_size=BATCH, z_dim=Z)
    population = jax.device_put(stack([start_member(config, SHAPES[name], (1, 2))], 1))
    stored = jnp.asarray(images)
    compiled = advance.lower(population, stored, jnp.int32(0), None, lanes=1).compile()

    def run(steps: int) -> None:
        nonlocal population
        population = jax.block_until_ready(advance(population, stored, jnp.int32(steps), None, lanes=1))

    return run, compiled


def measure(name: str, threads: int, repeats: int) -> dict:
    """Returns the medians of both sides, in this process."""
    if threads == 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import jax
    import numpy as np
    from measuring import alternate, median, ratio, roofline

    images = np.random.default_rng(0).integers(0, 256, (1000, *SHAPES[name]), np.uint8)
    ours, compiled = our_steps(name, images)
    check_sizes(name)
    theirs = pytorch_steps(name, images, threads)
    steps = (10 if name == "infogan" else 2) if jax.default_backend() == "cpu" else 200
    ours(2), theirs(2)
    taken = alternate({"ours": lambda: ours(steps), "pytorch": lambda: theirs(steps)}, repeats)
    return {
        "benchmark": "torch_step",
        "network": name,
        "threads": threads,
        "ours_ms": round(median(taken["ours"]) / steps * 1e3, 2),
        "pytorch_ms": round(median(taken["pytorch"]) / steps * 1e3, 2),
        "pytorch_over_ours": round(ratio(taken["pytorch"], taken["ours"]), 3),
        "pytorch_over_ours_cpu_seconds": round(ratio(taken["pytorch"], taken["ours"], 1), 3),
        **roofline(compiled, median(taken["ours"]) / steps),
    }


def in_its_own_process(name: str, threads: int, repeats: int) -> dict:
    """Runs `measure` in a process where this number of threads was set before anything was loaded."""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=" + ("false" if threads == 1 else "true")
    count = str(threads)
    variables = os.environ | {"XLA_FLAGS": flags, "OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count}
    command = [sys.executable, __file__, "--alone", name, str(threads), str(repeats)]
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    return json.loads(line.removeprefix(MARK))


def main() -> None:
    if sys.argv[1:2] == ["--alone"]:
        name, threads, repeats = sys.argv[2:]
        print(MARK + json.dumps(measure(name, int(threads), int(repeats))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="append one line of JSON per measurement to this file")
    parser.add_argument("--networks", default=",".join(SHAPES))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    from measuring import write

    for name in arguments.networks.split(","):
        for threads in map(int, arguments.threads.split(",")):
            row = in_its_own_process(name, threads, arguments.repeats)
            print(
                f"{name:12s} {threads} thread(s)  ours {row['ours_ms']:8.1f} ms  PyTorch {row['pytorch_ms']:8.1f} ms  "
                f"ratio {row['pytorch_over_ours']:.2f} (CPU seconds {row['pytorch_over_ours_cpu_seconds']:.2f})  "
                f"{row['gflop_per_s']:.1f} GFLOP/s",
                flush=True,
            )
            write(arguments.out, row)


if __name__ == "__main__":
    main()
