from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ganscape.models import Config
from ganscape.models.architectures import ARCHITECTURES, build
from ganscape.models.architectures.progan import blur_real
from ganscape.models.forward import Context
from ganscape.models.gan import FAMILY, Batch, update_discriminator
from ganscape.models.initialization import initialise, parameter_count

KEY = np.array([0, 1], np.uint32)
SHAPE = (16, 16, 3)
# 8x8 comes at 1 and is there at 2, 16x16 comes at 3 and is there at 4.
PHASES = (0.0, 0.9, 1.25, 2.0, 2.9, 3.5, 4.0, 100.0)


def config_of(**settings):
    return Config.from_dict({"architecture": "progan", "channels": 6, "z_dim": 5, "batch_size": 3} | settings)


CONFIG = config_of(batch_features="minibatch_stddev")


def part(progress, level):
    return min(max(progress - (2 * level - 1), 0.0), 1.0)


def leaky(x):
    return jnp.maximum(x, 0.2 * x)


def scaled(layer, gain=2.0):
    return layer["kernel"] * np.sqrt(gain / np.prod(layer["kernel"].shape[:-1]))


def convolved(layer, x, gain=2.0):
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, scaled(layer, gain), (1, 1), "SAME", dimension_numbers=layout) + layer["bias"]


def unit(x):
    return x / jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-8)


