"""A wrapper that puts a fixed reference batch before every batch, for virtual batch norm."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.initialization import constant, drawn
from ganscape.models.normalizations import STATISTICS


class WithReference(nn.Module):
    """Applies `network` to a reference batch [size, ...] and x [batch, ...], and drops the reference's outputs.

    The reference is the first batch that a pass in training sees, that is one that leaves statistics; it is
    kept from then on (statistics "reference", and "seen": 1 once there is one), and no gradient flows into
    it. Before that it is zeros. An average of the two statistics from before to after it, "seen" in (0, 1), has the
    same reference. Other arguments go to the network as they are; of each array that it returns the first
    `size` are dropped.

    Raises ValueError for a batch in training that has not `size` examples.

    Reference: Salimans et al. 2016 (arXiv:1606.03498), section 3.4.
    """

    network: nn.Module
    size: int

    @nn.compact
    def __call__(self, x: Array, *args, **kwargs):
        kept = self.variable(STATISTICS, "reference", drawn(constant(0.0)), None, (self.size, *x.shape[1:]))
        seen = self.variable(STATISTICS, "seen", drawn(constant(0.0)), None, ())
        if self.is_mutable_collection(STATISTICS) and not self.is_initializing():
            if x.shape[0] != self.size:
                raise ValueError(f"a reference of {self.size} examples cannot be made of a batch of {x.shape[0]}")
            kept.value = jnp.where(seen.value > 0.0, kept.value, x)
            seen.value = jnp.ones_like(seen.value)
        reference = jax.lax.stop_gradient(kept.value / jnp.where(seen.value > 0.0, seen.value, 1.0))
        outputs = self.network(jnp.concatenate([reference, x]), *args, **kwargs)
        return jax.tree.map(lambda leaf: leaf[self.size :], outputs)
