import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ganscape.models import Config, forward
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.initialization import initialise, parameter_count
from ganscape.models.normalizations import NORMALIZATIONS, STATISTICS

SHAPES = [(4, 4, 1), (8, 8, 1), (8, 8, 3), (12, 20, 1), (28, 28, 1), (32, 32, 3), (48, 48, 3), (64, 64, 3)]
KEY = np.array([0, 1], np.uint32)
ACCEPTED = [(name, shape) for name in sorted(ARCHITECTURES) for shape in SHAPES if ARCHITECTURES[name].accepts(shape)]


def rows_of(pairs):
    """The parameters of a test: of each architecture the smallest and the largest shape, the oblong one and the one
    whose halves are odd; what lies between is slow."""
    shapes = {name: [shape for each, shape in pairs if each == name] for name, _ in pairs}
    telling = {name: {every[0], every[-1], (12, 20, 1), (28, 28, 1)} for name, every in shapes.items()}
    return [
        pytest.param(name, shape, marks=[] if shape in telling[name] else [pytest.mark.slow]) for name, shape in pairs
    ]


accepted = pytest.mark.parametrize(("name", "shape"), rows_of(ACCEPTED))
quick = pytest.mark.usefixtures("native_convolutions")


def accepted_with(normalization):
    """The rows of `accepted` whose discriminators know this normalization."""
    known = [row for row in ACCEPTED if normalization in ARCHITECTURES[row[0]].discriminator_normalizations]
    return pytest.mark.parametrize(("name", "shape"), rows_of(known))


# One architecture of each class of networks; others of the class differ in their widths.
LIKE_ANOTHER = {"resnet19", "resnet_stl"}
SMALLEST = {name: next(shape for each, shape in ACCEPTED if each == name) for name in ARCHITECTURES}
smallest = pytest.mark.parametrize(
    ("name", "shape"),
    [
        pytest.param(name, shape, marks=[pytest.mark.slow] if name in LIKE_ANOTHER else [])
        for name, shape in SMALLEST.items()
    ],
)


def build(name, shape, normalization=None, family="gan", **settings):
    """The pair with few channels where their number can be chosen, but infogan as in its paper."""
    channels = {"channels": 8} if ARCHITECTURES[name].channels and name != "infogan" else {}
    settings = {"architecture": name, "discriminator_normalization": normalization, "family": family} | settings
    return ARCHITECTURES[name].build(Config(**channels, **settings), shape)


@functools.cache
def abstract(module, *shapes):
    """Shapes of the variables, and of the result of a pass."""
    inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    result, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), *inputs)
    return variables, result


def leaves_of(tree):
    """names of a leaf -> the leaf, out of its box."""
    opened = jax.tree.map(lambda x: x.unbox(), tree, is_leaf=lambda x: hasattr(x, "unbox"))
    return {tuple(key.key for key in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(opened)}


# What every architecture promises


@quick
@accepted
def test_the_generator_makes_images_and_the_discriminator_logits(name, shape):
    networks = build(name, shape)
    _, images = abstract(networks.generator, (5, 64))
    _, judgement = abstract(networks.discriminator, (5, *shape))
    assert (images.shape, images.dtype) == ((5, *shape), jnp.float32)
    assert (judgement.logits.shape, judgement.logits.dtype) == ((5,), jnp.float32)
    assert judgement.features.shape[0] == 5 and judgement.features.ndim == 2


@quick
@accepted
def test_a_pair_of_another_family_sees_images_and_makes_them(name, shape):
    """began: images from images; vae: two numbers for each latent, and a logit for each pixel."""
    seen = {"began": (5, *shape), "vae": (5, 2 * 64)}
    for family in set(ARCHITECTURES[name].families) & seen.keys():
        networks = build(name, shape, family=family)
        assert abstract(networks.generator, (5, 64))[1].shape == (5, *shape)
        assert abstract(networks.discriminator, (5, *shape))[1].shape == seen[family]


def test_every_architecture_accepts_some_images(architecture):
    assert architecture in {name for name, _ in ACCEPTED}


def test_every_architecture_says_what_it_takes(architecture):
    assert ARCHITECTURES[architecture].sizes
    assert "none" in ARCHITECTURES[architecture].discriminator_normalizations
    assert set(ARCHITECTURES[architecture].discriminator_normalizations) <= set(NORMALIZATIONS)
    assert set(ARCHITECTURES[architecture].generator_normalizations) <= set(NORMALIZATIONS)
    assert set(ARCHITECTURES[architecture].upsamplings) <= set(UPSAMPLINGS)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("infogan", [(2, 2, 1), (0, 4, 1), (28, 30, 1), (30, 28, 1)]),
        ("conv8", [(4, 4, 1), (8, 12, 1), (28, 28, 1)]),
        ("mlp", [(65, 4, 1), (4, 65, 1), (128, 128, 3)]),
    ],
)
def test_other_images_are_refused(name, refused):
    for shape in refused:
        assert not ARCHITECTURES[name].accepts(shape)


