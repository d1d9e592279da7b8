"""Time of gradient steps of convolutions: matrix products against the backend's own, on one CPU thread.

    python benchmarks/convolution.py [--out benchmarks/results.jsonl]

Both forms run alternately in one process, so compare their ratio: milliseconds depend on the machine and its load.
"""

import os

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from ganscape.models.architectures import convolution

PRODUCTS = (convolution.conv_as_products, convolution.conv_transpose_as_products)
NATIVE = (convolution.native_conv, convolution.native_conv_transpose)
BATCH, STEPS, REPEATS = 64, 4, 3


class Case(NamedTuple):
    """A network to time.

    inputs, parameters: shapes of its input and of its parameters.
    network: (conv, conv_transpose) -> a function (parameters, input) -> output.
    """

    name: str
    inputs: tuple[int, ...]
    parameters: tuple[tuple[int, ...], ...]
    network: Callable


def one_conv(conv, conv_transpose):
    return lambda parameters, images: conv(images, parameters[0], 2)


def one_transposed(conv, conv_transpose):
    return lambda parameters, images: conv_transpose(images, parameters[0], 2)


def discriminator(conv, conv_transpose):
    def network(parameters, images):
        first, second, dense, last = parameters
        x = jax.nn.leaky_relu(conv(images, first, 2), 0.2)
        x = jax.nn.leaky_relu(conv(x, second, 2), 0.2).reshape(BATCH, -1)
        return jax.nn.leaky_relu(x @ dense, 0.2) @ last

    return network


def generator(conv, conv_transpose):
    def network(parameters, z):
        dense, wide, first, second = parameters
        x = jax.nn.leaky_relu(jax.nn.leaky_relu(z @ dense, 0.2) @ wide, 0.2).reshape(BATCH, 7, 7, 128)
        x = jax.nn.leaky_relu(conv_transpose(x, first, 2), 0.2)
        return jax.nn.sigmoid(conv_transpose(x, second, 2))

    return network


CASES = (
    Case("conv 4x4/2 64->128 at 14x14", (BATCH, 14, 14, 64), ((4, 4, 64, 128),), one_conv),
    Case("transposed 4x4/2 128->64 at 7x7", (BATCH, 7, 7, 128), ((4, 4, 128, 64),), one_transposed),
    Case(
        "infogan 28x28 discriminator",
        (BATCH, 28, 28, 1),
        ((4, 4, 1, 64), (4, 4, 64, 128), (6272, 1024), (1024, 1)),
        discriminator,
    ),
    Case("infogan 28x28 generator", (BATCH, 64), ((64, 1024), (1024, 6272), (4, 4, 128, 64), (4, 4, 64, 1)), generator),
)


def steps(network: Callable) -> Callable:
    """Returns a jitted function of STEPS gradient descent steps in one `lax.scan`, on the parameters and the inputs."""

    def loss(parameters, inputs):
        return jnp.mean(jnp.square(network(parameters, inputs)))

    def step(state, _):
        gradients = jax.grad(loss, (0, 1))(*state)
        return jax.tree.map(lambda value, gradient: value - 1e-3 * gradient, state, gradients), None

    return jax.jit(lambda parameters, inputs: lax.scan(step, (parameters, inputs), length=STEPS)[0])


def arrays(case: Case) -> tuple[list[Array], Array]:
    keys = jax.random.split(jax.random.key(0), 1 + len(case.parameters))
    inputs = jax.random.normal(keys[0], case.inputs)
    return [0.05 * jax.random.normal(k, s) for k, s in zip(keys[1:], case.parameters, strict=True)], inputs


def measure(case: Case) -> dict:
    """Returns the seconds to compile and the milliseconds per step (the fastest of REPEATS) of both forms."""
    state = arrays(case)
    compiled, row = {}, {"benchmark": "convolution", "case": case.name}
    for form, pair in (("products", PRODUCTS), ("native", NATIVE)):
        start = time.perf_counter()
        compiled[form] = steps(case.network(*pair)).lower(*state).compile()
        row[f"{form}_compile_s"] = round(time.perf_counter() - start, 2)
        jax.block_until_ready(compiled[form](*state))
    times: dict[str, list[float]] = {form: [] for form in compiled}
    for _ in range(REPEATS):
        for form, run in compiled.items():
            start = time.perf_counter()
            jax.block_until_ready(run(*state))
            times[form].append((time.perf_counter() - start) / STEPS * 1e3)
    row |= {f"{form}_ms": round(min(values), 3) for form, values in times.items()}
    return row | {"native_over_products": round(min(times["native"]) / min(times["products"]), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="append one JSON line per case to this file")
    out = parser.parse_args().out
    about = {
        "jax": jax.__version__,
        "backend": jax.default_backend(),
        "machine": platform.processor() or platform.machine(),
    }
    for case in CASES:
        row = measure(case)
        print(
            f"{row['case']:32s} native {row['native_ms']:9.2f} ms   products {row['products_ms']:8.2f} ms   "
            f"ratio {row['native_over_products']:6.2f}   compile {row['native_compile_s']:.1f} / "
            f"{row['products_compile_s']:.1f} s"
        )
        if out:
            with out.open("a") as file:
                file.write(json.dumps(row | about) + "\n")


if __name__ == "__main__":
    main()
