import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import FAMILIES, Config, ConfigError, gan, sampling
from ganscape.models.architectures import build
from ganscape.models.completion import mask_images
from ganscape.models.forward import Context
from ganscape.models.generator_file import load_generator, save_generator
from ganscape.models.rules import check_images

SHAPE, KEY = (8, 8, 1), np.array([0, 1], np.uint32)
REAL = np.random.default_rng(0).random((4, *SHAPE), np.float32)
PLAIN = {"family": "completion", "mask": "box", "batch_size": 4}
# One structure, so that one program is compiled.
PAIRED = PLAIN | {"pair_loss": "l1", "l1_weight": 2.0, "optimizer": "sgd", "g_lr": 0.1}
PAIRED |= {"generator_normalization": "none"}


@jax.jit
def step_of(config, state):
    return FAMILIES["completion"].step(config, state, jnp.asarray(REAL), jax.random.key(0))


def test_only_the_hole_is_hidden():
    masked = mask_images(Config(**PLAIN), jnp.asarray(REAL), jax.random.key(0))
    hole = np.asarray(masked[..., 1:])
    assert hole.mean() == 0.25
    np.testing.assert_array_equal(masked[..., :1], np.where(hole > 0, np.float32(0.5), REAL))


@pytest.mark.parametrize("refinements", [0, 2])
def test_a_completed_image_keeps_every_known_pixel_and_takes_the_rest_from_the_last_network(refinements):
    config = Config(**PLAIN, refinements=refinements)
    state = FAMILIES["completion"].init(config, SHAPE, KEY)
    masked, (completed, outputs) = sampling.complete(config, state, jax.random.key(1), jnp.asarray(REAL))
    hole = np.asarray(masked[..., 1:]) > 0
    assert len(outputs) == 1 + refinements
    np.testing.assert_array_equal(completed, np.where(hole, outputs[-1], REAL))


def test_a_network_that_refines_sees_what_the_one_before_has_completed():
    """So the second network alone, given that image, returns what it returns in the chain."""
    config = Config(**PLAIN, refinements=1, generator_normalization="none")
    params = gan.init(config, SHAPE, KEY).generator.params
    masked = mask_images(config, jnp.asarray(REAL), jax.random.key(0))
    generator = build(config, SHAPE).generator
    completion = generator.apply({"params": params}, masked)
    seen = jnp.concatenate([jnp.where(masked[..., 1:] > 0, completion.outputs[0], REAL), masked[..., 1:]], axis=-1)
    swapped = {"networks_0": params["networks_1"], "networks_1": params["networks_0"]}
    np.testing.assert_allclose(generator.apply({"params": swapped}, seen).outputs[0], completion.outputs[1], rtol=1e-6)


def test_without_the_game_the_generator_descends_the_pair_loss_alone():
    """One step of plain gradient descent by a rate is minus the rate times the gradient, computed here by hand."""
    config = Config(**PAIRED, adversarial_weight=0.0)
    state = FAMILIES["completion"].init(config, SHAPE, KEY)
    after, logs = step_of(config, state)
    mask_key, _ = jax.random.split(jax.random.key(0), 2)
    masked, generator = mask_images(config, jnp.asarray(REAL), mask_key), build(config, SHAPE).generator

    def loss(params):
        return 2.0 * jnp.mean(jnp.abs(generator.apply({"params": params}, masked).outputs[0] - REAL))

    value, slopes = jax.jit(jax.value_and_grad(loss))(state.generator.params)
    np.testing.assert_allclose(logs["g_loss"], value, rtol=1e-5)
    expected = jax.tree.map(lambda x, gradient: x - 0.1 * gradient, state.generator.params, slopes)
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6),
        after.generator.params,
        expected,
    )


def test_the_weight_of_the_game_scales_it_alone():
    values = []
    for weight in (0.0, 1.0, 3.0):
        config = Config(**PAIRED, adversarial_weight=weight)
        values.append(float(step_of(config, gan.init(config, SHAPE, KEY))[1]["g_loss"]))
    np.testing.assert_allclose(values[2] - values[0], 3.0 * (values[1] - values[0]), rtol=1e-5)
    assert values[1] != values[0]


