import jax
import numpy as np
import pytest

from ganscape.data import polygons
from ganscape.metrics import MetricError, make_encoder, manifold
from ganscape.metrics.frechet import frechet_distance_of_features
from ganscape.metrics.manifold import Inverted
from ganscape.models import Config
from ganscape.sweep.measuring.evaluation import (
    GRID,
    WALK,
    WALKS,
    evaluate,
    evaluator,
    sample_and_encode,
    score_features,
)
from ganscape.sweep.population import only, stack, start_member


@pytest.fixture(scope="module")
def population():
    configs = [Config(z_dim=8), Config(z_dim=8, g_lr=1e-3)]
    return jax.device_put(
        stack([start_member(config, (8, 8, 1), (number, 7)) for number, config in enumerate(configs)], 2)
    )


def test_real_images_score_what_the_metric_says(digits):
    """Against an encoding in one piece of the same images."""
    judge = evaluator("fd_digits", digits.test, 100)
    encode = make_encoder("fd_digits", (8, 8, 1)).encode
    train, test = (np.asarray(encode(images / np.float32(255))) for images in (digits.train, digits.test))
    assert score_features(judge, train) == pytest.approx(frechet_distance_of_features(test, train), rel=1e-4)


@pytest.mark.parametrize("samples", [2, 100, 513, 1025])
def test_as_many_samples_as_asked_are_encoded(population, digits, samples):
    judge = evaluator("fd_pixels", digits.test, samples)
    features, grids, *_ = sample_and_encode(population, judge)
    assert features.shape == (2, samples, 64) and grids.shape == (2, GRID + WALKS * WALK, 8, 8, 1)
    assert len(np.unique(np.asarray(features[0]), axis=0)) == samples


def test_the_grid_shows_the_first_samples(population, digits):
    judge = evaluator("fd_pixels", digits.test, 100)
    features, grids, *_ = sample_and_encode(population, judge)
    shown = np.asarray(grids[1][:GRID], np.float32).reshape(GRID, -1) / 255
    np.testing.assert_allclose(shown, features[1][:GRID], atol=0.5 / 255 + 1e-6)


def test_a_walk_goes_in_small_steps_from_one_image_to_another(population, digits):
    """Neighbours on a walk are nearer to each other than its ends are."""
    judge = evaluator("fd_pixels", digits.test, 50)
    _, grids, *_ = sample_and_encode(population, judge)
    walks = np.asarray(grids[0][GRID:], np.float64).reshape(WALKS, WALK, -1)
    steps = np.linalg.norm(np.diff(walks, axis=1), axis=2)
    ends = np.linalg.norm(walks[:, -1] - walks[:, 0], axis=1)
    assert (ends > 0).all() and (steps.max(axis=1) < 0.6 * ends).all()
    assert len(np.unique(walks[:, 0], axis=0)) == WALKS


def test_members_and_cycles_have_samples_of_their_own(population, digits):
    judge = evaluator("fd_pixels", digits.test, 50)
    now = sample_and_encode(population, judge).features
    later = sample_and_encode(population._replace(cycle=population.cycle + 1), judge).features
    again = sample_and_encode(population, judge).features
    assert np.array_equal(now, again)
    assert not np.array_equal(now[0], later[0]) and not np.array_equal(now[0], now[1])


def test_halted_members_are_not_sampled_and_do_not_matter(population, digits):
    judge = evaluator("fd_pixels", digits.test, 50)
    whole = sample_and_encode(population, judge).features
    part = sample_and_encode(only(population, [1]), judge).features
    assert not np.asarray(part[0]).any() and np.array_equal(part[1], whole[1])


def test_images_that_are_not_finite_have_no_score(digits):
    judge = evaluator("fd_pixels", digits.test, 50)
    features = np.zeros((50, 64), np.float32)
    features[3, 5] = np.nan
    with pytest.raises(MetricError, match="finite"):
        score_features(judge, features)


def test_a_metric_of_the_generator_finds_precision_recall_and_f1(monkeypatch):
    """Of a generator whose every image is white: no triangle, and none of the test images."""
    for part in ("CHUNK", "TARGETS"):  # the search goes by parts of images, and 16 would be filled up with copies
        monkeypatch.setattr(manifold, part, 16)
    images = polygons.to_uint8(polygons.generate_levels(24, 3, 0))[..., None]
    evaluation = evaluator("one_minus_f1_triangles", images, 16)
    member = start_member(Config(z_dim=4), (28, 28, 1), (1, 2))
    population = jax.device_put(stack([member], 2))
    sampled = jax.device_get(sample_and_encode(population, evaluation))
    assert sampled.inverted.squared.shape == (2, 16) and (sampled.inverted.squared[0] > 0).all()
    assert not sampled.inverted.squared[1].any()
    found = evaluate(evaluation, sampled, 0)
    assert found.value == 1 and {"precision", "recall", "f1", "moving", "diversity"} <= found.facts.keys()
    assert {f"recall_{delta:g}" for delta in (0.25, 0.5, 1, 1.5, 2, 3)} <= found.facts.keys(), "for other thresholds"
    first = polygons.to_uint8(polygons.generate_levels(24, 3, 0))[:16].reshape(16, -1) / np.float32(255)
    exact = sampled._replace(features=np.stack([first, first]))
    near = exact._replace(inverted=Inverted(np.zeros((2, 16)), np.zeros((2, 16), bool)))
    assert evaluate(evaluation, near, 0).value == 0
