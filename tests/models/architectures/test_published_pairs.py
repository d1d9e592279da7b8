"""dcgan, sndcgan and the residual pairs: their sizes, and what they compute, against networks written in torch."""

import functools
import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import Config
from ganscape.models.architectures import ARCHITECTURES, build
from ganscape.models.forward import Context
from ganscape.models.gan import kernels_of
from ganscape.models.initialization import initialise, parameter_count
from ganscape.models.normalizations import STATISTICS

SHAPES = {
    "dcgan": [(32, 48, 1), (64, 64, 3)],
    "sndcgan": [(16, 24, 1), (32, 32, 3), (128, 128, 3)],
    "resnet_cifar": [(32, 32, 3), (16, 16, 1)],
    "resnet19": [(64, 64, 3), (128, 128, 3)],
    "resnet_stl": [(48, 48, 3)],
}
REFUSED = {
    "dcgan": [(16, 16, 1), (32, 40, 1), (28, 28, 1)],
    "sndcgan": [(8, 8, 1), (28, 28, 1), (32, 36, 3)],
    "resnet_cifar": [(64, 64, 3), (32, 64, 3), (8, 8, 1)],
    "resnet19": [(32, 32, 3), (64, 128, 3)],
    "resnet_stl": [(32, 32, 3)],
}
KEY = np.array([0, 1], np.uint32)
SMALL = [(name, shapes[0]) for name, shapes in SHAPES.items()]
each_pair = pytest.mark.parametrize(("name", "shape"), SMALL)
each_name = pytest.mark.parametrize("name", SHAPES)
by_shape = pytest.mark.usefixtures("native_convolutions")


def pair(name, shape, **settings):
    return build(Config(architecture=name, z_dim=128, **settings), shape)


def abstract(module, *inputs):
    """The result of a pass, and the variables."""
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in inputs]
    result, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), *shapes)
    return result, nn.meta.unbox(variables)


@pytest.mark.parametrize(
    ("name", "shape", "generator", "plain", "normalised"),
    [
        ("dcgan", (64, 64, 3), 5_364_739, 4_314_753, 4_314_753 + 2 * (128 + 256 + 512)),
        ("sndcgan", (32, 32, 3), 3_828_739, 5_860_865, None),
        ("sndcgan", (128, 128, 3), 19_926_019, 5_983_745, None),
        ("resnet19", (128, 128, 3), 13_786_115, 15_086_529, 15_092_423),
        ("resnet_cifar", (32, 32, 3), 5_849_603, 1_483_137, 1_484_935),
    ],
)
@by_shape
def test_the_pairs_have_the_studies_numbers_of_parameters(name, shape, generator, plain, normalised):
    networks = pair(name, shape)
    assert parameter_count(networks.generator, (2, 128)) == generator
    assert parameter_count(networks.discriminator, (2, *shape)) == plain
    spectral = pair(name, shape, discriminator_normalization="spectral_norm").discriminator
    assert parameter_count(spectral, (2, *shape)) == plain
    for normalization in ("batch_norm", "layer_norm") if normalised else ():
        seeing = pair(name, shape, discriminator_normalization=normalization).discriminator
        assert parameter_count(seeing, (2, *shape)) == normalised


def test_resnet_stl_has_the_widths_of_its_source():
    """Three convolutions of 3x3 a block."""

    def blocks(widths):
        return sum(2 * (9 * a * b + b) + (9 * b * b + b) + 2 * b for a, b in itertools.pairwise(widths))

    def scales(widths):
        return 2 * sum(widths[:-1])

    made, seen = (512, 256, 128, 64), (3, 64, 128, 256, 512, 1024)
    generator = 129 * 36 * 512 + blocks(made) + scales(made) + 2 * 64 + (9 * 64 + 1) * 3
    normalised = blocks(seen) + scales(seen) + 1025
    assert parameter_count(pair("resnet_stl", (48, 48, 3)).generator, (2, 128)) == generator
    seeing = pair("resnet_stl", (48, 48, 3), discriminator_normalization="batch_norm").discriminator
    assert parameter_count(seeing, (2, 48, 48, 3)) == normalised


@each_name
@by_shape
def test_images_come_out_and_are_judged(name):
    """Of the first shape, the oblong one if there is one; test_architectures.py has the squares."""
    assert all(map(ARCHITECTURES[name].accepts, SHAPES[name]))
    shape = SHAPES[name][0]
    networks = pair(name, shape, channels=2)
    images, _ = abstract(networks.generator, (3, 128))
    judgement, _ = abstract(networks.discriminator, (3, *shape))
    assert (images.shape, images.dtype) == ((3, *shape), jnp.float32)
    assert (judgement.logits.shape, judgement.logits.dtype) == ((3,), jnp.float32)