@quick
@smallest
def test_images_lie_in_zero_to_one_however_large_the_weights(name, shape):
    """At the start they are grey and differ, with huge weights they are black and white. Those of progan and r3gan are
    linear in training and clipped in sampling."""
    generator = build(name, shape).generator
    variables = initialise(generator, KEY, (2, 64))
    z = np.random.default_rng(0).uniform(-1.0, 1.0, (16, 64)).astype(np.float32)

    @jax.jit
    def images_of(factor):
        params = jax.tree.map(lambda x: factor * x, variables["params"])
        context = forward.Context(progress=100.0)
        images = generator.apply({**variables, "params": params}, z, context, mutable=[STATISTICS])[0]
        return jnp.clip(images, 0.0, 1.0) if name in ("progan", "r3gan") else images

    first, last = images_of(1.0), images_of(1e2)
    assert 0.3 < first.mean() < 0.7
    assert np.std(first, axis=0).mean() > 1e-3
    for images in (first, last):
        assert ((images >= 0.0) & (images <= 1.0)).all()
    assert last.min() < 0.01
    assert last.max() > 0.99


@quick
@accepted_with("spectral_norm")
def test_spectral_norm_is_applied_to_every_kernel_of_the_discriminator(name, shape):
    """A left vector of length height * width * in for each, and nothing else (Miyato et al. 2018)."""
    variables, _ = abstract(build(name, shape, "spectral_norm").discriminator, (5, *shape))
    kernels = {path[:-1]: leaf for path, leaf in leaves_of(variables["params"]).items() if path[-1] == "kernel"}
    vectors = {path[:-1]: leaf for path, leaf in leaves_of(variables[STATISTICS]).items() if path[-1] == "u"}
    assert kernels.keys() == vectors.keys()
    assert len(leaves_of(variables[STATISTICS])) == len(kernels)
    for path, kernel in kernels.items():
        assert vectors[path].shape == (int(np.prod(kernel.shape[:-1])),)
    assert {path[-1] for path in leaves_of(variables["params"])} == {"kernel", "bias"}


@quick
@accepted_with("batch_norm")
def test_batch_norm_adds_a_scale_and_a_shift_per_unit_and_none_adds_nothing(name, shape):
    plain, _ = abstract(build(name, shape, "none").discriminator, (5, *shape))
    normalised, _ = abstract(build(name, shape, "batch_norm").discriminator, (5, *shape))
    assert STATISTICS not in plain
    added = leaves_of(normalised["params"]).keys() - leaves_of(plain["params"]).keys()
    means = {path[:-1] for path in leaves_of(normalised[STATISTICS]) if path[-1] == "mean"}
    assert means
    assert added == {(*path, leaf) for path in means for leaf in ("scale", "bias")}


@quick
@smallest
def test_a_logit_of_an_image_does_not_depend_on_the_others_without_batch_norm(name, shape):
    discriminator = build(name, shape, "none").discriminator
    variables = initialise(discriminator, KEY, (2, *shape))
    images = np.random.default_rng(0).uniform(0.0, 1.0, (3, *shape)).astype(np.float32)
    others = images.copy()
    others[[0, 2]] = 1.0 - others[[0, 2]]
    apply = jax.jit(discriminator.apply)
    logits, logits_among_others = apply(variables, images).logits, apply(variables, others).logits
    scale = np.abs(logits).max()
    np.testing.assert_allclose(logits_among_others[1], logits[1], rtol=1e-4, atol=1e-5 * scale)
    assert (np.abs(logits_among_others - logits)[[0, 2]] > 1e-3 * scale).all()


