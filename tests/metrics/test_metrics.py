import subprocess
import sys

import numpy as np
import pytest

from metrics import METRICS, MetricError, check_samples, encoder_of, metric_named
from metrics.encoders import ENCODERS


def test_every_encoder_has_its_frechet_distance():
    assert {name: metric.encoder for name, metric in METRICS.items()} == {f"fd_{name}": name for name in ENCODERS}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_grows_with_the_shift_of_the_features(name):
    x = np.random.default_rng(0).normal(size=(30, 4))
    reference = METRICS[name].summarise(x)
    near, far = (METRICS[name].compare(reference, x + shift) for shift in (1, 2))
    assert METRICS[name].compare(reference, x) < near < far
    assert type(near) is float


def test_an_unknown_metric_is_named_with_the_choices():
    for ask in (metric_named, lambda name: encoder_of(name, (8, 8, 1)), lambda name: check_samples(name, 10)):
        with pytest.raises(MetricError, match="unknown metric 'fid'; one of: fd_digits, fd_mnist, fd_pixels"):
            ask("fid")


def test_the_encoder_fits_the_images_or_says_which_do():
    assert encoder_of("fd_pixels", (8, 8, 1)).dimension == 64
    assert encoder_of("fd_digits", (8, 8, 1)).name == "digits"
    with pytest.raises(MetricError, match="encoder 'digits' takes images of 8x8x1, not 28x28x1"):
        encoder_of("fd_digits", (28, 28, 1))


@pytest.mark.parametrize("name", METRICS)
def test_too_few_samples_are_refused_exactly_where_the_metric_fails(name):
    minimum = METRICS[name].minimum_samples
    x = np.random.default_rng(0).normal(size=(minimum, 7))
    check_samples(name, minimum)
    assert np.isfinite(METRICS[name].compare(METRICS[name].summarise(x), x))
    with pytest.raises(MetricError, match=f"{name} needs at least {minimum} samples, not {minimum - 1}"):
        check_samples(name, minimum - 1)
    with pytest.raises(MetricError):
        METRICS[name].summarise(x[: minimum - 1])


def test_importing_metrics_alone_does_not_import_jax():
    code = "import sys, metrics; assert 'jax' not in sys.modules and 'metrics.encoders' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
