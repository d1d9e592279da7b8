"""A worker's proof that it computes: sums, products and convolutions of whole numbers, whose results are known exactly.

A process whose address space is nearly used up gets no error from XLA: a compiled product then returns a buffer that
nobody has written to, and scores are made of it.
"""

import resource
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ganscape.sweep.resources import ADDRESS_SPACE, gibibytes

HEADROOM = 0.9  # the share of a limit of the address space that a worker may have used when it scores


def fault() -> str:
    """Returns in words what this process computes wrongly, "" for nothing.

    All results are whole numbers below 2**24, which float32 holds exactly, so the order of additions is of no account.
    """
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, (96, columns)).astype(np.float32) for columns in (128, 80))
    images, kernel = (rng.integers(-4, 5, shape).astype(np.float32) for shape in ((4, 12, 12, 8), (3, 3, 8, 16)))
    expected = {
        "a product": (a.T @ b) @ b.T,
        "a product of a transposed matrix": a.T @ b,
        "a convolution": _convolution(images, kernel),
        "a sum": a.sum(0),
        "a maximum": images.max((1, 2)),
    }
    for how, compute in (("", _compute), (", compiled", jax.jit(_compute))):
        for what, value in zip(expected, compute(*map(jnp.asarray, (a, b, images, kernel))), strict=True):
            if not np.array_equal(np.asarray(value), expected[what]):
                return what + how
    return ""


def _compute(a, b, images, kernel):
    lines = ("NHWC", "HWIO", "NHWC")
    product = a.T @ b
    return (
        product @ b.T,
        product,
        jax.lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=lines),
        jnp.sum(a, 0),
        jnp.max(images, (1, 2)),
    )


def _convolution(images: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(images, kernel.shape[:2], axis=(1, 2))
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel)


def check_headroom() -> None:
    """Raises MemoryError if this process has come so near to a limit of its address space that what it computes cannot
    be trusted."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return
    peak = next(int(line.split()[1]) * 1024 for line in _status() if line.startswith("VmPeak:"))
    if peak > HEADROOM * limit:
        raise MemoryError(
            f"this worker has used {gibibytes(peak)} of the {gibibytes(limit)} of address space that `ulimit -v` "
            f"leaves it, where XLA returns wrong numbers; a limit of {gibibytes(max(2 * peak, ADDRESS_SPACE))} will do"
        )


def _status() -> list[str]:
    return Path("/proc/self/status").read_text().splitlines()
