"""Penalties on the discriminator: pure functions of (critic, kernels, real, fake, key), not yet weighted.

critic: images [batch, height, width, channels] -> logits [batch];
kernels: the critic's kernels [..., in, out], before any normalization;
real, fake: images [batch, height, width, channels] in [0, 1]; the result is a scalar >= 0.
"""

import zlib
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

Critic = Callable[[Array], Array]
Kernels = Sequence[Array]


def no_penalty(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """Returns 0."""
    return jnp.zeros(())


def squared_gradient_norms(critic: Critic, images: Array) -> Array:
    """Returns the squared norm of the critic's gradient at each image, [batch]."""
    gradients = jax.grad(lambda batch: jnp.sum(critic(batch)))(images)
    return jnp.sum(gradients**2, axis=(1, 2, 3))


def gradient_norms(critic: Critic, images: Array) -> Array:
    """Returns the norm of the critic's gradient at each image, as sqrt(1e-4 + sum of squares), [batch].

    The 1e-4 inside the root is Lucic et al. 2018's code. It keeps the derivative finite at a zero gradient, whose
    norm therefore counts as 0.01.
    """
    return jnp.sqrt(1e-4 + squared_gradient_norms(critic, images))


def interpolate_images(real: Array, fake: Array, key: Array) -> Array:
    """Returns points drawn uniformly on the lines from real images to fake ones, one draw per pair."""
    fraction = jax.random.uniform(key, (real.shape[0], 1, 1, 1))
    return real + fraction * (fake - real)


def wgangp(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """mean (norm - 1)^2 at points drawn uniformly between real and fake, one draw per image.

    Reference: Gulrajani et al. 2017, equation 3, two-sided.
    """
    return jnp.mean((gradient_norms(critic, interpolate_images(real, fake, key)) - 1.0) ** 2)


def wgangp_one_sided(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """mean max(0, norm - 1)^2 at the same points as `wgangp`.

    Reference: Gulrajani et al. 2017, section 4; Petzka et al. 2018 (arXiv:1709.08894).
    """
    return jnp.mean(jax.nn.relu(gradient_norms(critic, interpolate_images(real, fake, key)) - 1.0) ** 2)


def r1(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """mean |gradient|^2 / 2 at real images: penalty_weight is the paper's gamma.

    Reference: Mescheder et al. 2018, equation 9.
    """
    return 0.5 * jnp.mean(squared_gradient_norms(critic, real))


def r2(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """mean |gradient|^2 / 2 at generated images: penalty_weight is the paper's gamma.

    Reference: Mescheder et al. 2018, equation 10.
    """
    return 0.5 * jnp.mean(squared_gradient_norms(critic, fake))


def zero_centered(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """mean |gradient|^2, not halved, at the same points as `wgangp`.

    Reference: Thanh-Tung et al. 2019 (arXiv:1902.03984), 0-GP; here of the logit.
    """
    return jnp.mean(squared_gradient_norms(critic, interpolate_images(real, fake, key)))


def dragan(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """mean (norm - 1)^2 at x + 0.5 std u: x real, u uniform on [0, 1] per pixel, std that of all pixels of the batch.

    Reference: Kodali et al. 2017, with the noise of the authors' code.
    """
    return jnp.mean((gradient_norms(critic, _dragan_noisy(real, key)) - 1.0) ** 2)


def dragan_v1(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """mean (norm - 1)^2 of the sigmoid output, at points drawn uniformly between x and the noisy x of `dragan`.

    Reference: the code of Lucic et al. 2018 (compare_gan, tag v1.0).
    """
    noise_key, fraction_key = jax.random.split(key)
    points = interpolate_images(real, _dragan_noisy(real, noise_key), fraction_key)
    return jnp.mean((gradient_norms(lambda images: jax.nn.sigmoid(critic(images)), points) - 1.0) ** 2)


def dragan_v2(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """mean (norm - 1)^2 at x + std (u - 0.5) clipped to [0, 1], with the u and std of `dragan`.

    Reference: the code of Kurach et al. 2019 (compare_gan, tag v2.0).
    """
    noise = jax.random.uniform(key, real.shape) - 0.5
    points = jnp.clip(real + jnp.std(real) * noise, 0.0, 1.0)
    return jnp.mean((gradient_norms(critic, points) - 1.0) ** 2)


def _dragan_noisy(real: Array, key: Array) -> Array:
    """Returns x + 0.5 std u, see `dragan`."""
    return real + 0.5 * jnp.std(real) * jax.random.uniform(key, real.shape)


def l2_penalty(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """Mean over the kernels of half their squared norm.

    Reference: Kurach et al. 2019, with the mean of their code.
    """
    return jnp.mean(jnp.stack([0.5 * jnp.sum(kernel**2) for kernel in kernels]))


def orthogonal_penalty(critic: Critic, kernels: Kernels, real: Array, fake: Array, key: Array) -> Array:
    """Sum over the kernels of the squared inner products of all pairs of different columns.

    A kernel [..., in, out] is read as a matrix [everything else, out]. The norms of its columns are not penalised.

    Reference: Brock et al. 2019, equation 3; Brock et al. 2017 also pull the norms to 1.
    """
    matrices = [kernel.reshape(-1, kernel.shape[-1]) for kernel in kernels]
    products = [matrix.T @ matrix for matrix in matrices]
    return jnp.sum(jnp.stack([jnp.sum((product - jnp.diag(jnp.diag(product))) ** 2) for product in products]))


PENALTIES = {
    "none": no_penalty,
    "wgangp": wgangp,
    "wgangp_one_sided": wgangp_one_sided,
    "r1": r1,
    "r2": r2,
    "zero_centered": zero_centered,
    "dragan": dragan,
    "dragan_v1": dragan_v1,
    "dragan_v2": dragan_v2,
    "l2": l2_penalty,
    "orthogonal": orthogonal_penalty,
}
_NUMBERS = {name: number for number, name in enumerate(PENALTIES)}


def number_of(name: str) -> int:
    """Returns the number that a penalty's own randomness is derived from: its place among ours, and a hash of the name
    for one that is registered from outside, whatever else is."""
    return _NUMBERS.get(name, zlib.crc32(name.encode()))
