"""f-divergences as losses of a discriminator: elementwise functions of its logits v.

For a convex f with conjugate f*, D_f(P, Q) is the supremum of E_P[T] - E_Q[f*(T)] over all functions T. A discriminator
learns this T as T = g(v), where g maps logits into the domain of f*.

Reference: Nowozin et al. 2016, equation 6 and tables 1, 2 and 6.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Divergence(NamedTuple):
    """output: v -> T = g(v). conjugate: v -> f*(g(v)), as one formula because g and f* partly cancel."""

    output: Callable[[Array], Array]
    conjugate: Callable[[Array], Array]


def bounded_exponential(x: Array) -> Array:
    """Returns e^x up to x = 30, and beyond it the tangent at 30: finite, with a gradient, where e^x would overflow."""
    bounded = jnp.minimum(x, 30.0)
    return jnp.exp(bounded) * (1.0 + (x - bounded))


# f(u) of each divergence, u = p / q:
#   kl                 u log u
#   reverse_kl         -log u
#   pearson            (u - 1)^2
#   squared_hellinger  (sqrt(u) - 1)^2
#   jensen_shannon     u log u - (u + 1) log((u + 1) / 2), which is twice the Jensen-Shannon divergence
#   total_variation    |u - 1| / 2
DIVERGENCES = {
    "kl": Divergence(lambda v: v, lambda v: bounded_exponential(v - 1.0)),
    "reverse_kl": Divergence(lambda v: -bounded_exponential(-v), lambda v: v - 1.0),
    "pearson": Divergence(lambda v: v, lambda v: 0.25 * v**2 + v),
    "squared_hellinger": Divergence(lambda v: 1.0 - bounded_exponential(-v), lambda v: bounded_exponential(v) - 1.0),
    "jensen_shannon": Divergence(
        lambda v: jnp.log(2.0) - jax.nn.softplus(-v), lambda v: jax.nn.softplus(v) - jnp.log(2.0)
    ),
    "total_variation": Divergence(lambda v: 0.5 * jnp.tanh(v), lambda v: 0.5 * jnp.tanh(v)),
}
