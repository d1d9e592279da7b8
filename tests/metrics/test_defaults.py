"""Which metric images are scored by unless somebody says, and what is said about too few of them."""

import pytest

from ganscape.data import DATASETS
from ganscape.metrics import METRICS
from ganscape.metrics.defaults import OF_DATA, default_metric, frechet_samples, warnings
from ganscape.metrics.encoders import lite0


@pytest.fixture
def without_photos(monkeypatch):
    """As where the extra `photos` is not installed."""
    monkeypatch.setattr(lite0, "PACKAGE", "no-such-package")


def test_data_sets_with_a_classifier_of_their_own_are_scored_by_it():
    assert OF_DATA.keys() <= DATASETS.keys()
    for data, metric in OF_DATA.items():
        assert default_metric(data, DATASETS[data].image_shape, 2) == metric


@pytest.mark.parametrize("shape", [(32, 32, 3), (128, 96, 1)])
def test_photographs_are_scored_by_a_network_that_was_trained_on_photographs(shape):
    assert default_metric("photos/", shape, 500) == "kid_lite0"


@pytest.mark.parametrize("shape", [(28, 28, 1), (31, 200, 3), (8, 8, 1)])
def test_small_images_are_scored_by_random_convolutions(shape):
    assert default_metric("photos/", shape, 500) == "kid_random_conv"


def test_without_the_extra_photographs_are_scored_by_random_convolutions_and_the_extra_is_named(without_photos):
    metric = default_metric("photos/", (64, 64, 3), 1_000)
    assert metric == "fd_random_conv"
    (line,) = warnings(metric, (64, 64, 3), 1_000)
    assert "ganscape[photos]" in line


@pytest.mark.parametrize("data", DATASETS)
@pytest.mark.parametrize("samples", [2, 500, 10_000])
def test_no_default_is_of_pixels_and_lower_is_better(data, samples):
    metric = default_metric(data, DATASETS[data].image_shape, samples)
    assert METRICS[metric].encoder != "pixels" and METRICS[metric].better == "lower"


def test_a_frechet_distance_is_the_default_from_as_many_images_per_feature_as_its_authors_recommend():
    assert frechet_samples(2_048) == 10_000
    assert default_metric("photos/", (64, 64, 3), 6_250) == "fd_lite0"
    assert default_metric("photos/", (64, 64, 3), 6_249) == "kid_lite0"


@pytest.mark.parametrize("data", DATASETS)
def test_a_default_of_enough_images_has_no_warning(data):
    shape = DATASETS[data].image_shape
    assert warnings(default_metric(data, shape, 6_250), shape, 6_250) == []


@pytest.mark.parametrize(
    ("metric", "samples", "words"),
    [
        ("fd_pixels", 2, "fd_pixels of 2 images, fewer than its features: a Frechet distance of 3,072"),
        ("fd_random_conv", 300, "fd_random_conv of 300 images: a Frechet distance of 128"),
        ("kid_lite0", 999, "kid_lite0 of 999 images scatters"),
    ],
)
def test_too_few_images_are_told_in_one_line(metric, samples, words):
    (line,) = warnings(metric, (32, 32, 3), samples)
    assert line.startswith(words) and "\n" not in line
