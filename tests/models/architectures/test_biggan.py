import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ganscape.models import Config
from ganscape.models.architectures import ARCHITECTURES, build
from ganscape.models.config import ConfigError
from ganscape.models.forward import Context
from ganscape.models.initialization import glorot_uniform, initialise, orthogonal, parameter_count
from ganscape.models.normalizations import STATISTICS
from ganscape.models.rules import check_images

KEY = np.array([0, 1], np.uint32)
SHAPE = (32, 32, 3)
PLAIN = {"generator_normalization": "batch_norm", "discriminator_normalization": "none"}
CLASSES = {"conditioning": "projection", "classes": 3}


def built(architecture, shape=SHAPE, **settings):
    return build(Config.from_dict({"architecture": architecture, "channels": 2, "z_dim": 11} | settings), shape)


def variables_of(module, shape, classes=None):
    """Variables as they start, but biases away from 0 and gamma too, so that it shows where they enter."""
    variables = initialise(module, KEY, shape, classes=classes)
    moved = {"bias": lambda x: x + np.linspace(-0.5, 0.5, x.size, dtype=np.float32), "gamma": lambda x: x + 0.7}

    def move(path, leaf):
        return moved.get(path[-1].key, np.asarray)(leaf)

    return {**variables, "params": jax.tree_util.tree_map_with_path(move, variables["params"])}


def relu(x):
    return jnp.maximum(x, 0.0)


def convolved(layer, x):
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, layer["kernel"], (1, 1), "SAME", dimension_numbers=layout) + layer["bias"]


def normalised(layer, x):
    mean, variance = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
    return layer["scale"] * (x - mean) / jnp.sqrt(variance + 1e-5) + layer["bias"]