# infogan: the sheet of Lucic et al. 2018


@pytest.mark.parametrize(
    ("shape", "generator", "plain", "normalised"),
    [
        ((28, 28, 1), 6_642_241, 6_556_865, 6_559_169),
        ((32, 32, 3), 8_616_131, 8_524_993, 8_527_297),
        ((64, 64, 3), 33_855_683, 33_690_817, 33_693_121),
    ],
)
def test_infogan_has_the_studies_numbers_of_parameters(shape, generator, plain, normalised):
    assert parameter_count(build("infogan", shape).generator, (2, 64)) == generator
    assert parameter_count(build("infogan", shape).discriminator, (2, *shape)) == plain
    assert parameter_count(build("infogan", shape, "spectral_norm").discriminator, (2, *shape)) == plain
    assert parameter_count(build("infogan", shape, "batch_norm").discriminator, (2, *shape)) == normalised


@pytest.mark.parametrize(("base", "each"), [(64, 16), (8, 16), (16, 8), (5, 3)])
def test_infogan_has_base_and_twice_base_channels_and_hidden_units_for_each(base, each):
    """Counted by hand at 16x20: two halvings leave 4x5 pixels."""
    hidden = base * each
    generator = (64 * hidden + hidden) + 2 * hidden + (hidden * 40 * base + 40 * base) + 2 * 40 * base
    generator += (16 * 2 * base * base + base) + 2 * base + (16 * base * 3 + 3)
    discriminator = (
        (16 * 3 * base + base) + (16 * base * 2 * base + 2 * base) + (40 * base * hidden + hidden) + hidden + 1
    )
    pair = build("infogan", (16, 20, 3), channels=base, hidden_per_channel=each)
    assert parameter_count(pair.generator, (2, 64)) == generator
    assert parameter_count(pair.discriminator, (2, 16, 20, 3)) == discriminator


def test_infogan_as_in_its_paper_keeps_its_identity():
    """Those of before its channels could be chosen."""
    for family, identity in (("gan", "c0212423d6eefb7f"), ("vae", "d49c3d77a124821f")):
        settings = {"architecture": "infogan", "family": family}
        assert Config(**settings).identity() == identity
        assert Config(**settings, channels=64, hidden_per_channel=16).identity() == identity
        assert Config(**settings, channels=16).identity() != identity
        assert Config(**settings, hidden_per_channel=8).identity() != identity


@pytest.mark.parametrize(
    ("family", "shape", "generator", "plain", "normalised"),
    [
        ("began", (28, 28, 1), 6_642_241, 1_073_601, 1_086_401),
        ("began", (32, 32, 3), 8_616_131, 1_325_379, 1_342_019),
        ("began", (64, 64, 3), 33_855_683, 4_495_683, 4_561_475),
        ("vae", (28, 28, 1), 6_642_241, 6_687_040, 6_689_344),
        ("vae", (32, 32, 3), 8_616_131, 8_655_168, 8_657_472),
        ("vae", (64, 64, 3), 33_855_683, 33_820_992, 33_823_296),
    ],
)
def test_infogan_of_another_family_has_the_studies_numbers_of_parameters(family, shape, generator, plain, normalised):
    assert parameter_count(build("infogan", shape, family=family).generator, (2, 64)) == generator
    for normalization, expected in (("none", plain), ("spectral_norm", plain), ("batch_norm", normalised)):
        seeing = build("infogan", shape, normalization, family).discriminator
        assert parameter_count(seeing, (2, *shape)) == expected


def test_the_small_architectures_have_a_code_of_16_and_two_outputs_for_each_latent():
    shape = (8, 8, 1)
    mlp = (64 * 128 + 128) + (128 * 16 + 16) + (16 * 128 + 128) + (128 * 64 + 64)
    conv8 = (16 * 32 + 32) + (16 * 32 * 64 + 64) + (256 * 16 + 16) + (16 * 256 + 256)
    conv8 += (16 * 64 * 32 + 32) + (16 * 32 + 1)
    assert parameter_count(build("mlp", shape, family="began").discriminator, (2, *shape)) == mlp
    assert parameter_count(build("conv8", shape, family="began").discriminator, (2, *shape)) == conv8
    mlp = (64 * 128 + 128) + (128 * 128 + 128) + (128 * 128 + 128)
    conv8 = (16 * 32 + 32) + (16 * 32 * 64 + 64) + (256 * 128 + 128)
    assert parameter_count(build("mlp", shape, family="vae").discriminator, (2, *shape)) == mlp
    assert parameter_count(build("conv8", shape, family="vae").discriminator, (2, *shape)) == conv8


