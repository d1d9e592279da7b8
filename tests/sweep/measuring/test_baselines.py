"""Scores of known images: what is drawn has the moments that it should, and comes out in the order that is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.metrics import Inversion, make_encoder
from ganscape.models import Config
from ganscape.sweep.measuring import baselines
from ganscape.sweep.measuring.baselines import draw_count, gaussian_images, measure, untrained_images
from ganscape.sweep.measuring.evaluation import sample_and_encode
from ganscape.sweep.population import stack, start_member
from ganscape.sweep.proposals import trial_of


@pytest.fixture
def trial():
    return trial_of(0, "ns_gan", Config(z_dim=8), 3)


def test_noise_has_the_mean_and_covariance_of_the_images_without_their_content():
    """Of images so grey that nothing is clipped; a sample of 40,000 is within 3 % of the moments."""
    images = np.random.default_rng(0).integers(110, 140, (50, 2, 2, 1), np.uint8)
    images[:, 1] = images[:, 0]
    noise = gaussian_images(images, 40_000, np.random.default_rng(1)).reshape(-1, 4).astype(float)
    pixels = images.reshape(50, 4).astype(float)
    assert noise.mean(axis=0) == pytest.approx(pixels.mean(axis=0), rel=0.01)
    assert np.cov(noise.T) == pytest.approx(np.cov(pixels.T), abs=0.03 * np.cov(pixels.T).max())
    assert len(np.unique(noise, axis=0)) > 500 > len(images)


def test_noise_is_clipped_and_has_no_more_content_than_fits_in_memory(digits, monkeypatch):
    """Of images of which only the first two fit, all noise lies on the line through these."""
    noise = gaussian_images(digits.train[:100], 600, np.random.default_rng(0))
    assert noise.shape == (600, 8, 8, 1) and noise.dtype == np.uint8 and noise.min() == 0
    monkeypatch.setattr(baselines, "MOMENTS_BYTES", 1)
    levels = np.repeat(np.array([100, 140], np.uint8), 4).reshape(2, 2, 2, 1)
    pair = np.concatenate([levels, np.eye(2, dtype=np.uint8)[None, ..., None]])
    assert np.ptp(gaussian_images(pair, 50, np.random.default_rng(0)).reshape(50, 4), axis=1).max() == 0


def test_noise_does_not_depend_on_how_many_pixels_are_floats_at_a_time(digits, monkeypatch):
    """To one level: sums of other widths may round otherwise."""
    whole = gaussian_images(digits.train[:100], 600, np.random.default_rng(0)).astype(int)
    monkeypatch.setattr(baselines, "COLUMNS", 24)
    parts = gaussian_images(digits.train[:100], 600, np.random.default_rng(0)).astype(int)
    assert np.abs(parts - whole).max() <= 1 and np.ptp(whole) > 200


def test_real_images_score_below_noise_and_that_below_an_untrained_generator(digits, judge, workload, trial):
    """Of the classifier of digits at 100 samples: no score is near another kind's."""
    scores = list(measure([trial], workload, judge))
    values = {kind: [score.value for score in scores if score.kind == kind] for kind in ("real", "noise", "untrained")}
    assert [len(each) for each in values.values()] == [3, 3, 1]
    assert 2 * max(values["real"]) < min(values["noise"])
    assert 2 * max(values["noise"]) < min(values["untrained"])
    assert [score.source for score in scores] == [*[""] * 6, "mlp"]
    assert scores == list(measure([trial], workload, judge))


def test_there_are_no_real_baselines_of_more_images_than_there_are(judge, workload):
    small = workload._replace(dataset=workload.dataset._replace(train=workload.dataset.train[:99]))
    assert {score.kind for score in measure([], small, judge)} == {"noise"}


def test_an_untrained_generator_s_images_depend_on_the_trial_and_differ_from_another_s(trial):
    (images,) = untrained_images(trial, (8, 8, 1), 5)
    assert images.shape == (5, 8, 8, 1)
    assert np.array_equal(images, next(untrained_images(trial, (8, 8, 1), 5)))
    assert not np.array_equal(images, next(untrained_images(trial_of(0, "ns_gan", trial.config, 4), (8, 8, 1), 5)))


@pytest.mark.parametrize(("samples", "expected"), [(64, 3), (3_333, 3), (5_000, 2), (10_000, 1), (50_000, 1)])
def test_many_samples_are_drawn_less_often(samples, expected):
    assert draw_count(samples) == expected


def test_a_metric_that_inverts_generators_takes_noise_as_if_all_of_it_were_found(judge, workload, trial):
    """By a made metric whose score is the largest feature of a generator's samples, for images that nothing draws."""
    asked = []

    def facts(features, inverted):
        asked.append(inverted)
        return {"largest": float(features.max())}

    inversion = Inversion(None, facts, "largest")
    inverting = judge._replace(metric=judge.metric._replace(inversion=inversion))
    population = stack([start_member(trial.config, (8, 8, 1), trial.key)], 1)
    expected = float(np.asarray(sample_and_encode(population, judge).features)[0].max())
    noise, found = measure([trial], workload, inverting)
    assert noise.kind == "noise" and found == ("untrained", "mlp", 3, expected)
    assert not asked[0].squared.any() and not asked[0].moving.any()


def test_real_images_are_scored_by_what_is_found_among_all_that_the_data_set_draws(judge, workload):
    """Images of one gray level each, which one latent draws; the score is the farthest target from all of them."""
    encoder = make_encoder("fd_pixels", (8, 8, 1))
    levels, seen = np.array([0.0, 0.1, 0.55, 1.0, 1.6], np.float32), []

    def facts(features, inverted):
        seen.append(features)
        return {"farthest": float(np.max(inverted.squared))}

    def sampler(latents):
        return jnp.broadcast_to((latents[:, :1, None, None] + 1) / 2, (len(latents), 8, 8, 1))

    inverting = judge._replace(
        metric=judge.metric._replace(inversion=Inversion(None, facts, "farthest", sampler, 1)),
        encoder=encoder,
        parameters=encoder.parameters,
        targets=jnp.repeat(jnp.asarray(levels)[:, None], 64, axis=1),
    )
    real, noise = measure([], workload, inverting)
    assert (real.kind, noise.kind, noise.value) == ("real", "noise", 0)
    assert real.value == pytest.approx(64 * 0.6**2, rel=1e-3)  # white is the nearest to 1.6
    train = workload.dataset.train.reshape(-1, 64) / np.float32(255)
    assert all((train == image).all(axis=1).any() for image in seen[0])
