import functools
import gzip
import json

import jax
import numpy as np
import pytest
import safetensors
import scipy.signal

from ganscape.data import load
from ganscape.metrics import FEATURES, LOGITS, METRICS, MetricError
from ganscape.metrics.encoders import ENCODERS, NETWORKS, classifier, random_conv
from ganscape.metrics.encoders.train_classifier import (
    Recipe,
    initial_weights,
    shift_randomly,
    train_classifier,
    weights_file,
)

SHAPES = {
    "pixels": (5, 6, 3),
    "digits": (8, 8, 1),
    "mnist": (28, 28, 1),
    "mnist16": (16, 16, 1),
    "stacked_mnist": (28, 28, 3),
    "stacked_mnist16": (16, 16, 3),
    "stacked_mnist_logits": (28, 28, 3),
    "stacked_mnist16_logits": (16, 16, 3),
    "random_conv": (9, 7, 3),
    "lite0": (9, 7, 3),
    "lite0_logits": (9, 7, 1),
    "digits_logits": (8, 8, 1),
    "mnist_logits": (28, 28, 1),
    "mnist16_logits": (16, 16, 1),
}
SHIPPED = [name for name in ENCODERS if not name.startswith(tuple(NETWORKS))]
CLASSIFIERS = sorted(classifier.CLASSIFIERS)
COUNT = 6  # images that are encoded together


@pytest.fixture(params=SHIPPED)
def encoder(request):
    return ENCODERS[request.param](SHAPES[request.param])


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def digits_features():
    """Returns the function from uint8 digits to features."""
    encode = jax.jit(ENCODERS["digits"]((8, 8, 1)).encode)
    return lambda images: np.asarray(encode(images.astype(np.float32) / 255))


@pytest.fixture(scope="module")
def digits_score(digits, digits_features):
    """Returns the fd_digits of features against the test split."""
    reference = METRICS["fd_digits"].summarise(digits_features(digits.test))
    return lambda features: METRICS["fd_digits"].compare(reference, features)


def images_for(encoder, count, seed=0):
    return np.random.default_rng(seed).random((count, *SHAPES[encoder.name]), dtype=np.float32)


def card(name):
    with safetensors.safe_open(classifier.FOLDER / f"{name}.safetensors", "numpy") as file:
        return json.loads(file.metadata()["card"])


def accuracy(name, images, labels):
    architecture, weights = classifier.CLASSIFIERS[name], shipped(name)
    classify = jax.jit(lambda batch: classifier.logits(architecture, weights, batch).argmax(axis=-1))
    batches = range(0, len(images), 1000)
    found = np.concatenate([classify(images[i : i + 1000].astype(np.float32) / 255) for i in batches])
    return np.mean(found == labels)


def shipped(name):
    return classifier.read_shipped(classifier.FOLDER / f"{name}.safetensors", classifier.SHA256[name])


@functools.cache
def compiled(name):
    """Returns the function from images to features, compiled once for all tests."""
    return jax.jit(ENCODERS[name](SHAPES[name]).encode)


def test_features_are_finite_float32_rows_under_jit(encoder):
    features = compiled(encoder.name)(images_for(encoder, COUNT))
    assert features.shape == (COUNT, encoder.dimension)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_the_same_images_have_the_same_features_bit_for_bit(encoder):
    images = images_for(encoder, COUNT)
    first = np.asarray(compiled(encoder.name)(images)).tobytes()
    assert first == np.asarray(compiled(encoder.name)(images)).tobytes()


def test_features_of_an_image_do_not_depend_on_its_batch(encoder):
    """Nor on the size of the batch: the networks of lite0, which take long to trace, see one image in test_lite0.py."""
    images, encode = images_for(encoder, COUNT), compiled(encoder.name)
    together = np.asarray(encode(images))
    if not encoder.name.startswith("lite0"):
        alone = np.concatenate([encode(images[i : i + 1]) for i in range(0, COUNT, 5)])
        np.testing.assert_allclose(alone, together[::5], rtol=1e-5, atol=1e-5 * np.abs(together).max())
    others = np.asarray(encode(np.concatenate([images[:1], 1.0 - images[1:]])))
    np.testing.assert_allclose(others[0], together[0], rtol=1e-5, atol=1e-5 * np.abs(together).max())
    reversed_ = np.asarray(encode(images[::-1]))[::-1]
    np.testing.assert_allclose(reversed_, together, rtol=1e-5, atol=1e-5 * np.abs(together).max())


def test_an_encoder_states_its_name_and_dimension(encoder):
    assert ENCODERS[encoder.name](SHAPES[encoder.name]).apply is encoder.apply
    assert str(encoder.dimension) in FEATURES.get(encoder.name, LOGITS.get(encoder.name)) or encoder.name == "pixels"


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_logits_are_those_of_the_classifier(name):
    images = np.random.default_rng(0).random((5, *SHAPES[name]), dtype=np.float32)
    expected = classifier.logits(classifier.CLASSIFIERS[name], shipped(name), images)
    np.testing.assert_array_equal(ENCODERS[f"{name}_logits"](SHAPES[name]).encode(images), expected)
    assert ENCODERS[f"{name}_logits"](SHAPES[name]).weights == classifier.SHA256[name]