@pytest.mark.parametrize(("shape", "inputs"), [((4, 4, 1), 16), ((28, 28, 1), 784)])
def test_mlp_has_two_hidden_layers_of_128(shape, inputs):
    generator = (64 * 128 + 128) + (128 * 128 + 128) + 4 * 128 + (128 * inputs + inputs)
    discriminator = (inputs * 128 + 128) + (128 * 128 + 128) + (128 + 1)
    assert parameter_count(build("mlp", shape).generator, (2, 64)) == generator
    assert parameter_count(build("mlp", shape).discriminator, (2, *shape)) == discriminator
    assert parameter_count(build("mlp", shape, "batch_norm").discriminator, (2, *shape)) == discriminator + 2 * 128


def test_conv8_is_infogan_without_its_dense_layer():
    """Channels 64 -> 32 -> 1 upwards from 2x2, 1 -> 32 -> 64 downwards, kernels of 4x4."""
    generator = (64 * 256 + 256) + 2 * 256 + (16 * 64 * 32 + 32) + 2 * 32 + (16 * 32 + 1)
    discriminator = (16 * 32 + 32) + (16 * 32 * 64 + 64) + (2 * 2 * 64 + 1)
    assert parameter_count(build("conv8", (8, 8, 1)).generator, (2, 64)) == generator
    assert parameter_count(build("conv8", (8, 8, 1)).discriminator, (2, 8, 8, 1)) == discriminator
    assert parameter_count(build("conv8", (8, 8, 1), "batch_norm").discriminator, (2, 8, 8, 1)) == discriminator + 128


NARROW = {"channels": 4, "hidden_per_channel": 4}


def leaky(x):
    return jnp.maximum(x, 0.2 * x)


def normalised(layer, x, epsilon=1e-3):
    axes = tuple(range(x.ndim - 1))
    mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
    return layer["scale"] * (x - mean) / jnp.sqrt(variance + epsilon) + layer["bias"]


def dense(layer, x):
    return x @ layer["kernel"] + layer["bias"]


