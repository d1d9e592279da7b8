"""The published sets, against numbers drawn apart from this code and against what Python 2 would do."""

import random

import numpy as np
import pytest

from ganscape.search_spaces import SPACES, StudyError, published_sets

# Worked out from the released code's rules: the first draw of every model, which follows its default set.
FIRST_DRAWS = {
    "ns_gan": (0.052364, 2.1e-5, 1, "batch_norm", {}),
    "mm_gan": (0.745576, 1.6e-5, 1, "none", {}),
    "wgan": (0.232393, 8.1e-5, 5, "batch_norm", {"weight_clipping": 0.003401}),
    "wgan_gp": (0.454042, 6.44e-4, 1, "batch_norm", {"penalty_weight": 5.053138}),
    "dragan": (0.480562, 2.55e-4, 1, "none", {"penalty_weight": 8.410094}),
    "vae": (0.274859, 8.6e-5, 1, "batch_norm", {}),
    "lsgan": (0.016269, 4.4e-5, 5, "batch_norm", {}),
    "began": (0.254235, 9.4e-5, 5, "none", {"gamma": 0.891609, "k_learning_rate": 1.57e-4}),
}


@pytest.mark.parametrize("method", FIRST_DRAWS)
def test_the_first_draw_of_every_method_is_the_published_one(method):
    beta1, rate, iters, normalization, extra = FIRST_DRAWS[method]
    drawn = published_sets(SPACES["equal/wide"][method])[1]
    assert drawn["beta1"] == pytest.approx(beta1, abs=1e-6)
    assert drawn["learning_rate"] == pytest.approx(rate, abs=0.06 * 10**-5)
    assert (drawn["disc_iters"], drawn["discriminator_normalization"]) == (iters, normalization)
    for field, value in extra.items():
        assert drawn[field] == pytest.approx(value, rel=4e-3)


@pytest.mark.parametrize(("study", "count"), [("equal/wide", 100), ("equal/narrow", 50)])
@pytest.mark.parametrize("method", FIRST_DRAWS)
def test_sets_are_the_default_and_as_many_draws_of_the_space(study, count, method):
    space = SPACES[study][method]
    sets = published_sets(space)
    assert len(sets) == count and sets[0] == space.defaults[0]
    for drawn in sets[1:]:
        assert drawn.keys() == space.fixed.keys() | space.dimensions.keys()
        assert drawn.items() >= space.fixed.items()
        # Values are held in 32 bits, so the end of a range may be passed by a rounding.
        for field, dimension in space.dimensions.items():
            value = drawn[field]
            near = (value, value * (1 + 1e-7), value * (1 - 1e-7)) if isinstance(value, float) else (value,)
            assert any(map(dimension.contains, near))


def test_every_parameter_takes_one_number_also_from_a_range_of_one_value():
    """The narrow draws of the second model begin after 49 draws of 4 numbers each: beta1, disc_iters,
    discriminator_batchnorm and learning_rate in the order of their names."""
    generator = random.Random(123)
    numbers = [generator.random() for _ in range(4 * 49 + 4)]
    _, _, batch_norm, rate = numbers[4 * 49 :]
    drawn = published_sets(SPACES["equal/narrow"]["mm_gan"])[1]
    assert drawn["learning_rate"] == pytest.approx(10 ** (-4 + rate), rel=1e-6)
    assert drawn["discriminator_normalization"] == ("batch_norm" if batch_norm < 0.5 else "none")


def test_values_have_32_bits():
    for drawn in published_sets(SPACES["equal/wide"]["began"])[1:]:
        assert all(float(np.float32(value)) == value for value in drawn.values() if isinstance(value, float))


def test_the_optimizers_are_compared_on_the_same_sets():
    adam, rmsprop = (published_sets(SPACES["equal/optimizer"][name]) for name in ("wgan_adam", "wgan_rmsprop"))
    wgan = published_sets(SPACES["equal/wide"]["wgan"])
    own = ("learning_rate", "disc_iters", "weight_clipping", "discriminator_normalization")
    for sets in (adam, rmsprop):
        assert [[each[field] for field in own] for each in sets] == [[each[field] for field in own] for each in wgan]
    assert [each["beta1"] for each in adam] == [each["beta1"] for each in wgan]
    assert not any("beta1" in each for each in rmsprop)


def test_a_fixed_field_is_fixed_in_every_set():
    sets = published_sets(SPACES["equal/wide"]["lsgan"].pin("disc_iters", 1))
    assert {each["disc_iters"] for each in sets} == {1} and len(sets) == 100


def test_another_space_is_refused():
    with pytest.raises(StudyError, match="has the sets of equal/wide and equal/narrow alone"):
        published_sets(SPACES["landscape/loss"]["ns"])
    with pytest.raises(StudyError, match="no ranges is in neither"):
        published_sets(SPACES["equal/defaults"]["wgan"])