@each_name
def test_other_images_are_refused(name):
    assert not any(ARCHITECTURES[name].accepts(shape) for shape in REFUSED[name])


@pytest.mark.parametrize(
    ("name", "kernels"), [("dcgan", 5), ("sndcgan", 8), ("resnet_cifar", 13), ("resnet19", 19), ("resnet_stl", 16)]
)
@by_shape
def test_the_discriminator_has_the_studies_number_of_kernels(name, kernels):
    shape = SHAPES[name][0]
    _, variables = abstract(pair(name, shape, channels=2).discriminator, (2, *shape))
    assert len(kernels_of(variables["params"])) == kernels


@each_pair
@by_shape
def test_all_widths_grow_with_the_base_number_of_channels(name, shape):
    """All but images, z and the logit."""
    outer = {128, shape[-1], 1}
    networks = [pair(name, shape, channels=channels) for channels in (5, 10)]
    for player, context in (("generator", (2, 128)), ("discriminator", (2, *shape))):
        kernels = [kernels_of(abstract(getattr(each, player), context)[1]["params"]) for each in networks]
        for small, large in zip(*kernels, strict=True):
            assert large.shape[:-2] == small.shape[:-2]
            for few, many in zip(small.shape[-2:], large.shape[-2:], strict=True):
                assert many == (few if few in outer else 2 * few)


@each_pair
@by_shape
def test_heights_for_attention_are_those_of_activations_in_both(name, shape, monkeypatch):
    """Each is met exactly once in either network, after a layer that resizes or makes the first activations."""
    met = []
    monkeypatch.setattr("ganscape.models.architectures.base.attend", lambda x, *_: met.append(x.shape[1]) or x)
    networks = pair(name, shape, channels=2)
    heights = ARCHITECTURES[name].attention(shape)
    assert len(heights) > 1
    for player, context in (("generator", (2, 128)), ("discriminator", (2, *shape))):
        met.clear()
        abstract(getattr(networks, player), context)
        assert [met.count(height) for height in heights] == [1] * len(heights)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("dcgan", (32, 32, 1)),
        pytest.param("sndcgan", (16, 16, 1), marks=pytest.mark.slow),  # layers as those of dcgan
        ("resnet_cifar", (32, 32, 1)),
    ],
)
@by_shape
def test_every_normalization_offered_is_where_it_says(name, shape):
    """One of activations has statistics or parameters of its own in most places, one of kernels beside each kernel."""
    architecture = ARCHITECTURES[name]
    for player, inputs, slot in (
        ("generator", (4, 128), "generator_normalization"),
        ("discriminator", (4, *shape), "discriminator_normalization"),
    ):
        for normalization in getattr(architecture, f"{slot}s"):
            conditioned = normalization.startswith("conditional")
            settings = {"conditioning": "projection", "classes": 3} if conditioned else {}
            config = Config(architecture=name, channels=4, z_dim=128, batch_size=4, **{slot: normalization}, **settings)
            module = getattr(build(config, shape), player)
            told = Context(classes=jnp.zeros((4, 3))) if conditioned else Context()
            init = functools.partial(module.init_with_output, jax.random.key(0), context=told)
            variables = nn.meta.unbox(jax.eval_shape(init, jax.ShapeDtypeStruct(inputs, jnp.float32))[1])
            kernels = len(kernels_of(variables["params"]))
            paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(variables)]
            names = [path[-1].key for path in paths]
            assert names.count("u") == kernels * normalization.endswith("spectral_norm")
            assert names.count("g") == kernels * (normalization == "weight_norm")
            scaled = normalization.split("+")[0] not in ("none", "pixel_norm", "spectral_norm", "weight_norm")
            assert any("scale" in {key.key for key in path} for path in paths) == scaled


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("dcgan", (32, 32, 1)),
        ("resnet_cifar", (32, 32, 3)),
        pytest.param("sndcgan", (16, 24, 1), marks=pytest.mark.slow),  # layers as those of dcgan
    ],
)
def test_images_lie_in_zero_to_one_and_every_kernel_is_learnt(name, shape, native_convolutions):
    networks = pair(name, shape, channels=4)
    generator = initialise(networks.generator, KEY, (2, 128))
    discriminator = initialise(networks.discriminator, KEY, (2, *shape))
    z = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 128)).astype(np.float32)

    def logit(generator, discriminator, gain):
        generator = {**generator, "params": jax.tree.map(lambda x: gain * x, generator["params"])}
        images = networks.generator.apply(generator, z, mutable=[STATISTICS])[0]
        return jnp.sum(networks.discriminator.apply(discriminator, images).logits), images

    backward = jax.jit(jax.grad(logit, (0, 1), has_aux=True))
    gradients, images = backward(generator, discriminator, 1.0)
    for each in gradients:
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(each["params"]))
        assert all(np.abs(kernel).max() > 0.0 for kernel in kernels_of(each["params"]))
    assert np.std(images, axis=0).max() > 0.0
    assert 0.25 < images.mean() < 0.75
    _, extreme = backward(generator, discriminator, 1e3)
    assert images.shape == extreme.shape == (2, *shape)
    assert extreme.min() >= 0.0
    assert extreme.max() <= 1.0
    assert extreme.max() - extreme.min() > 0.9


