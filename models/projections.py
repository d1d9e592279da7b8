"""Projections of the discriminator's weights onto a constraint, after each update: (params, config) -> params."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from ganscape.models.config import Config


def no_projection(params, config: "Config"):
    """Returns the weights unchanged."""
    return params


def weight_clipping(params, config: "Config"):
    """Clips every weight, biases and batch-norm scales included, to [-c, c], c = weight_clipping.

    Reference: Arjovsky et al. 2017, algorithm 1.
    """
    bound = config.weight_clipping
    return jax.tree.map(lambda weight: jnp.clip(weight, -bound, bound), params)


def singular_value_clamp(params, config: "Config"):
    """Lowers all singular values of kernels above s = max_singular_value to s.

    A kernel [..., in, out] is read as a matrix [everything else, out]. Biases, batch-norm scales and kernels that are
    not finite are unchanged. The singular value decomposition of each kernel, after every update (in
    the paper every fifth), takes about 6 rows out^2 + 20 out^3 operations: for the dense layer of `infogan` on 28x28
    as many as the forward pass of 5000 images through it.

    Reference: Saito et al. 2017 (arXiv:1611.06624), singular value clipping.
    """

    def clamp_kernel(path, weight):
        return _clamp(weight, config.max_singular_value) if path[-1].key == "kernel" else weight

    return jax.tree_util.tree_map_with_path(clamp_kernel, params)


def _clamp(kernel, bound):
    matrix = kernel.reshape(-1, kernel.shape[-1])
    finite = jnp.all(jnp.isfinite(matrix))
    left, values, right = jnp.linalg.svd(jnp.where(finite, matrix, 0.0), full_matrices=False)
    excess = jnp.maximum(values - bound, 0.0)
    return kernel - ((left * excess) @ right).reshape(kernel.shape)


PROJECTIONS = {"none": no_projection, "weight_clipping": weight_clipping, "singular_value_clamp": singular_value_clamp}