def up(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def down(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


@jax.jit
def generated_by_the_paper(p, z, parts):
    """The authors' linear structure: every height, and what the lower ones paint fades out."""
    x = jnp.einsum("bi,hwif->bhwf", unit(z), scaled(p["spread"])) + p["spread"]["bias"]
    x = unit(leaky(convolved(p["upper_0"], unit(leaky(x)))))
    image = convolved(p["to_image_0"], x, 1.0)
    for level in (1, 2):
        x = unit(leaky(convolved(p[f"lower_{level - 1}"], up(x))))
        x = unit(leaky(convolved(p[f"upper_{level}"], x)))
        more = convolved(p[f"to_image_{level}"], x, 1.0)
        image = up(image) + parts[level] * (more - up(image))
    return (image + 1) / 2


@jax.jit
def judged_by_the_paper(p, images, parts):
    images = 2 * images - 1
    x = leaky(convolved(p["from_image_2"], images))
    for level in (2, 1):
        x = leaky(convolved(p[f"lower_{level - 1}"], leaky(convolved(p[f"upper_{level}"], x))))
        images = down(images)
        less = leaky(convolved(p[f"from_image_{level - 1}"], images))
        x = less + parts[level] * (down(x) - less)
    deviation = jnp.mean(jnp.sqrt(jnp.var(x, axis=0) + 1e-8))
    x = jnp.concatenate([x, jnp.full((*x.shape[:-1], 1), deviation)], axis=-1)
    x = leaky(convolved(p["upper_0"], x)).reshape(len(x), -1)
    x = leaky(x @ scaled(p["dense"]) + p["dense"]["bias"])
    return (x @ scaled(p["logit"], 1.0) + p["logit"]["bias"])[:, 0]


@pytest.fixture(scope="module")
def pair():
    return build(CONFIG, SHAPE)


@pytest.fixture(scope="module")
def generator(pair):
    """Weights, latents, and (params, progress) -> images and the gradients of a sum over them."""
    params = jax.tree.map(moved, initialise(pair.generator, KEY, (3, 5))["params"])
    z = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)

    @jax.jit
    def images_and_gradients(params, progress):
        def total(params):
            images = pair.generator.apply({"params": params}, z, Context(progress=progress))
            return jnp.sum(jnp.sin(images)), images

        gradients, images = jax.grad(total, has_aux=True)(params)
        return images, gradients

    return params, z, images_and_gradients


@pytest.fixture(scope="module")
def discriminator(pair):
    """Weights, and (images, progress) -> logits and the gradients of a sum over them."""
    params = jax.tree.map(moved, initialise(pair.discriminator, KEY, (3, *SHAPE))["params"])

    @jax.jit
    def logits_and_gradients(images, progress):
        def total(params):
            logits = pair.discriminator.apply({"params": params}, images, Context(progress=progress)).logits
            return jnp.sum(jnp.sin(logits)), logits

        gradients, logits = jax.grad(total, has_aux=True)(params)
        return logits, gradients

    return params, logits_and_gradients


def moved(leaf):
    """Biases away from 0, so that it shows where they are added."""
    return leaf if leaf.ndim > 1 else leaf + np.linspace(-0.5, 0.5, leaf.size, dtype=np.float32)


def photographs(seed=0):
    return np.random.default_rng(seed).random((3, *SHAPE), dtype=np.float32)


def squares(images, size):
    """Whether every square of the grid has one colour."""
    blocks = np.asarray(images).reshape(len(images), 16 // size, size, 16 // size, size, -1)
    return (blocks == blocks[:, :, :1, :, :1]).all()


@pytest.mark.parametrize("progress", PHASES)
def test_images_are_those_of_the_paper_at_every_phase(generator, progress):
    params, z, images_and_gradients = generator
    expected = generated_by_the_paper(params, z, [part(progress, level) for level in range(3)])
    np.testing.assert_allclose(images_and_gradients(params, progress)[0], expected, rtol=1e-4, atol=1e-5)


def test_an_image_starts_as_4x4_squares_and_each_height_is_faded_in_linearly(generator):
    params, _, images_and_gradients = generator
    at = {progress: images_and_gradients(params, progress)[0] for progress in (0.0, 1.0, 1.25, 2.0, 3.0, 3.5, 4.0)}
    assert squares(at[0.0], 4) and not squares(at[0.0], 8)
    assert squares(at[2.0], 2) and not squares(at[2.0], 4)
    assert not squares(at[4.0], 2)
    np.testing.assert_array_equal(at[1.0], at[0.0])
    np.testing.assert_array_equal(at[3.0], at[2.0])
    np.testing.assert_allclose(at[1.25], 0.75 * at[1.0] + 0.25 * at[2.0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(at[3.5], 0.5 * at[3.0] + 0.5 * at[4.0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("progress", PHASES)
def test_logits_are_those_of_the_paper_at_every_phase(discriminator, progress):
    params, logits_and_gradients = discriminator
    images = photographs()
    expected = judged_by_the_paper(params, images, [part(progress, level) for level in range(3)])
    np.testing.assert_allclose(logits_and_gradients(images, progress)[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("progress", PHASES)
def test_only_layers_of_heights_that_have_come_have_gradients(generator, discriminator, progress):
    """And a layer to or from images none once its height is twice behind."""
    params, _, images_and_gradients = generator
    levels = [level for level in range(3) if part(progress, level) > 0]
    painting = [level for level in levels if level == levels[-1] or part(progress, level + 1) < 1]
    working = [f"lower_{level - 1}" for level in levels[1:]] + [f"upper_{level}" for level in levels]
    made = images_and_gradients(params, progress)[1]
    seen = discriminator[1](photographs(), progress)[1]
    assert with_gradient(made) == {"spread", *working, *(f"to_image_{level}" for level in painting)}
    assert with_gradient(seen) == {"dense", "logit", *working, *(f"from_image_{level}" for level in painting)}


def with_gradient(gradients):
    return {name for name, layer in gradients.items() if np.any(layer["kernel"])}


def test_what_the_discriminator_cannot_see_yet_is_what_real_images_are_relieved_of(discriminator):
    config = SimpleNamespace(fade_images=50.0)
    images = photographs()
    for progress in (0.5, 2.0, 4.0):
        smoothed = blur_real(config, images, 50.0 * progress)
        logits = [discriminator[1](each, progress)[0] for each in (images, smoothed)]
        np.testing.assert_allclose(logits[1], logits[0], rtol=1e-4, atol=1e-5)


def test_real_images_are_smoothed_as_generated_ones_are():
    """Pooled to the height that has come; between two heights the mixture is linear."""
    images = photographs()
    config = SimpleNamespace(fade_images=50.0)
    fours, eights = up(up(down(down(images)))), up(down(images))
    expected = {
        0.0: fours,
        50.0: fours,
        62.5: 0.75 * fours + 0.25 * eights,
        100.0: eights,
        150.0: eights,
        190.0: 0.2 * eights + 0.8 * images,
        1e9: images,
    }
    for seen, smoothed in expected.items():
        np.testing.assert_allclose(blur_real(config, images, seen), smoothed, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(blur_real(config, images, 200.0), images)
    assert ARCHITECTURES["progan"].blur_real is blur_real


def test_sampled_images_are_clipped_and_those_in_training_are_not(pair, generator):
    params, z, images_and_gradients = generator
    larger = {**params, "to_image_2": jax.tree.map(lambda x: 9.0 * x, params["to_image_2"])}
    trained = images_and_gradients(larger, 9.0)[0]
    sampled = jax.jit(lambda z: pair.generator.apply({"params": larger}, z, Context(training=False, progress=9.0)))(z)
    assert trained.min() < -0.1 and trained.max() > 1.1
    np.testing.assert_allclose(sampled, np.clip(trained, 0.0, 1.0), atol=1e-5)


def test_one_program_trains_all_phases_and_adam_leaves_later_layers_as_they_are():
    """8x8 images, 8 real ones in a fade: the sixth update of two is the first after 8x8 has begun to come."""
    config = config_of(channels=2, batch_size=2, z_dim=2, fade_images=8)
    networks = build(config, (8, 8, 1))
    real, z = np.random.default_rng(0).random((2, 8, 8, 1), dtype=np.float32), jnp.ones((2, 2))
    traces = []

    @jax.jit
    def update(state, key):
        traces.append(1)
        return update_discriminator(config, networks, state, Batch(real, z, key))[0]

    state = jax.tree.map(jnp.asarray, FAMILY.init(config, (8, 8, 1), KEY))
    weights = [state.discriminator.params]
    for number in range(10):
        state = update(state, jnp.array([0, number], jnp.uint32))
        weights.append(state.discriminator.params)
    assert len(traces) == 1
    for name in ("upper_0", "upper_1", "lower_0", "from_image_1"):
        moves = [not np.array_equal(each[name]["kernel"], weights[0][name]["kernel"]) for each in weights[1:]]
        assert moves == ([True] * 10 if name == "upper_0" else [False] * 5 + [True] * 5)


def test_the_generator_sees_the_class_beside_z_and_noise_reaches_all_heights(pair):
    config = config_of(conditioning="projection", classes=4, generator_noise="gaussian", generator_noise_std=1.0)
    generator, discriminator = build(config, SHAPE)
    variables = initialise(generator, KEY, (2, 5), classes=4)
    assert variables["params"]["spread"]["kernel"].shape == (4, 4, 5 + 4, 6)
    told = Context(classes=jnp.eye(4)[:2], noise=1.0, progress=1.5)
    made = jax.eval_shape(lambda z: generator.apply(variables, z, told, rngs={"noise": KEY}), jnp.zeros((2, 5)))
    assert made.shape == (2, *SHAPE)
    assert initialise(discriminator, KEY, (2, *SHAPE), classes=4)["params"]["Embedding_0"]["kernel"].shape == (4, 6)


def test_at_1024_pixels_it_has_the_papers_numbers_of_parameters():
    """Table 2: 23.1 million in both."""
    networks = build(Config(architecture="progan", batch_features="minibatch_stddev"), (1024, 1024, 3))
    assert round(parameter_count(networks.generator, (2, 512)) / 1e6, 1) == 23.1
    assert round(parameter_count(networks.discriminator, (2, 1024, 1024, 3)) / 1e6, 1) == 23.1


def test_at_32_pixels_all_heights_have_512_channels():
    networks = build(Config(architecture="progan"), (32, 32, 3))
    shapes = jax.eval_shape(networks.generator.init, jax.random.key(0), jnp.zeros((2, 512)))["params"]
    kernels = [shapes[f"upper_{level}"]["kernel"].value.shape for level in range(4)]
    assert kernels == [(3, 3, 512, 512)] * 4


def test_it_is_for_squares_of_powers_of_two():
    accepted = [shape for size in (4, 8, 12, 16, 28, 32, 128) for shape in [(size, size, 1)] if accepts(shape)]
    assert [shape[0] for shape in accepted] == [8, 16, 32, 128]
    assert not accepts((8, 16, 1))


def accepts(shape):
    return ARCHITECTURES["progan"].accepts(shape)


def test_phases_last_as_long_as_in_the_paper_by_default():
    assert Config(architecture="progan").fade_images == 800_000
