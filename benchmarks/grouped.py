"""Convolutions of K members with kernels of their own, under `vmap`: the backend's own against matrix products.

    python benchmarks/grouped.py [--members 1,8,32] [--batch 64] [--repeats 5] [--out FILE]

`vmap` makes one grouped convolution of K convolutions whose kernels differ, which libraries for GPUs do slowly; as
matrix products they become one batched product. Each row is the forward pass and both gradients of one layer. Both
forms take turns in one process, so read the ratio.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from measuring import alternate, median, options, ratio, write

from ganscape.models.architectures import convolution

# name -> native form, form by products, images [height, width, in], kernel, stride
LAYERS: dict[str, tuple[Callable, Callable, tuple[int, ...], tuple[int, ...]]] = {
    "4x4/2 64->128 at 14": (
        *(convolution.native_conv, convolution.conv_as_products), (14, 14, 64), (4, 4, 64, 128),
    ),
    "4x4/2 64->128 at 32": (
        *(convolution.native_conv, convolution.conv_as_products), (32, 32, 64), (4, 4, 64, 128),
    ),
    "transposed 4x4/2 256->128 at 8": (
        *(convolution.native_conv_transpose, convolution.conv_transpose_as_products), (8, 8, 256), (4, 4, 256, 128),
    ),
}  # fmt: skip


def gradients(form: Callable, images_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> Callable:
    """Returns a compiled function of images [members, ...] and kernels [members, ...]: the gradients by both."""

    def loss(images, kernel):
        return jnp.mean(jnp.square(form(images, kernel, 2)))

    arrays = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in (images_shape, kernel_shape))
    return jax.jit(jax.vmap(jax.grad(loss, (0, 1)))).lower(*arrays).compile()


def measure(name: str, members: int, batch: int, repeats: int) -> dict:
    """Returns the milliseconds of both forms of a layer for so many members, medians of `repeats` turns."""
    native, products, size, kernel = LAYERS[name]
    shapes = (members, batch, *size), (members, *kernel)
    keys = jax.random.split(jax.random.key(0), 2)
    images, kernels = (jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True))
    kernels = kernels / math.sqrt(math.prod(kernel[:-1]))
    forms = {"native": gradients(native, *shapes), "products": gradients(products, *shapes)}
    sides = {form: lambda run=run: jax.block_until_ready(run(images, kernels)) for form, run in forms.items()}
    for run in sides.values():
        run()
    taken = alternate(sides, repeats)
    return {
        "benchmark": "grouped",
        "layer": name,
        "members": members,
        "batch": batch,
        **{f"{form}_ms": round(1e3 * median(pairs), 3) for form, pairs in taken.items()},
        "native_over_products": round(ratio(taken["native"], taken["products"]), 2),
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--members", default="1,8,32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    for name in LAYERS:
        for members in map(int, arguments.members.split(",")):
            row = measure(name, members, arguments.batch, arguments.repeats)
            print(
                f"{name:32s} K={members:3d}  native {row['native_ms']:9.2f} ms  products {row['products_ms']:9.2f} ms  "
                f"ratio {row['native_over_products']:.2f}",
                flush=True,
            )
            write(arguments.out, row)


if __name__ == "__main__":
    main()
