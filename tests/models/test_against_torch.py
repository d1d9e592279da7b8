"""Losses and penalties against PyTorch's functions and automatic differentiation, in float64 there."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.losses import LOSSES
from ganscape.models.penalties import PENALTIES

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def assert_close(ours, theirs):
    """To 1e-5 of the largest entry; a sigmoid or tanh near 1 is known to 1e-7."""
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=max(1e-5 * np.abs(theirs).max(), 1e-7))


def entropy(logits, target):
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def squares(outputs, target):
    return functional.mse_loss(outputs, torch.full_like(outputs, target))


def margins(real, fake):
    return functional.relu(1.0 - real).mean() + functional.relu(1.0 + fake).mean()


def averaged(game):
    """The discriminator's game of differences from means, and the generator's: the kinds exchanged."""

    def discriminator(real, fake):
        return game(real - fake.mean(), fake - real.mean())

    return discriminator, lambda real, fake: discriminator(fake, real)


def exponential(x):
    """e^x, from x = 30 on its tangent there."""
    return torch.where(x > 30.0, np.exp(30.0) * (x - 29.0), x.clamp(max=30.0).exp())


def saddle(output, conjugate):
    """Nowozin et al. 2016, equation 6; conjugate is f*(g(v))."""
    return (
        lambda real, fake: conjugate(fake).mean() - output(real).mean(),
        lambda real, fake: -conjugate(fake).mean(),
    )


def cross_entropies(real, fake):
    return entropy(real, 1.0) + entropy(fake, 0.0)


THEIRS = {
    "non_saturating": (cross_entropies, lambda real, fake: entropy(fake, 1.0)),
    "minimax": (cross_entropies, lambda real, fake: -entropy(fake, 0.0)),
    "feature_matching": (
        cross_entropies,
        lambda real, fake: functional.mse_loss(real.mean(0), fake.mean(0), reduction="sum"),
    ),
    "least_squares": (
        lambda real, fake: (squares(real.sigmoid(), 1.0) + squares(fake.sigmoid(), 0.0)) / 2.0,
        lambda real, fake: squares(fake.sigmoid(), 1.0) / 2.0,
    ),
    "least_squares_logits": (
        lambda real, fake: (squares(real, 1.0) + squares(fake, 0.0)) / 2.0,
        lambda real, fake: squares(fake, 1.0) / 2.0,
    ),
    "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda real, fake: -fake.mean()),
    "hinge": (margins, lambda real, fake: -fake.mean()),
    "relativistic": (
        lambda real, fake: -functional.logsigmoid(real - fake).mean(),
        lambda real, fake: -functional.logsigmoid(fake - real).mean(),
    ),
    "relativistic_average": averaged(cross_entropies),
    "relativistic_average_least_squares": averaged(lambda real, fake: squares(real, 1.0) + squares(fake, -1.0)),
    "relativistic_average_hinge": averaged(margins),
    "kl": saddle(lambda v: v, lambda v: exponential(v - 1.0)),
    "reverse_kl": saddle(lambda v: -exponential(-v), lambda v: v - 1.0),
    "pearson": saddle(lambda v: v, lambda v: v**2 / 4.0 + v),
    "squared_hellinger": saddle(lambda v: 1.0 - exponential(-v), lambda v: exponential(v) - 1.0),
    "jensen_shannon": saddle(
        lambda v: np.log(2.0) + functional.logsigmoid(v), lambda v: -functional.logsigmoid(-v) - np.log(2.0)
    ),
    "total_variation": saddle(lambda v: v.tanh() / 2.0, lambda v: v.tanh() / 2.0),
}


@functools.cache
def differentiated(loss, player):
    return jax.jit(jax.value_and_grad(getattr(LOSSES[loss], player), argnums=(0, 1)))


@pytest.mark.parametrize("size", [1.0, 30.0, 2e4])
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_loss_and_its_gradients_are_torchs(loss, player, size):
    features = (3,) if player == "generator" and LOSSES[loss].generator_sees_features else ()
    draws = size * np.random.default_rng(0).uniform(-1.0, 1.0, (2, 7, *features)).astype(np.float32)
    value, gradients = differentiated(loss, player)(*draws)
    tensors = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in draws]
    expected = THEIRS[loss][player == "generator"](*tensors)
    expected.backward()
    assert_close(value, expected)
    for gradient, tensor in zip(gradients, tensors, strict=True):
        assert_close(gradient, torch.zeros_like(tensor) if tensor.grad is None else tensor.grad)


@pytest.mark.parametrize("size", [1.0, 2e4])
def test_the_loss_of_a_target_and_its_gradient_are_torchs(size):
    rng = np.random.default_rng(1)
    logits, targets = (size * rng.uniform(-1.0, 1.0, 9)).astype(np.float32), rng.uniform(0.0, 1.0, 9).astype(np.float32)
    theirs = {
        "non_saturating": lambda v, t: functional.binary_cross_entropy_with_logits(v, t, reduction="none"),
        "least_squares": lambda v, t: functional.mse_loss(v.sigmoid(), t, reduction="none") / 2.0,
        "least_squares_logits": lambda v, t: functional.mse_loss(v, t, reduction="none") / 2.0,
    }
    theirs["minimax"] = theirs["feature_matching"] = theirs["non_saturating"]
    assert sorted(theirs) == sorted(name for name, loss in LOSSES.items() if loss.targeted)
    for name, function in theirs.items():
        tensor = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
        expected = function(tensor, torch.tensor(targets, dtype=torch.float64))
        expected.sum().backward()
        targeted = LOSSES[name].targeted
        assert_close(targeted(logits, targets), expected)
        assert_close(jax.grad(lambda x, of=targeted: jnp.sum(of(x, targets)))(logits), tensor.grad)


# Penalties, of a network whose slopes are not constant

REAL, FAKE = np.random.default_rng(3).uniform(0.0, 1.0, (2, 6, 3, 2, 2)).astype(np.float32)
KEY = jax.random.key(0)


def network(params, images):
    hidden = images.reshape(images.shape[0], -1) @ params["in"] + params["bias"]
    return (hidden**2) @ params["out"]


def drawn_params(size):
    """Logits of up to about this size."""
    rng = np.random.default_rng(2)
    out = rng.uniform(-1.0, 1.0, 5)
    params = {"in": 0.3 * rng.normal(size=(12, 5)), "bias": 0.3 * rng.normal(size=5), "out": size * out}
    return {name: np.float32(value) for name, value in params.items()}


@functools.cache
def points_of(penalty):
    """Where the penalty looks."""
    seen = []

    def recording(images):
        jax.debug.callback(lambda points: seen.append(np.asarray(points)), images)
        return jnp.sum(images, (1, 2, 3))

    jax.jit(lambda: PENALTIES[penalty](recording, [jnp.ones((1, 1))], REAL, FAKE, KEY))()
    jax.effects_barrier()
    return seen[0] if seen else REAL


@functools.cache
def differentiated_penalty(penalty):
    def ours(params):
        kernels = [params["in"], params["out"][:, None]]
        return PENALTIES[penalty](lambda images: network(params, images), kernels, REAL, FAKE, KEY)

    return jax.jit(jax.value_and_grad(ours))


def slopes(logits, points, inside):
    (gradient,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    return (inside + gradient.flatten(1).square().sum(1)).sqrt()


def off_diagonal(kernel):
    products = kernel.T @ kernel
    return (products - products.diag().diag()).square().sum()


OF_SLOPES = {
    "wgangp": lambda slope: (slope(1e-4) - 1.0).square().mean(),
    "wgangp_one_sided": lambda slope: functional.relu(slope(1e-4) - 1.0).square().mean(),
    "r1": lambda slope: slope(0.0).square().mean() / 2.0,
    "r2": lambda slope: slope(0.0).square().mean() / 2.0,
    "zero_centered": lambda slope: slope(0.0).square().mean(),
}
OF_SLOPES |= dict.fromkeys(("dragan", "dragan_v1", "dragan_v2"), OF_SLOPES["wgangp"])
OF_KERNELS = {
    "l2": lambda kernels: sum(kernel.square().sum() / 2.0 for kernel in kernels) / len(kernels),
    "orthogonal": lambda kernels: sum(off_diagonal(kernel) for kernel in kernels),
}


def of_torch(penalty, params, points):
    """The penalty, built up so that it can be differentiated again."""
    if penalty == "none":
        return 0.0 * params["in"].sum()
    if penalty in OF_KERNELS:
        return OF_KERNELS[penalty]([params["in"], params["out"][:, None]])
    points = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    outputs = network(params, points)
    outputs = outputs.sigmoid() if penalty == "dragan_v1" else outputs
    return OF_SLOPES[penalty](lambda inside: slopes(outputs, points, inside))


@pytest.mark.parametrize("size", [2.0, 2e4])
def test_a_penalty_and_its_second_derivatives_are_torchs(penalty, size):
    params = drawn_params(size)
    value, gradients = differentiated_penalty(penalty)(params)
    tensors = {name: torch.tensor(each, dtype=torch.float64, requires_grad=True) for name, each in params.items()}
    expected = of_torch(penalty, tensors, points_of(penalty))
    expected.backward()
    assert_close(value, expected)
    for name, tensor in tensors.items():
        assert_close(gradients[name], torch.zeros_like(tensor) if tensor.grad is None else tensor.grad)