def up(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def down(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def attended(p, x):
    """Keys and values are the largest of each square of four places."""

    def of_squares(x):
        return jnp.maximum(jnp.maximum(x[:, ::2, ::2], x[:, 1::2, ::2]), jnp.maximum(x[:, ::2, 1::2], x[:, 1::2, 1::2]))

    scores = jnp.einsum("bhwc,bijc->bhwij", x @ p["query"]["kernel"], of_squares(x @ p["key"]["kernel"]))
    weights = jax.nn.softmax(scores, axis=(3, 4))
    seen = jnp.einsum("bhwij,bijc->bhwc", weights, of_squares(x @ p["value"]["kernel"]))
    return x + p["gamma"] * (seen @ p["output"]["kernel"])


def test_sagan_generates_as_the_authors_do():
    """Three blocks from 4x4, attention at 16x16 after the second, batch norm before the image."""
    generator = built("sagan", attention=16, **PLAIN).generator
    z = np.random.default_rng(0).normal(size=(3, 11)).astype(np.float32)
    variables = variables_of(generator, z.shape)

    @jax.jit
    def reference(p, z):
        x = (z @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"]).reshape(3, 4, 4, 8)
        for block in range(3):
            first, beside = (p[f"DoubledThenConv_{2 * block + which}"] for which in range(2))
            second = p[f"Conv_{block}"]
            main = convolved(first, up(relu(normalised(p[f"norm{block}a"], x))))
            x = convolved(second, relu(normalised(p[f"norm{block}b"], main))) + convolved(beside, up(x))
            x = attended(p["SelfAttention_0"], x) if block == 1 else x
        return (jnp.tanh(convolved(p["Conv_3"], relu(normalised(p["norm_image"], x)))) + 1) / 2

    made, _ = jax.jit(lambda z: generator.apply(variables, z, mutable=[STATISTICS]))(z)
    np.testing.assert_allclose(made, reference(variables["params"], z), rtol=1e-3, atol=1e-4)


def test_sagan_discriminates_as_the_authors_do():
    """Two blocks that halve, attention at 16x16 after the first, two that do not and pass their input on."""
    discriminator = built("sagan", attention=16, **PLAIN).discriminator
    images = np.random.default_rng(0).random((3, *SHAPE), dtype=np.float32)
    variables = variables_of(discriminator, images.shape)

    @jax.jit
    def reference(p, images):
        convs = iter([p[f"Conv_{index}"] for index in range(10)])
        x = 2 * images - 1
        main = convolved(next(convs), x)
        x = down(convolved(next(convs), relu(main))) + convolved(next(convs), down(x))
        x = attended(p["SelfAttention_0"], x)
        main = convolved(next(convs), relu(x))
        x = down(convolved(next(convs), relu(main))) + down(convolved(next(convs), x))
        for _ in range(2):
            main = convolved(next(convs), relu(x))
            x = convolved(next(convs), relu(main)) + x
        features = jnp.sum(relu(x), axis=(1, 2))
        return (features @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"])[:, 0]

    logits = jax.jit(discriminator.apply)(variables, images).logits
    assert "Conv_10" not in variables["params"]
    np.testing.assert_allclose(logits, reference(variables["params"], images), rtol=1e-3, atol=1e-3)


def test_biggan_has_the_papers_numbers_of_parameters():
    """128 pixels, 1000 classes, attention at 64: 70.43 and 87.98 million, to the last as the authors' PyTorch code."""
    networks = built(
        "biggan", (128, 128, 3), channels=96, z_dim=120, attention=64, conditioning="projection", classes=1000
    )
    assert parameter_count(networks.generator, (2, 120), classes=1000) == 70_433_988
    assert parameter_count(networks.discriminator, (2, 128, 128, 3), classes=1000) == 87_982_370


@pytest.fixture(scope="module")
def biggan():
    """A generator told classes, its variables, and (params, z, classes) -> images and the slope of a sum at z and
    at the classes."""
    generator = built("biggan", generator_normalization="conditional_batch_norm", **CLASSES).generator
    variables = variables_of(generator, (3, 11), classes=3)
    weights = np.random.default_rng(1).normal(size=(3, *SHAPE)).astype(np.float32)

    @jax.jit
    def images_and_slopes(params, z, classes):
        def total(z, classes):
            context = {**variables, "params": params}
            images, _ = generator.apply(context, z, Context(classes=classes), mutable=[STATISTICS])
            return jnp.sum(weights * images), images

        slopes, images = jax.grad(total, (0, 1), has_aux=True)(z, classes)
        return images, slopes

    return variables["params"], images_and_slopes


Z = np.random.default_rng(2).normal(size=(3, 11)).astype(np.float32)


def test_a_part_of_z_reaches_its_block_alone(biggan):
    """11 numbers for a dense layer and three blocks: 5, 2, 2 and 2."""
    params, images_and_slopes = biggan
    assert params["Dense_0"]["kernel"].shape[0] == 5
    parts = [slice(0, 5), slice(5, 7), slice(7, 9), slice(9, 11)]
    slopes = images_and_slopes(params, Z, np.eye(3, dtype=np.float32))[1][0]
    assert all(np.abs(slopes[:, part]).max() > 1e-4 for part in parts)
    for block in range(3):
        deaf = {
            name: without_condition(layer) if name.startswith(f"norm{block}") else layer
            for name, layer in params.items()
        }
        slopes = images_and_slopes(deaf, Z, np.eye(3, dtype=np.float32))[1][0]
        assert [bool(np.any(slopes[:, part])) for part in parts] == [each != block + 1 for each in range(4)]


def without_condition(layer):
    return jax.tree.map(np.zeros_like, layer)


def test_the_class_reaches_all_blocks_by_one_embedding(biggan):
    params, images_and_slopes = biggan
    assert params["shared"]["kernel"].shape == (3, 128)
    one, other = (np.eye(3, dtype=np.float32)[[index, 0, 0]] for index in (1, 2))
    images, (_, slopes) = images_and_slopes(params, Z, one)
    assert np.abs(images[0] - images_and_slopes(params, Z, other)[0][0]).max() > 1e-3
    assert np.any(slopes)
    for block in range(3):
        only = {
            name: without_condition(layer)
            if name[:4] == "norm" and name[4] in "012" and name[4] != str(block)
            else layer
            for name, layer in params.items()
        }
        assert np.any(images_and_slopes(only, Z, one)[1][1])
    deaf = {**params, "shared": without_condition(params["shared"])}
    np.testing.assert_array_equal(images_and_slopes(deaf, Z, one)[0], images_and_slopes(deaf, Z, other)[0])


def test_without_classes_biggan_depends_on_z_alone():
    shapes = shapes_of(built("biggan").generator, (2, 11))
    assert not shapes.keys() & {"shared", "SelfAttention_0"}
    assert shapes["norm0a"]["scale"]["kernel"] == (2, 8)


def test_a_z_shorter_than_the_parts_goes_into_the_dense_layer():
    shapes = shapes_of(built("biggan", z_dim=3).generator, (2, 3))
    assert shapes["Dense_0"]["kernel"] == (3, 4 * 4 * 8)
    assert shapes["norm2b"]["scale"]["kernel"] == (0, 8)


def shapes_of(module, *inputs, classes=None):
    told = [] if classes is None else [Context(classes=jnp.zeros((inputs[0][0], classes)))]
    inputs = [jnp.zeros(shape) for shape in inputs]
    params = jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs, *told))["params"]
    return jax.tree.map(lambda leaf: leaf.value.shape, params, is_leaf=lambda leaf: hasattr(leaf, "value"))


def test_only_the_embedding_of_biggans_generator_is_not_spectrally_normalised():
    """Batch norms that depend on the class have two kernels each."""
    networks = built("biggan", attention=16, **CLASSES)
    for module, shape, free in (
        (networks.generator, (2, 11), {"shared"}),
        (networks.discriminator, (2, *SHAPE), set()),
    ):
        variables = initialise(module, KEY, shape, classes=3)
        kernels, vectors = (
            {path[:-1] for path, _ in jax.tree_util.tree_leaves_with_path(variables[part]) if path[-1].key == name}
            for part, name in (("params", "kernel"), (STATISTICS, "u"))
        )
        assert {path[0].key for path in kernels - vectors} == free
        assert vectors <= kernels


def test_sagan_is_told_the_class_beside_z_or_by_its_normalizations():
    beside = shapes_of(built("sagan", **CLASSES).generator, (2, 11), classes=3)
    by_norms = built("sagan", generator_normalization="conditional_batch_norm", **CLASSES).generator
    by_norms = shapes_of(by_norms, (2, 11), classes=3)
    assert beside["Dense_0"]["kernel"][0] == 11 + 3
    assert beside["norm0a"] == {"bias": (8,), "scale": (8,)}
    assert by_norms["Dense_0"]["kernel"][0] == 11
    assert by_norms["norm0a"] == {"bias": {"kernel": (3, 8)}, "scale": {"kernel": (3, 8)}}
    assert by_norms["norm_image"] == {"bias": (8,), "scale": (8,)}


@pytest.mark.parametrize(
    ("architecture", "size", "heights", "attention"),
    [
        ("biggan", 32, (8, 16), 8),
        ("sagan", 64, (8, 16, 32), 32),
        pytest.param("biggan", 128, (8, 16, 32, 64), 64, marks=pytest.mark.slow),
    ],
)
def test_both_networks_attend_once_at_the_height_of_attention(architecture, size, heights, attention):
    """At 32 pixels three blocks of the discriminator end at 8x8."""
    shape = (size, size, 1)
    assert ARCHITECTURES[architecture].attention(shape) == heights
    networks = built(architecture, shape, channels=1, attention=attention)
    for module, inputs in ((networks.generator, (3, 11)), (networks.discriminator, (3, *shape))):
        layers = shapes_of(module, inputs)
        assert [name for name in layers if name.startswith("SelfAttention")] == ["SelfAttention_0"]
    with pytest.raises(ConfigError, match=f"attention={size}"):
        check_images(Config(architecture=architecture, attention=size), shape)


def test_other_images_are_refused():
    for architecture in ("biggan", "sagan"):
        accepts = ARCHITECTURES[architecture].accepts
        assert [accepts(shape) for shape in ((32, 32, 1), (16, 16, 1), (28, 28, 1), (32, 64, 3))] == [
            True,
            *[False] * 3,
        ]


@pytest.mark.parametrize("shape", [(3, 3, 4, 6), (1, 1, 3, 8), (5, 2), (2, 5)])
def test_orthogonal_draws_are_orthogonal(shape):
    """Columns, or rows where there are more columns; each of them points either way."""
    draws = [orthogonal(np.random.default_rng(seed), shape) for seed in range(40)]
    for draw in draws:
        assert (draw.shape, draw.dtype) == (shape, np.float32)
        matrix = draw.reshape(-1, shape[-1])
        products = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
        np.testing.assert_allclose(products, np.eye(len(products)), atol=1e-5)
    assert 0.2 < np.mean([draw.ravel()[0] > 0.0 for draw in draws]) < 0.8


def test_the_networks_start_as_the_authors_do():
    """biggan: orthogonal kernels; sagan: uniform within sqrt(6 / (fan-in + fan-out))."""
    kernel = initialise(built("biggan").discriminator, KEY, (2, *SHAPE))["params"]["Conv_1"]["kernel"].reshape(-1, 8)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(8), atol=1e-5)
    kernel = initialise(built("sagan").generator, KEY, (2, 11))["params"]["Conv_0"]["kernel"]
    limit = np.sqrt(6.0 / (9 * 8 + 9 * 8))
    assert 0.95 * limit < np.abs(kernel).max() <= limit
    np.testing.assert_allclose(kernel.std(), limit / np.sqrt(3.0), rtol=0.1)
    wide = glorot_uniform(np.random.default_rng(0), (10, 1000))
    np.testing.assert_allclose(wide.var(), 2.0 / 1010, rtol=0.03)