# Against torch: networks written as in the studies' sheets, with our weights


def drawn(module, shape, faint=None):
    """Variables of order one but for one layer's, behind which the epsilon of a variance shows."""
    rng = np.random.default_rng(0)
    variables = initialise(module, KEY, shape)

    def draw(path, leaf):
        gain = 3e-3 if path[0].key == faint else 1.0
        if path[-1].key == "kernel":
            return np.float32(rng.normal(size=leaf.shape) * gain * 1.4 / leaf[..., 0].size ** 0.5)
        return np.float32(leaf + 0.3 * gain * rng.normal(size=leaf.shape))

    return variables | {"params": jax.tree_util.tree_map_with_path(draw, variables["params"])}


def passed(module, variables, inputs):
    return jax.jit(lambda variables, inputs: module.apply(variables, inputs, mutable=[STATISTICS]))(variables, inputs)


class Torch:
    """What layers do, in torch, on [batch, channels, height, width]."""

    def __init__(self, torch):
        self.torch, self.functional = torch, torch.nn.functional

    def tensor(self, x):
        return self.torch.tensor(np.asarray(x))

    def image(self, x):
        return self.tensor(x).permute(0, 3, 1, 2)

    def numpy(self, x):
        return x.permute(0, 2, 3, 1).numpy()

    def flat(self, x):
        return x.permute(0, 2, 3, 1).reshape(len(x), -1)

    def dense(self, layer, x):
        return x @ self.tensor(layer["kernel"]) + self.tensor(layer["bias"])

    def conv(self, layer, x, stride=1):
        """SAME: with an odd number of zeros the larger part comes last."""
        size = layer["kernel"].shape[0]
        total = size - stride
        x = self.functional.pad(x, (total // 2, total - total // 2) * 2)
        kernel = self.tensor(np.transpose(layer["kernel"], (3, 2, 0, 1)))
        return self.functional.conv2d(x, kernel, self.tensor(layer["bias"]), stride)

    def deconv(self, layer, x):
        """Stride 2; torch's kernel is ours turned by half a turn, and with an odd size one row too many comes last."""
        kernel = np.transpose(layer["kernel"][::-1, ::-1], (2, 3, 0, 1)).copy()
        y = self.functional.conv_transpose2d(x, self.tensor(kernel), self.tensor(layer["bias"]), 2, 1)
        return y[:, :, : 2 * x.shape[2], : 2 * x.shape[3]]

    def norm(self, layer, x, epsilon):
        affine = (self.tensor(layer["scale"]), self.tensor(layer["bias"]))
        return self.functional.batch_norm(x, None, None, *affine, training=True, eps=epsilon)

    def unpool(self, x):
        y = self.torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
        y[:, :, ::2, ::2] = x
        return y


@pytest.fixture(scope="module")
def torch():
    return Torch(pytest.importorskip("torch"))


def images_like(*shape):
    return np.random.default_rng(1).uniform(0.0, 1.0, shape).astype(np.float32)


def latents(count):
    return np.random.default_rng(1).uniform(-1.0, 1.0, (count, 128)).astype(np.float32)


def assert_close(actual, expected):
    assert np.std(expected) > 0.02
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_sndcgan_discriminates_as_published(torch):
    module = pair("sndcgan", (16, 16, 3), channels=4).discriminator
    variables, images = drawn(module, (3, 16, 16, 3)), images_like(3, 16, 16, 3)
    p, x = variables["params"], 2.0 * torch.image(images) - 1.0
    for depth, stride in enumerate((1, 2, 1, 2, 1, 2, 1)):
        x = torch.functional.leaky_relu(torch.conv(p[f"Conv_{depth}"], x, stride), 0.1)
    judgement, _ = passed(module, variables, images)
    assert_close(judgement.features, torch.flat(x).numpy())
    assert_close(judgement.logits, torch.dense(p["Dense_0"], torch.flat(x))[:, 0].numpy())


def test_sndcgan_generates_as_published(torch):
    module = pair("sndcgan", (16, 16, 3), channels=4).generator
    variables, z = drawn(module, (8, 128), "Dense_0"), latents(8)
    p, relu = variables["params"], torch.functional.relu
    x = relu(torch.norm(p["norm0"], torch.dense(p["Dense_0"], torch.tensor(z)), 2e-5))
    x = x.reshape(8, 2, 2, 32).permute(0, 3, 1, 2)
    for depth in range(3):
        x = relu(torch.norm(p[f"norm{depth + 1}"], torch.deconv(p[f"ConvTranspose_{depth}"], x), 2e-5))
    images, _ = passed(module, variables, z)
    assert_close(images, torch.numpy((torch.torch.tanh(torch.conv(p["Conv_0"], x)) + 1.0) / 2.0))


def test_dcgan_discriminates_as_published(torch):
    """No normalization after the first convolution."""
    module = pair("dcgan", (32, 32, 3), channels=4, discriminator_normalization="batch_norm").discriminator
    variables, images = drawn(module, (3, 32, 32, 3)), images_like(3, 32, 32, 3)
    p, x = variables["params"], torch.image(images)
    for depth in range(4):
        x = torch.conv(p[f"Conv_{depth}"], x, 2)
        x = torch.functional.leaky_relu(torch.norm(p[f"norm{depth}"], x, 1e-5) if depth else x, 0.2)
    judgement, _ = passed(module, variables, images)
    assert_close(judgement.features, torch.flat(x).numpy())
    assert_close(judgement.logits, torch.dense(p["Dense_0"], torch.flat(x))[:, 0].numpy())


def test_dcgan_generates_as_published(torch):
    module = pair("dcgan", (32, 32, 3), channels=4).generator
    variables, z = drawn(module, (4, 128), "Dense_0"), latents(4)
    p = variables["params"]
    x = torch.dense(p["Dense_0"], torch.tensor(z)).reshape(4, 2, 2, 32).permute(0, 3, 1, 2)
    for depth in range(4):
        x = torch.functional.relu(torch.norm(p[f"norm{depth}"], x, 1e-5))
        x = torch.deconv(p[f"ConvTranspose_{depth}"], x)
    images, _ = passed(module, variables, z)
    assert_close(images, torch.numpy((torch.torch.tanh(x) + 1.0) / 2.0))


def test_resnet_cifar_discriminates_as_published(torch):
    """Norm and ReLU also before the first block's convolutions, on the image itself; two blocks halve it."""
    module = pair("resnet_cifar", (32, 32, 3), channels=4, discriminator_normalization="batch_norm").discriminator
    variables, images = drawn(module, (3, 32, 32, 3)), images_like(3, 32, 32, 3)
    x = torch.image(images)
    for depth in range(4):
        p = variables["params"][f"block{depth}"]
        first, shortcut, second = ("Conv_0", "ConvThenMeans_0", "ConvThenMeans_1")
        if depth > 1:
            shortcut, first, second = "Conv_0", "Conv_1", "Conv_2"
        main = torch.conv(p[first], torch.functional.relu(torch.norm(p["norm0"], x, 1e-5)))
        main = torch.conv(p[second], torch.functional.relu(torch.norm(p["norm1"], main, 1e-5)))
        x = main + torch.conv(p[shortcut], x)
        x = torch.functional.avg_pool2d(x, 2) if depth < 2 else x
    features = torch.functional.relu(x).mean((2, 3))
    judgement, _ = passed(module, variables, images)
    assert_close(judgement.features, features.numpy())
    assert_close(judgement.logits, torch.dense(variables["params"]["Dense_0"], features)[:, 0].numpy())


def test_resnet_cifar_generates_as_published(torch):
    module = pair("resnet_cifar", (32, 32, 3), channels=2).generator
    variables, z = drawn(module, (3, 128), "Dense_0"), latents(3)
    params, relu = variables["params"], torch.functional.relu
    x = torch.dense(params["Dense_0"], torch.tensor(z)).reshape(3, 4, 4, 4).permute(0, 3, 1, 2)
    for depth in range(3):
        p = params[f"block{depth}"]
        main = torch.conv(p["SpreadThenConv_1"], torch.unpool(relu(torch.norm(p["norm0"], x, 1e-5))))
        main = torch.conv(p["Conv_0"], relu(torch.norm(p["norm1"], main, 1e-5)))
        x = main + torch.conv(p["SpreadThenConv_0"], torch.unpool(x))
    x = torch.conv(params["Conv_0"], relu(torch.norm(params["norm"], x, 1e-5)))
    images, _ = passed(module, variables, z)
    assert_close(images, torch.numpy(torch.torch.sigmoid(x)))
