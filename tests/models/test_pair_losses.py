import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.metrics.encoders import ENCODERS, classifier, lite0
from ganscape.metrics.encoders.feature_maps import FEATURE_MAPS
from ganscape.models import Config
from ganscape.models.forward import Completion
from ganscape.models.pair_losses import PAIR_LOSSES, PERCEPTUAL_ENCODERS, gram, pair_loss

RNG = np.random.default_rng(0)
OUTPUT, REAL = RNG.random((2, 3, 8, 8, 1), np.float32)
MAPS = [tuple(RNG.normal(size=(3, *shape)).astype(np.float32) for shape in ((4, 4, 5), (2, 3, 7))) for _ in range(2)]


def config_of(**settings):
    return Config(family="completion", mask="box", **settings)


def test_l1_is_the_mean_absolute_difference():
    expected = np.abs(np.float64(OUTPUT) - REAL).sum() / OUTPUT.size
    np.testing.assert_allclose(PAIR_LOSSES["l1"](OUTPUT, REAL, (), ()), expected, rtol=1e-5)


def test_perceptual_loss_is_the_sum_over_layers_of_mean_squared_differences():
    expected = sum((np.float64(one - other) ** 2).sum() / one.size for one, other in zip(*MAPS, strict=True))
    np.testing.assert_allclose(PAIR_LOSSES["perceptual"](OUTPUT, REAL, *MAPS), expected, rtol=1e-5)


def test_style_loss_is_the_squared_distance_of_gram_matrices():
    """Johnson et al. 2016, equation 3, as the sum over places that it is, for each image and layer."""

    def matrix(image):
        height, width, channels = image.shape
        places = [np.outer(image[i, j], image[i, j]) for i in range(height) for j in range(width)]
        return np.sum(places, axis=0, dtype=np.float64) / (channels * height * width)

    expected = sum(
        np.mean([((matrix(a) - matrix(b)) ** 2).sum() for a, b in zip(one, other, strict=True)])
        for one, other in zip(*MAPS, strict=True)
    )
    np.testing.assert_allclose(PAIR_LOSSES["style"](OUTPUT, REAL, *MAPS), expected, rtol=1e-5)


def test_a_gram_matrix_forgets_where_activations_are():
    maps = MAPS[0][0]
    np.testing.assert_allclose(gram(jnp.asarray(maps[:, ::-1, ::-1])), gram(jnp.asarray(maps)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_a_pair_loss_of_equal_images_is_zero(name):
    assert PAIR_LOSSES[name](REAL, REAL, MAPS[0], MAPS[0]) == 0.0


def test_the_losses_of_a_set_add_up_with_their_weights_as_a_mean_over_networks():
    config = config_of(pair_loss="l1+perceptual", l1_weight=3.0, perceptual_weight=5.0, perceptual_encoder="digits")
    coarse = np.clip(OUTPUT + 0.1, 0.0, 1.0)
    maps_for = FEATURE_MAPS["digits"]((8, 8, 1))
    expected = 0.0
    for output in (coarse, OUTPUT):
        expected += 3.0 * np.abs(output - REAL).mean() / 2
        for one, other in zip(maps_for(output), maps_for(REAL), strict=True):
            expected += 5.0 * float(((one - other) ** 2).mean()) / 2
    value = pair_loss(config, Completion(jnp.asarray(OUTPUT), (jnp.asarray(coarse), jnp.asarray(OUTPUT))), REAL)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_the_last_map_leads_to_the_features_that_scores_are_made_of():
    """So the maps are those of the shipped networks."""
    images = jnp.asarray(REAL)
    weights, last = classifier.shipped_weights("digits"), FEATURE_MAPS["digits"]((8, 8, 1))(images)[-1]
    dense = np.asarray(last).reshape(3, -1) @ weights["dense/kernel"] + weights["dense/bias"]
    expected = ENCODERS["digits"]((8, 8, 1)).encode(images)
    np.testing.assert_allclose(np.maximum(dense, 0.2 * dense), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shape", "maps"),
    [
        ("random_conv", (8, 8, 1), [(4, 4, 32), (2, 2, 64), (1, 1, 128), (1, 1, 128)]),
        ("mnist16", (16, 16, 1), [(8, 8, 32), (4, 4, 64)]),
        ("mnist", (28, 28, 1), [(14, 14, 32), (7, 7, 32)]),
        pytest.param(
            *("lite0", (32, 32, 3), [(32, 32, 32), (16, 16, 24), (8, 8, 40)]),
            marks=pytest.mark.skipif(not lite0.is_installed(), reason="needs the weights of lite0"),
        ),
    ],
)
def test_a_network_has_a_map_for_each_layer(name, shape, maps):
    found = jax.eval_shape(PERCEPTUAL_ENCODERS[name](shape), jax.ShapeDtypeStruct((2, *shape), jnp.float32))
    assert [leaf.shape for leaf in found] == [(2, *layer) for layer in maps]


def test_perceptual_and_style_losses_pull_an_image_towards_the_true_one():
    maps_for = PERCEPTUAL_ENCODERS["digits"]((8, 8, 1))
    for loss in ("perceptual", "style"):

        def of(output, loss=loss):
            return PAIR_LOSSES[loss](output, REAL, maps_for(output), maps_for(REAL))

        value, gradient = jax.jit(jax.value_and_grad(of))(OUTPUT)
        stepped = jax.jit(of)(OUTPUT - 1e-2 * gradient / jnp.linalg.norm(gradient))
        assert 0 < stepped < value
