"""One training step against PyTorch: the same pair of networks, Adam and data, batch 64, float32.

    python benchmarks/torch_step.py [--networks infogan,sndcgan] [--threads 1,2] [--repeats 7] [--out FILE]

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

BATCH, Z = 64, 64
SHAPES = {"infogan": (28, 28, 1), "sndcgan": (32, 32, 3)}
MARK = "result "


def pytorch_networks(name: str):
    """Returns the generator and the discriminator of `models.architectures.infogan` and `sndcgan`, in PyTorch."""
    from torch import nn

    def up(inputs: int, outputs: int):
        return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)

    def down(inputs: int, outputs: int, size: int = 4):
        return nn.Conv2d(inputs, outputs, size, 2 if size == 4 else 1, 1)

    if name == "infogan":
        slope = 0.2
        generator = nn.Sequential(
            *(nn.Linear(Z, 1024), nn.BatchNorm1d(1024, 1e-3), nn.LeakyReLU(slope)),
            *(nn.Linear(1024, 6272), nn.BatchNorm1d(6272, 1e-3), nn.LeakyReLU(slope)),
            *(nn.Unflatten(1, (128, 7, 7)), up(128, 64), nn.BatchNorm2d(64, 1e-3), nn.LeakyReLU(slope)),
            *(up(64, 1), nn.Sigmoid()),
        )
        discriminator = nn.Sequential(
            *(down(1, 64), nn.LeakyReLU(slope), down(64, 128), nn.LeakyReLU(slope), nn.Flatten()),
            *(nn.Linear(6272, 1024), nn.LeakyReLU(slope), nn.Linear(1024, 1)),
        )
        return generator, discriminator
    layers = [nn.Linear(Z, 8192), nn.BatchNorm1d(8192, 2e-5), nn.ReLU(), nn.Unflatten(1, (512, 4, 4))]
    for inputs, outputs in ((512, 256), (256, 128), (128, 64)):
        layers += [up(inputs, outputs), nn.BatchNorm2d(outputs, 2e-5), nn.ReLU()]
    generator = nn.Sequential(*layers, down(64, 3, 3), nn.Sigmoid())
    seen = [down(3, 64, 3), nn.LeakyReLU(0.1)]
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        seen += [down(inputs, outputs), nn.LeakyReLU(0.1), down(outputs, outputs, 3), nn.LeakyReLU(0.1)]
    return generator, nn.Sequential(*seen, nn.Flatten(), nn.Linear(8192, 1))


def pytorch_steps(name: str, images, threads: int) -> Callable[[int], None]:
    """Returns a function (steps) -> None that trains so many steps with PyTorch."""
    import torch

    torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator, discriminator = (
        each.to(device, memory_format=torch.channels_last).train() for each in pytorch_networks(name)
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
                f"{name:8s} {threads} thread(s)  ours {row['ours_ms']:8.1f} ms  PyTorch {row['pytorch_ms']:8.1f} ms  "
                f"ratio {row['pytorch_over_ours']:.2f} (CPU seconds {row['pytorch_over_ours_cpu_seconds']:.2f})  "
                f"{row['gflop_per_s']:.1f} GFLOP/s",
                flush=True,
            )
            write(arguments.out, row)


if __name__ == "__main__":
    main()
