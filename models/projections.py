"""What happens to the discriminator's weights after its update: pure functions of (params, config)."""

import jax
import jax.numpy as jnp


def none(params, config):
    """The weights as they are."""
    return params


def weight_clipping(params, config):
    """Every trainable, biases and batch-norm scales included, clipped to [-c, c], c = weight_clipping.

    Reference: Arjovsky et al. 2017, algorithm 1.
    """
    bound = config.weight_clipping
    return jax.tree.map(lambda weight: jnp.clip(weight, -bound, bound), params)


PROJECTIONS = {"none": none, "weight_clipping": weight_clipping}