def test_random_features_are_scipys_correlations():
    image = np.random.default_rng(1).random((11, 8, 3), dtype=np.float32)
    x = 2.0 * image - 1
    for kernel in random_conv.kernels(3):
        padding = [max((-(-size // 2) - 1) * 2 + 3 - size, 0) for size in x.shape[:2]]
        x = np.pad(x, [(p // 2, p - p // 2) for p in padding] + [(0, 0)])
        full = [
            sum(scipy.signal.correlate2d(x[..., i], kernel[..., i, o], mode="valid") for i in range(x.shape[2]))
            for o in range(kernel.shape[3])
        ]
        x = np.stack(full, axis=-1)[::2, ::2]
        x = np.where(x > 0, x, 0.2 * x)
    found = ENCODERS["random_conv"]((11, 8, 3)).encode(image[None])
    np.testing.assert_allclose(found[0], x.mean(axis=(0, 1)), rtol=0, atol=1e-5 * np.abs(x).max())


def test_random_weights_come_from_their_seed_and_the_protocol_tells_others_apart(monkeypatch):
    for one, again, other in zip(*(random_conv.kernels.__wrapped__(1, seed) for seed in (5, 5, 6)), strict=True):
        np.testing.assert_array_equal(one, again)
        assert not np.array_equal(one, other)
        assert one.var() == pytest.approx(2 / np.prod(one.shape[:3]), rel=0.2)
    gray, colour = (ENCODERS["random_conv"]((8, 8, channels)).weights for channels in (1, 3))
    assert gray != colour


def test_fewer_classes_of_digits_score_worse_by_random_features(digits):
    encode = jax.jit(ENCODERS["random_conv"]((8, 8, 1)).encode)
    real, fake = (np.asarray(encode(images.astype(np.float32) / 255)) for images in (digits.test, digits.train))
    metric = METRICS["fd_random_conv"]
    reference = metric.summarise(real)
    scores = [metric.compare(reference, fake[digits.train_labels < kept]) for kept in (10, 7, 4, 2, 1)]
    assert scores == sorted(scores) and scores[-1] > 5 * scores[0]


def test_pixels_are_the_pixels_in_row_order():
    images = np.arange(2 * 2 * 3 * 2, dtype=np.float32).reshape(2, 2, 3, 2)
    np.testing.assert_array_equal(ENCODERS["pixels"]((2, 3, 2)).encode(images), np.arange(24).reshape(2, 12))


@pytest.mark.parametrize("shape", [(8, 8), (8, 0, 1), ()])
def test_pixels_refuse_what_is_no_image_shape(shape):
    with pytest.raises(MetricError, match="height x width x channels"):
        ENCODERS["pixels"](shape)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("shape", [(8, 8, 3), (28, 28), (32, 32, 3)])
def test_classifiers_refuse_other_image_shapes_by_name(name, shape):
    accepted, given = ("x".join(map(str, s)) for s in (SHAPES[name], shape))
    with pytest.raises(MetricError, match=f"encoder '{name}' takes images of {accepted}, not {given}"):
        ENCODERS[name](shape)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_weights_that_differ_in_one_bit_are_refused(name, tmp_path):
    content = bytearray((classifier.FOLDER / f"{name}.safetensors").read_bytes())
    content[-5] ^= 1
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(content)
    with pytest.raises(MetricError, match=f"flipped.safetensors are not the ones .* not {classifier.SHA256[name]}"):
        classifier.read_shipped(path, classifier.SHA256[name])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_weights_are_small_and_named_in_the_protocol(name):
    assert (classifier.FOLDER / f"{name}.safetensors").stat().st_size < 1_000_000
    assert ENCODERS[name](SHAPES[name]).weights == classifier.SHA256[name]
    assert ENCODERS["pixels"](SHAPES["pixels"]).weights == "none"


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_docstring_states_the_accuracy_on_the_card(name):
    row = next(line for line in classifier.__doc__.splitlines() if line.startswith(f"| {name} "))
    assert f" {card(name)['test_accuracy']} of " in row


def test_the_digits_classifier_is_as_good_as_stated(digits):
    found = accuracy("digits", digits.test, digits.test_labels)
    assert found > 0.96
    assert found == pytest.approx(float(card("digits")["test_accuracy"]), abs=1.5 / 797)


# Of the first 1,000 images, whose share that is classified correctly differs from that of all by 0.003 (deviation).
A_TENTH = pytest.param(1_000, 0.01)
ALL = pytest.param(10_000, 3e-4, marks=pytest.mark.slow)


@pytest.mark.parametrize(("count", "bound"), [A_TENTH, ALL])
def test_the_mnist_classifier_is_as_good_as_stated(mnist_root, count, bound):
    with gzip.open(mnist_root / "mnist" / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(mnist_root / "mnist" / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    assert len(images) == 10_000
    found = accuracy("mnist", images[:count], labels[:count])
    assert found == pytest.approx(float(card("mnist")["test_accuracy"]), abs=bound)
    assert float(card("mnist")["test_accuracy"]) > 0.988


@pytest.mark.parametrize(("count", "bound"), [A_TENTH, ALL])
def test_the_classifier_of_mnist_at_16x16_is_as_good_as_stated(mnist_root, count, bound):
    dataset = load("mnist16", mnist_root)
    assert len(dataset.test) == 10_000
    found = accuracy("mnist16", dataset.test[:count], dataset.test_labels[:count])
    assert found == pytest.approx(float(card("mnist16")["test_accuracy"]), abs=bound)
    assert float(card("mnist16")["test_accuracy"]) > 0.985


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (5, 2)])
def test_patches_times_a_matrix_are_scipys_correlation(size, stride):
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(9, 8, 2)).astype(np.float32), rng.normal(size=(size, size, 2)).astype(np.float32)
    found = classifier.patches(image[None], size, stride)[0] @ kernel.reshape(-1)
    expected = sum(scipy.signal.correlate2d(image[..., c], kernel[..., c], mode="same") for c in range(2))
    np.testing.assert_allclose(found, expected[::stride, ::stride], rtol=1e-4, atol=1e-5)


def test_real_digits_are_far_closer_to_real_digits_than_noise_is(digits, digits_features, digits_score):
    noise = np.random.default_rng(0).integers(0, 256, digits.train.shape, dtype=np.uint8)
    assert digits_score(digits_features(digits.train)) < 0.02 * digits_score(digits_features(noise))


def test_every_dropped_class_makes_digits_worse(digits, digits_features, digits_score):
    features = digits_features(digits.train)
    scores = [digits_score(features[digits.train_labels < kept]) for kept in range(10, 0, -1)]
    assert scores == sorted(scores)
    assert scores[1] > 2 * scores[0]


def test_more_noise_makes_digits_worse(digits, digits_features, digits_score):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, digits.train.shape)
    mixed = [(digits.train * (1 - part) + noise * part).astype(np.uint8) for part in (0, 0.1, 0.2, 0.4, 0.8)]
    scores = [digits_score(digits_features(images)) for images in mixed]
    assert scores == sorted(scores)


def test_no_digits_feature_is_constant_on_real_images(digits, digits_features):
    features = digits_features(digits.test)
    assert features.std(axis=0).min() > 1e-3 * features.std()


def test_shifted_images_keep_their_ink_and_move_by_at_most_the_given_pixels():
    images = np.zeros((200, 7, 7, 1), np.uint8)
    images[:, 3, 3] = 9
    moved = shift_randomly(images, 2, np.random.default_rng(0))
    where = np.argwhere(moved)
    np.testing.assert_array_equal(where[:, 0], np.arange(200))
    assert set(moved[moved > 0]) == {9}
    for axis in (1, 2):
        assert set(where[:, axis]) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_trainer_makes_weights_of_the_shipped_shapes(name):
    made = initial_weights(classifier.CLASSIFIERS[name], np.random.default_rng(0))
    assert {k: v.shape for k, v in made.items()} == {k: v.shape for k, v in shipped(name).items()}


def test_the_trainer_learns_and_repeats_bit_for_bit(digits, capsys):
    architecture = classifier.CLASSIFIERS["digits"]
    recipe = Recipe(epochs=3, batch_size=50, learning_rate=2e-3, weight_decay=0, shift=0)
    runs = [train_classifier(architecture, recipe, digits.train, digits.train_labels, seed=0) for _ in range(2)]
    found = classifier.logits(architecture, runs[0], digits.test.astype(np.float32) / 255).argmax(axis=-1)
    assert np.mean(found == digits.test_labels) > 0.8
    assert weights_file(runs[0], {"a": "1", "b": "2"}) == weights_file(runs[1], {"a": "1", "b": "2"})
    assert "epoch 3 of 3" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["digits", "mnist_logits", "random_conv", "inception_64"])
def test_weights_are_arguments_of_a_compiled_program_not_in_it(name, with_inception):
    encoder = ENCODERS[name](SHAPES.get(name, (28, 28, 1)))
    images = np.zeros((2, *SHAPES.get(name, (28, 28, 1))), np.float32)
    held = jax.make_jaxpr(encoder.apply)(encoder.parameters, images).consts
    weights = sum(leaf.nbytes for leaf in jax.tree.leaves(encoder.parameters))
    assert sum(np.asarray(each).nbytes for each in held) < 0.02 * weights + 2000
