import jax
import numpy as np
import pytest
from PIL import Image

from ganscape.metrics import METRICS, MetricError, make_encoder
from ganscape.metrics.encoders import ENCODERS
from ganscape.metrics.encoders.inception import NETWORK, OUTPUTS, PREPROCESSINGS, features, fold
from ganscape.metrics.encoders.layers import in_batches, mean_pool
from ganscape.metrics.frechet import frechet_distance_of_features

torch = pytest.importorskip("torch")
F = torch.nn.functional


def by_torch(state, x):
    """The outputs by name, for x [n, 3, 299, 299]; batch normalization, pools and logits as in TensorFlow's graph."""

    def unit(x, name, **how):
        x = F.conv2d(x, state[f"{name}.conv.weight"], **how)
        kept = (state[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.relu(F.batch_norm(x, *kept, eps=1e-3))

    def mean(x):
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)

    def largest(x):
        return F.max_pool2d(x, 3, 1, 1)

    def shrunk(x):
        return F.max_pool2d(x, 3, 2)

    def block_a(x, b):
        five = unit(unit(x, f"{b}.branch5x5_1"), f"{b}.branch5x5_2", padding=2)
        three = unit(unit(x, f"{b}.branch3x3dbl_1"), f"{b}.branch3x3dbl_2", padding=1)
        three = unit(three, f"{b}.branch3x3dbl_3", padding=1)
        return torch.cat([unit(x, f"{b}.branch1x1"), five, three, unit(mean(x), f"{b}.branch_pool")], 1)

    def block_b(x, b):
        double = unit(unit(x, f"{b}.branch3x3dbl_1"), f"{b}.branch3x3dbl_2", padding=1)
        double = unit(double, f"{b}.branch3x3dbl_3", stride=2)
        return torch.cat([unit(x, f"{b}.branch3x3", stride=2), double, shrunk(x)], 1)

    def block_c(x, b):
        wide, tall = {"padding": (0, 3)}, {"padding": (3, 0)}
        one = unit(unit(unit(x, f"{b}.branch7x7_1"), f"{b}.branch7x7_2", **wide), f"{b}.branch7x7_3", **tall)
        two = unit(x, f"{b}.branch7x7dbl_1")
        for number, how in ((2, tall), (3, wide), (4, tall), (5, wide)):
            two = unit(two, f"{b}.branch7x7dbl_{number}", **how)
        return torch.cat([unit(x, f"{b}.branch1x1"), one, two, unit(mean(x), f"{b}.branch_pool")], 1)

    def block_d(x, b):
        three = unit(unit(x, f"{b}.branch3x3_1"), f"{b}.branch3x3_2", stride=2)
        seven = unit(unit(x, f"{b}.branch7x7x3_1"), f"{b}.branch7x7x3_2", padding=(0, 3))
        seven = unit(unit(seven, f"{b}.branch7x7x3_3", padding=(3, 0)), f"{b}.branch7x7x3_4", stride=2)
        return torch.cat([three, seven, shrunk(x)], 1)

    def block_e(x, b, pool):
        one = unit(x, f"{b}.branch3x3_1")
        two = unit(unit(x, f"{b}.branch3x3dbl_1"), f"{b}.branch3x3dbl_2", padding=1)
        parts = [unit(x, f"{b}.branch1x1")]
        for y, name in ((one, "branch3x3_2"), (two, "branch3x3dbl_3")):
            parts += [unit(y, f"{b}.{name}a", padding=(0, 1)), unit(y, f"{b}.{name}b", padding=(1, 0))]
        return torch.cat([*parts, unit(pool(x), f"{b}.branch_pool")], 1)

    made = {}
    with torch.no_grad():
        x = unit(unit(x, "Conv2d_1a_3x3", stride=2), "Conv2d_2a_3x3")
        x = made["64"] = shrunk(unit(x, "Conv2d_2b_3x3", padding=1))
        x = made["192"] = shrunk(unit(unit(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3"))
        for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
            x = block_a(x, name)
        x = block_b(x, "Mixed_6a")
        for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
            x = block_c(x, name)
        made["768"] = x
        x = block_e(block_d(x, "Mixed_7a"), "Mixed_7b", mean)
        made["2048"] = block_e(x, "Mixed_7c", largest)
        made = {name: y.mean((2, 3)) for name, y in made.items()}
        made["logits"] = F.linear(made["2048"], state["fc.weight"], state["fc.bias"])
        made["logits_unbiased"] = F.linear(made["2048"], state["fc.weight"])
    return {name: y.numpy() for name, y in made.items()}


def tensors_of(tensors):
    return {name: torch.from_numpy(values) for name, values in tensors.items()}


def first_channels(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def assert_close(found, expected):
    """To 1e-5 of the scale."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.fixture(scope="module")
def images():
    """Two of 32x32x3 in [0, 1], smooth but for some noise."""
    rng = np.random.default_rng(3)
    return np.kron(rng.random((2, 4, 4, 3)), np.ones((1, 8, 8, 1))).astype(np.float32) * 0.8 + 0.2 * rng.random(
        (2, 32, 32, 3), dtype=np.float32
    )


@pytest.fixture(scope="module")
def encode(inception_folder):
    """Returns the function from an encoder's name and images to features, compiled once each."""
    compiled = {}

    def encoded(name, images):
        key = name, images.shape[1:]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GANSCAPE_WEIGHTS", str(inception_folder))
            compiled.setdefault(key, jax.jit(ENCODERS[name](images.shape[1:]).encode))
        return np.asarray(compiled[key](images))

    return encoded


def test_every_output_is_that_of_a_pytorch_network_at_full_size(inception_tensors):
    image = np.random.default_rng(0).random((1, 299, 299, 3), dtype=np.float32) * 2 - 1
    expected = by_torch(tensors_of(inception_tensors), first_channels(image))
    found = jax.jit(lambda layers, x: {name: features(layers, x, name) for name in OUTPUTS})(
        fold(inception_tensors), image
    )
    assert found.keys() == expected.keys() == OUTPUTS.keys()
    for name, dimension in OUTPUTS.items():
        assert found[name].shape == (1, dimension)
        assert_close(found[name], expected[name])


def legacy_tensorflow(images):
    """TensorFlow 1's resize as two gathers in float64, and its scaling."""
    x = images.astype(np.float64) * 255
    for axis in (1, 2):
        size = x.shape[axis]
        at = np.arange(299) * (size / 299)
        low = np.floor(at + 1e-9).astype(int)
        left, right = x.take(low, axis), x.take(np.minimum(low + 1, size - 1), axis)
        x = left + (right - left) * np.moveaxis((at - low).reshape(-1, 1, 1, 1), 0, axis)
    return ((x - 128) / 128).astype(np.float32)


def test_small_images_are_encoded_as_tensorflow_would(inception_tensors, images, encode):
    expected = by_torch(tensors_of(inception_tensors), first_channels(legacy_tensorflow(images)))
    assert_close(encode("inception", images), expected["2048"])


def test_small_images_are_encoded_as_by_pytorch_fid(inception_tensors, images, encode):
    resized = F.interpolate(first_channels(images), size=(299, 299), mode="bilinear", align_corners=False)
    expected = by_torch(tensors_of(inception_tensors), 2 * resized - 1)
    assert_close(encode("inception_pytorch", images), expected["2048"])


def test_clean_preprocessing_is_pillow_s_clipped_and_scaled(images):
    channels = np.moveaxis(images * 255, -1, 1).reshape(-1, 32, 32)
    resized = [np.asarray(Image.fromarray(each).resize((299, 299), Image.Resampling.BICUBIC)) for each in channels]
    expected = np.moveaxis(np.clip(resized, 0, 255).reshape(2, 3, 299, 299), 1, -1) / 128 - 1
    assert np.max(resized) > 255 or np.min(resized) < 0
    np.testing.assert_allclose(PREPROCESSINGS["clean"].prepare(images), expected, rtol=0, atol=1e-5)


def test_the_three_preprocessings_are_told_apart_by_name_and_protocol(with_inception):
    made = [ENCODERS[name]((32, 32, 3)) for name in ("inception", "inception_pytorch", "inception_clean")]
    assert len({each.weights for each in made}) == 1
    assert len({each.preprocessing for each in made}) == len({each.apply for each in made}) == 3


def test_a_gray_image_is_the_same_in_three_channels(images, encode):
    gray = images[..., :1]
    assert_close(encode("inception", gray), encode("inception", np.repeat(gray, 3, axis=-1)))


def test_mean_pools_leave_out_what_lies_outside():
    assert np.asarray(mean_pool(np.full((1, 4, 5, 2), 3, np.float32), 3)).tolist() == np.full((1, 4, 5, 2), 3).tolist()
    corner = np.asarray(mean_pool(np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1), 3))[0, :, :, 0]
    assert corner.tolist() == [[2, 2.5, 3], [3.5, 4, 4.5], [5, 5.5, 6]]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 17])
def test_batches_change_nothing_and_no_more_than_asked_are_encoded_at_once(count):
    sizes = []

    def encode(images):
        sizes.append(len(images))
        return images.reshape(len(images), -1) * 2

    images = np.arange(count * 6, dtype=np.float32).reshape(count, 2, 3, 1)
    np.testing.assert_array_equal(in_batches(encode, 8)(images), images.reshape(count, 6) * 2)
    assert max(sizes) <= 8


def test_fid_and_inception_score_are_of_this_network_alone():
    assert METRICS["fid"].encoder == "inception"
    assert METRICS["inception_score"].encoder == "inception_logits_unbiased"
    assert not {"fd_inception", "classifier_score_inception_logits_unbiased"} & METRICS.keys()
    assert METRICS["fd_inception_pytorch"].encoder == "inception_pytorch"


def test_fid_is_the_frechet_distance_of_the_features(images, encode):
    real, fake = encode("inception", images), encode("inception", images[::-1] ** 2)
    expected = frechet_distance_of_features(real, fake)
    metric = METRICS["fid"]
    assert metric.compare(metric.summarise(real), fake) == pytest.approx(expected, rel=1e-12)
    assert expected > 0


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 4), (0, 32, 3), ()])
def test_other_images_are_refused(with_inception, shape):
    with pytest.raises(MetricError, match="'inception' takes images of any height and width with 1 or 3 channels"):
        ENCODERS["inception"](shape)


@pytest.mark.parametrize("metric", ["fid", "inception_score", "kid_inception_clean", "recall_vgg16"])
def test_without_weights_one_sentence_says_where_to_get_them(no_weights, metric):
    network = "vgg16" if "vgg" in metric else "inception"
    words = f"^{network} needs weights .*: get .*pth from https://.* and put it in {no_weights} or set GANSCAPE_WEIGHTS"
    with pytest.raises(MetricError, match=words):
        make_encoder(metric, (28, 28, 1))


def test_the_network_has_the_tensors_of_its_pytorch_ports():
    """94 convolutions with four tensors of normalization each, and the last layer: 23.9 million numbers."""
    assert len(NETWORK.shapes) == 94 * 5 + 2
    assert sum(int(np.prod(shape)) for shape in NETWORK.shapes.values()) == 95_541_568 // 4
