"""A wrapper that completes masked images by networks that return whole images, one after the other."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.forward import TRAINING, Completion, Context


class Completer(nn.Module):
    """Masked images [batch, height, width, channels + 1] -> Completion.

    Each network gets the image as the one before has completed it, beside the mask, the last channel, which is 1 in
    the hole. Known pixels of the result are those of the input.

    Reference: Yu et al. 2018 (arXiv:1801.07892), section 3.1, a coarse network and one that refines.
    """

    networks: tuple[nn.Module, ...]

    @nn.compact
    def __call__(self, x: Array, context: Context = TRAINING) -> Completion:
        known, mask = x[..., :-1], x[..., -1:]
        completed, outputs = known, []
        for network in self.networks:
            outputs.append(network(jnp.concatenate([completed, mask], axis=-1), context))
            completed = jnp.where(mask > 0.0, outputs[-1], known)
        return Completion(completed, tuple(outputs))
