"""The contracts of entries that can be called alone: losses, searchers, data sets, metrics and others."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganscape.data import Source
    from ganscape.metrics import Formula
    from ganscape.metrics.encoders import Encoder
    from ganscape.models.losses import Loss
    from ganscape.search_spaces import Space, Study
    from ganscape.sweep.schedulers import Scheduler


def check_loss(loss: "Loss") -> None:
    """A discriminator that is right has a lower loss than one that is wrong; a generator prefers to be taken for real,
    or to have the features of real images. Both have finite gradients."""
    import jax
    import jax.numpy as jnp

    high, low = jnp.array([0.4, 0.6]), jnp.array([-0.6, -0.4])
    assert loss.discriminator(high, low) < loss.discriminator(low, high)
    if loss.generator_sees_features:
        here, there = jnp.ones((2, 3)), jnp.zeros((2, 3))
        assert loss.generator(here, here) < loss.generator(here, there)
    else:
        assert loss.generator(low, high) < loss.generator(high, low)
        assert jnp.isfinite(jax.grad(lambda fake: loss.generator(high, fake))(low)).all()
    assert jnp.isfinite(jax.grad(lambda real: loss.discriminator(real, low))(high)).all()
    if loss.floor is not None:
        assert loss.discriminator(high, low) >= loss.floor


def check_penalty(penalty: Callable) -> None:
    """A penalty is a scalar that is not negative and has a finite gradient, also where the critic is flat, as one of
    zero weight is."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    real, fake = np.random.default_rng(0).random((2, 4, 3, 3, 1), dtype=np.float32)

    @jax.jit
    @jax.vmap
    @jax.value_and_grad
    def value(weight):
        kernels = [jnp.full((3, 2), weight)]
        return penalty(lambda x: weight * jnp.sum(x**2, (1, 2, 3)), kernels, real, fake, jax.random.key(0))

    values, slopes = value(jnp.array([0.0, 0.3, -2.0]))
    assert (values >= 0).all() and np.isfinite(slopes).all()


def check_searcher(make: Callable, space: "Space | None" = None) -> None:
    """What a searcher asks depends on the space, the seed and what it is told alone: one made anew goes on where
    another stopped, asks nothing twice that it can avoid, and asks for settings that can be trained."""
    from ganscape.models import Config
    from ganscape.search_spaces import SPACES
    from ganscape.sweep.searchers import Observation

    space = SPACES["equal/wide"]["wgan_gp"] if space is None else space

    def new() -> Any:
        return make(space, (7, 8, 9))

    everything = new().ask(6)
    assert new().ask(6) == everything
    resumed = new()
    resumed.tell([Observation(settings, (1.0,)) for settings in everything[:2]])
    rest = resumed.ask(4)
    assert len(rest) <= 4
    assert not [settings for settings in rest if settings in everything[:2]]
    assert new().ask(0) == []
    assert all(Config.from_dict({"batch_size": 8} | settings) for settings in everything + rest)


def check_scheduler(scheduler: "Scheduler") -> None:
    """A decision is a function of the scores at the rung alone: the best config is never stopped, and no decision
    changes when configs that were asked later get scores at later rungs."""
    from ganscape.sweep.schedulers import Decision, Entrant

    def entrants(*more: float) -> list[Entrant]:
        early = [Entrant(0, (float(score), *more), False) for score in range(1, 7)]
        return early + [Entrant(1, (float(score), *more), False) for score in range(1, 7)]

    decisions = [scheduler(entrants(), index, 0) for index in range(12)]
    assert all(isinstance(decision, Decision) for decision in decisions)
    assert decisions[0] is not Decision.STOP
    assert [scheduler(entrants(0.5), index, 0) for index in range(12)] == decisions


def check_data_set(source: "Source", root: str | Path | None = None) -> None:
    """A data set has images of the type and shape that it announces, at least two in each split, the same ones every
    time, and all classes in both splits if it has any."""
    import numpy as np

    from ganscape.data import Dataset, root_folder

    first, second = source.load(root_folder(root)), source.load(root_folder(root))
    assert isinstance(first, Dataset) and first.fingerprint == second.fingerprint
    assert first.image_shape == tuple(source.image_shape) == first.test.shape[1:]
    assert first.train.dtype == first.test.dtype == np.uint8
    assert min(len(first.train), len(first.test)) >= 2
    assert first.train.max() > 1, "images are 0..255"
    assert first.classes == source.classes
    for labels, images in ((first.train_labels, first.train), (first.test_labels, first.test)):
        if source.classes is None:
            assert labels is None
        else:
            assert labels is not None and len(labels) == len(images)
            assert np.array_equal(np.unique(labels), np.arange(source.classes))


def check_metric(formula: "Formula") -> None:
    """A formula tells nearer from farther features, is repeatable, leaves its input alone, and returns a float. One of
    logits is asked for the rest alone."""
    import numpy as np

    x, y = np.random.default_rng(1).normal(size=(2, 40, 4))
    kept = x.copy(), y.copy()
    value = formula.compare(formula.summarise(x), y)
    assert type(value) is float and value == formula.compare(formula.summarise(x), y)
    assert np.array_equal(x, kept[0]) and np.array_equal(y, kept[1])
    assert formula.better in ("lower", "higher") and formula.minimum_samples >= 1
    if not formula.of_logits:
        reference = formula.summarise(x)
        same, near, far = (formula.compare(reference, x + shift) for shift in (0, 1, 2))
        assert same < near < far if formula.better == "lower" else same > near > far


def check_encoder(
    make: "Callable[[tuple[int, int, int]], Encoder]", image_shape: tuple[int, int, int] = (8, 8, 1)
) -> None:
    """The features of an image are finite, of the dimension announced, and do not depend on its batch."""
    import jax.numpy as jnp
    import numpy as np

    encoder = make(image_shape)
    images = np.random.default_rng(0).random((5, *image_shape), dtype=np.float32)
    features = np.asarray(encoder.encode(jnp.asarray(images)))
    assert features.shape == (5, encoder.dimension) and features.dtype == np.float32
    assert np.isfinite(features).all()
    alone = np.asarray(encoder.encode(jnp.asarray(images[:1])))
    np.testing.assert_allclose(alone, features[:1], rtol=1e-4, atol=1e-5)
    assert make(image_shape).apply is encoder.apply, "one function for equal encoders, or each is compiled again"


def check_study(study: "Study") -> None:
    """A study could have been read from a file: its fields, values, ranges, searchers and schedulers are known."""
    from ganscape.sweep.plan import find_study

    assert find_study(study).methods == study.methods
