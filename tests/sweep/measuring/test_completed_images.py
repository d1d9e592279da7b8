"""Scores of generators that complete images: of which images, and what is shown of them."""

import numpy as np
import pytest

from ganscape import data
from ganscape.models import Config, ConfigError, gan
from ganscape.models.generator_file import load_generator, save_generator
from ganscape.search_spaces import StudyError
from ganscape.sweep.measuring.evaluation import GRID, WALK, evaluator
from ganscape.sweep.measuring.resampling import images_of, sample_again
from ganscape.sweep.plan_checks import check_latents

SHAPE, SAMPLES = (8, 8, 1), 70
CONFIG = Config(family="completion", mask="box", mask_share=0.25)


@pytest.fixture(scope="module")
def test_images():
    return data.load("digits").test


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    path = tmp_path_factory.mktemp("generators") / "completion"
    save_generator(
        path, CONFIG, gan.init(CONFIG, SHAPE, np.array([0, 1], np.uint32)), SHAPE, {"key": [1, 2], "cycle": 3}
    )
    return load_generator(path)


@pytest.fixture(scope="module")
def sampled(generator, test_images):
    return sample_again(generator, evaluator("fd_pixels", test_images, SAMPLES))


def test_what_is_scored_are_the_images_of_the_test_split_each_changed_in_its_hole_alone(sampled, test_images):
    completed, true = sampled.features[0], test_images[:SAMPLES].reshape(SAMPLES, -1) / np.float32(255)
    changed = np.abs(completed - true) > 1e-6
    assert (changed.sum(axis=1) <= 0.25 * 64).all() and (changed.sum(axis=1) > 0).all()
    assert len(np.unique(changed, axis=0)) > 10, "holes are drawn for each image"


def test_a_kept_generator_completes_the_images_that_it_was_scored_by_bit_by_bit(generator, sampled, test_images):
    images = np.concatenate(list(images_of(generator, SAMPLES, SAMPLES, originals=test_images)))
    np.testing.assert_array_equal(images[:GRID], sampled.images[0][:GRID])
    others = np.concatenate(list(images_of(generator, SAMPLES, SAMPLES, originals=test_images, seed=1)))
    assert not np.array_equal(images, others)


def test_pictures_show_masked_whole_completed_and_true_images(sampled, test_images):
    masked, whole, completed, true = sampled.images[0][GRID:].reshape(4, WALK, *SHAPE)
    np.testing.assert_array_equal(true, test_images[:WALK])
    hole = (masked != true) | (completed != true)
    assert hole.any(axis=(1, 2, 3)).all() and set(np.unique(masked[hole])) == {128}
    np.testing.assert_array_equal(completed, np.where(hole, whole, true))


def test_what_it_needs_is_said_in_one_line(generator, test_images):
    with pytest.raises(ConfigError, match="completes images; none were given"):
        next(images_of(generator, SAMPLES, 1))
    with pytest.raises(ConfigError, match="no latents to walk between"):
        next(images_of(generator, SAMPLES, 1, walk=True, originals=test_images))
    with pytest.raises(
        StudyError, match="method filled: metric 'one_minus_f1_triangles' searches a generator's latents"
    ):
        check_latents("filled", CONFIG, "one_minus_f1_triangles")
    check_latents("filled", CONFIG, "fd_digits")
    check_latents("usual", Config(), "one_minus_f1_triangles")
