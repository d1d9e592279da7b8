"""A wrapper that prepends a fixed reference batch to every batch, for virtual batch norm."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.initialization import constant, initializer
from ganscape.models.normalizations import STATISTICS


class WithReference(nn.Module):
    """Applies `network` to a reference batch [size, ...] followed by x [batch, ...], and returns the outputs for x.

    The reference is the first batch of training (the first in a pass that updates statistics) and stays the same from
    then on; before, it is zeros. No gradient flows into it. It is stored in the statistics "reference" and "seen", 1
    once it is set. Averaged statistics, in which "seen" is in (0, 1), give the same reference, because it is divided by
    "seen". Further arguments are passed on to the network.

    Raises ValueError for a training batch that does not have `size` examples.

    Reference: Salimans et al. 2016 (arXiv:1606.03498), section 3.4.
    """

    network: nn.Module
    size: int

    @nn.compact
    def __call__(self, x: Array, *args, **kwargs):
        stored = self.variable(STATISTICS, "reference", initializer(constant(0.0)), None, (self.size, *x.shape[1:]))
        seen = self.variable(STATISTICS, "seen", initializer(constant(0.0)), None, ())
        if self.is_mutable_collection(STATISTICS) and not self.is_initializing():
            if x.shape[0] != self.size:
                raise ValueError(f"a reference of {self.size} examples cannot be made of a batch of {x.shape[0]}")
            stored.value = jnp.where(seen.value > 0.0, stored.value, x)
            seen.value = jnp.ones_like(seen.value)
        reference = jax.lax.stop_gradient(stored.value / jnp.where(seen.value > 0.0, seen.value, 1.0))
        outputs = self.network(jnp.concatenate([reference, x]), *args, **kwargs)
        return jax.tree.map(lambda leaf: leaf[self.size :], outputs)