def test_dropout_stays_on_in_sampling():
    """Other noise, another completion of the same hole: Isola et al. 2017, section 3."""
    config = Config(**PLAIN, generator_noise="dropout", generator_normalization="none")
    variables = {"params": gan.init(config, SHAPE, KEY).generator.params}
    masked, context = mask_images(config, jnp.asarray(REAL), jax.random.key(0)), Context(False, None, 0.5)
    one, other = (
        build(config, SHAPE).generator.apply(variables, masked, context, rngs={"noise": jax.random.key(number)})
        for number in range(2)
    )
    assert not np.allclose(one.completed, other.completed)


@pytest.mark.parametrize(
    ("settings", "fragments"),
    [
        ({"family": "completion"}, ["family='completion' needs a mask"]),
        ({"mask": "box"}, ["mask='box'", "family='gan'", "completion"]),
        ({**PLAIN, "conditioning": "projection"}, ["conditioning='projection'", "family='completion'", "one of: gan"]),
        ({**PLAIN, "classes": 10}, ["classes=10", "family='completion'", "one of: gan"]),
        ({"pair_loss": "l1"}, ["pair_loss='l1'", "family='gan'", "completion"]),
        ({**PLAIN, "l1_weight": 1.0}, ["l1_weight=1.0", "pair_loss='none'", "l1"]),
        ({**PLAIN, "pair_loss": "l1"}, ["pair_loss='l1' needs a l1_weight"]),
        ({**PLAIN, "pair_loss": "l1+l1"}, ["'l1' twice"]),
        ({**PLAIN, "pair_loss": "l1", "l1_weight": 1.0, "perceptual_encoder": "mnist"}, ["perceptual, style"]),
        ({**PLAIN, "mask_share": 1.0}, ["mask_share=1.0", "(0, 1)"]),
        ({**PLAIN, "z_dim": 64}, ["z_dim=64", "family='completion'"]),
        ({**PLAIN, "latent": "normal"}, ["latent='normal'", "family='completion'"]),
        ({"adversarial_weight": 1.0}, ["adversarial_weight=1.0", "family='gan'", "completion"]),
    ],
)
def test_what_means_nothing_is_refused_in_one_sentence(settings, fragments):
    with pytest.raises(ConfigError) as caught:
        Config(**settings)
    assert "\n" not in str(caught.value)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_an_encoder_that_does_not_take_the_images_is_refused_before_any_work():
    config = Config(**PLAIN, pair_loss="style", style_weight=1.0, perceptual_encoder="mnist16")
    check_images(config, (16, 16, 1))
    with pytest.raises(ConfigError, match=r"perceptual_encoder='mnist16': .*16x16x1, not 8x8x1"):
        check_images(config, SHAPE)


def test_a_saved_generator_completes_images_and_says_what_it_needs(tmp_path):
    config = Config(**PLAIN, refinements=1)
    state = gan.init(config, SHAPE, KEY)
    save_generator(tmp_path / "g", config, state, SHAPE)
    generator, key = load_generator(tmp_path / "g"), jax.random.key(4)
    expected = sampling.sample(config, state, SHAPE, key, 4, originals=jnp.asarray(REAL))
    np.testing.assert_allclose(generator(key, 4, originals=REAL), expected, rtol=1e-6)
    with pytest.raises(ConfigError, match="completes images; none were given"):
        generator(key, 4)
    with pytest.raises(ConfigError, match="truncation means nothing"):
        generator(key, 4, originals=REAL, truncation=1.0)
    with pytest.raises(ConfigError, match="images of 4x8x8x1 to complete; this generator takes 5x8x8x1"):
        generator(key, 5, originals=REAL)
    with pytest.raises(ConfigError, match="no latents to walk between"):
        generator.walk(key, 4)
    plain = Config(batch_size=4)
    save_generator(tmp_path / "z", plain, gan.init(plain, SHAPE, KEY), SHAPE)
    with pytest.raises(ConfigError, match="none to complete"):
        load_generator(tmp_path / "z")(key, 4, originals=REAL)