def convolved(layer, x):
    return (
        lax.conv_general_dilated(x, layer["kernel"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        + layer["bias"]
    )


def transposed(layer, x):
    return lax.conv_transpose(x, layer["kernel"], (2, 2), "SAME") + layer["bias"]


class Context(NamedTuple):
    """A pass in training mode: the variables before it, what went in, what came out, the statistics it left."""

    variables: dict
    inputs: np.ndarray
    outputs: np.ndarray
    left: dict


def passed(module, inputs):
    variables = initialise(module, KEY, inputs.shape)
    outputs, left = jax.jit(lambda x: module.apply(variables, x, mutable=[STATISTICS]))(inputs)
    return Context(variables, inputs, outputs, left[STATISTICS])


@pytest.fixture(scope="module")
def generated():
    z = np.random.default_rng(0).uniform(-1.0, 1.0, (4, 64)).astype(np.float32)
    return passed(build("infogan", (28, 28, 1), "batch_norm").generator, z)


@pytest.fixture(scope="module")
def discriminated():
    images = np.random.default_rng(0).uniform(0.0, 1.0, (4, 28, 28, 1)).astype(np.float32)
    return passed(build("infogan", (28, 28, 1), "batch_norm").discriminator, images)


def test_infogan_generates_as_in_the_study(generated):
    @jax.jit
    def reference(p, z):
        x = leaky(normalised(p["norm0"], dense(p["Dense_0"], z)))
        x = leaky(normalised(p["norm1"], dense(p["Dense_1"], x)))
        x = leaky(normalised(p["norm_image"], transposed(p["ConvTranspose_0"], x.reshape(-1, 7, 7, 128))))
        return 1.0 / (1.0 + jnp.exp(-transposed(p["ConvTranspose_1"], x)))

    expected = reference(generated.variables["params"], generated.inputs)
    np.testing.assert_allclose(generated.outputs, expected, rtol=1e-3, atol=1e-5)


def test_infogan_discriminates_as_in_the_study(discriminated):
    """No normalization after the first convolution, nor before the logit."""

    @jax.jit
    def reference(p, images):
        x = leaky(convolved(p["Conv_0"], images))
        x = leaky(normalised(p["norm_conv"], convolved(p["Conv_1"], x)))
        x = leaky(normalised(p["norm0"], dense(p["Dense_0"], x.reshape(len(x), -1))))
        return dense(p["Dense_1"], x)[:, 0]

    expected = reference(discriminated.variables["params"], discriminated.inputs)
    np.testing.assert_allclose(discriminated.outputs.logits, expected, rtol=1e-3, atol=1e-4)


def test_infogan_reconstructs_as_in_the_study():
    """No activation before the code, which normalization and leaky ReLU follow, as each layer after it but the last."""
    images = np.random.default_rng(0).uniform(0.0, 1.0, (4, 28, 28, 1)).astype(np.float32)
    made = passed(build("infogan", (28, 28, 1), "batch_norm", "began", **NARROW).discriminator, images)

    @jax.jit
    def reference(p, images):
        x = convolved(p["Conv_1"], leaky(convolved(p["Conv_0"], images)))
        x = leaky(normalised(p["norm_code"], dense(p["Dense_0"], x.reshape(len(x), -1))))
        x = leaky(normalised(p["norm_dense"], dense(p["Dense_1"], x))).reshape(-1, 7, 7, 2 * NARROW["channels"])
        x = leaky(normalised(p["norm_image"], transposed(p["ConvTranspose_0"], x)))
        return 1.0 / (1.0 + jnp.exp(-transposed(p["ConvTranspose_1"], x)))

    expected = reference(made.variables["params"], made.inputs)
    np.testing.assert_allclose(made.outputs, expected, rtol=1e-3, atol=1e-4)


def test_infogan_decodes_with_relu_to_logits_and_encodes_as_it_discriminates():
    z = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    networks = build("infogan", (28, 28, 1), family="vae", **NARROW)
    made = passed(networks.generator, z)

    @jax.jit
    def reference(p, z):
        x = jax.nn.relu(normalised(p["norm0"], dense(p["Dense_0"], z)))
        x = jax.nn.relu(normalised(p["norm1"], dense(p["Dense_1"], x)))
        x = normalised(p["norm_image"], transposed(p["ConvTranspose_0"], x.reshape(-1, 7, 7, 2 * NARROW["channels"])))
        return transposed(p["ConvTranspose_1"], jax.nn.relu(x))

    expected = reference(made.variables["params"], made.inputs)
    np.testing.assert_allclose(made.outputs, expected, rtol=1e-3, atol=1e-4)
    game = build("infogan", (28, 28, 1), **NARROW).discriminator
    layers = [set(abstract(each, (4, 28, 28, 1))[0]["params"]) for each in (networks.discriminator, game)]
    assert layers[0] == layers[1]


def test_infogan_starts_as_in_the_study(generated, discriminated):
    """Truncated normal 0.02 for convolutions, of deviation 0.8796 * 0.02; normal 0.02 elsewhere; the rest constant."""
    layers = [*generated.variables["params"].items(), *discriminated.variables["params"].items()]
    for name, layer in layers:
        assert (layer["bias"] == 0.0).all()
        if name.startswith("norm"):
            assert (layer["scale"] == 1.0).all()
            continue
        truncated = name.startswith("Conv_")
        deviation, kernel = 0.02 * (0.8796 if truncated else 1.0), layer["kernel"]
        np.testing.assert_allclose(kernel.std(), deviation, rtol=5.0 / np.sqrt(2.0 * kernel.size))
        assert truncated == (np.abs(kernel).max() <= np.float32(0.04)) or kernel.size < 100_000


@pytest.mark.parametrize(("fixture", "layers"), [("generated", 3), ("discriminated", 2)])
def test_infogan_averages_slowly(fixture, layers, request):
    """Momentum 0.999: a pass has weight 0.001."""
    left = request.getfixturevalue(fixture).left
    assert len(left) == layers
    for norm in left.values():
        np.testing.assert_allclose(norm["weight"], 0.001, rtol=1e-4)
