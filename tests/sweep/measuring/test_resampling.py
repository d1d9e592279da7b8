"""Kept generators: the score and the images of the sweep again, to the last bit, and others by other seeds."""

import json

import numpy as np
import pandas as pd
import pytest

from ganscape.models import Config
from ganscape.models.generator_file import load_generator
from ganscape.sweep.generators import path_of
from ganscape.sweep.measuring.draws import score_draws
from ganscape.sweep.measuring.evaluation import GRID
from ganscape.sweep.measuring.resampling import images_of, sample_again, score_again
from ganscape.sweep.messages import Cohort, Score, Workload
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.trial import train

SAMPLES = 600  # two chunks


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    """The scores of two trials at two rungs, the workload with their generators, and what scored them."""
    from ganscape.sweep.measuring.evaluation import evaluator

    folder = tmp_path_factory.mktemp("kept")
    evaluate = evaluator("fd_digits", digits.test, SAMPLES)
    card = {"study": "a study"}
    workload = Workload(digits, "fd_digits", SAMPLES, (640, 1280), 1, "", 1e9, str(folder / "generators"), card)
    configs = [Config(z_dim=8, g_lr=rate, averaging="ema", ema_decay=0.5) for rate in (1e-3, 3e-3)]
    trials = tuple(trial_of(0, "ns_gan", config, 0) for config in configs)
    messages = []
    train(Cohort(trials, (frozenset(),) * 2, (0, 0), 2), workload, evaluate, messages.append)
    scores = [message for message in messages if isinstance(message, Score)]
    assert len(scores) == 4
    return scores, workload, evaluate


def kept(trained):
    scores, workload, _ = trained
    for score in scores:
        if score.generator_bytes:
            yield score, load_generator(path_of(workload.generators, score.trial, score.rung))


def test_a_generator_is_written_for_each_score_that_no_earlier_one_is_as_low_as(trained):
    lowest = {}
    for score in trained[0]:
        assert bool(score.generator_bytes) == (score.value < lowest.get(score.trial, np.inf))
        lowest[score.trial] = min(score.value, lowest.get(score.trial, np.inf))
    assert any(score.generator_bytes for score in trained[0])


def test_the_score_of_a_kept_generator_is_that_of_its_sweep_to_the_last_bit(trained):
    for score, generator in kept(trained):
        assert score_again(generator, trained[2]).value.hex() == score.value.hex()
        assert score_again(generator, trained[2], seed=1).value != score.value


def test_the_images_of_a_kept_generator_are_those_that_were_scored(trained):
    for score, generator in kept(trained):
        images = np.concatenate(list(images_of(generator, SAMPLES, 1000)))
        assert images.shape == (1000, 8, 8, 1) and np.array_equal(images[:GRID], score.grid[:GRID])
        walks = np.concatenate(list(images_of(generator, SAMPLES, 32, walk=True)))
        assert np.array_equal(walks, score.grid[GRID:])


def test_another_draw_is_scored_by_the_images_that_its_seed_gives(trained):
    _, generator = next(kept(trained))
    sampled = sample_again(generator, trained[2], seed=7).images[0]
    assert np.array_equal(sampled[:GRID], next(images_of(generator, SAMPLES, GRID, seed=7)))
    assert not np.array_equal(sampled[:GRID], next(images_of(generator, SAMPLES, GRID)))


def test_fewer_images_are_the_first_and_another_seed_gives_others(trained):
    _, generator = next(kept(trained))
    images, fewer, other = (
        np.concatenate(list(images_of(generator, SAMPLES, count, seed=seed)))
        for count, seed in ((700, None), (70, None), (700, 5))
    )
    assert np.array_equal(images[:70], fewer)
    assert len({image.tobytes() for image in (*images, *other)}) == 1400


def test_a_generator_s_card_says_what_it_is_and_lies_beside_it(trained):
    for score, generator in kept(trained):
        card = json.loads(path_of(trained[1].generators, score.trial, score.rung).with_suffix(".json").read_text())
        assert card.pop("config") == generator.config.to_dict() and card == generator.card
        own = ("config_id", "cycle", "key", "versions")
        assert {name: card[name] for name in card if name not in own} == {
            "study": "a study",
            "trial": score.trial,
            "rung": score.rung,
            "images": score.images,
            "score": score.value,
            "metric": "fd_digits",
            "seed": 0,
            "method": "ns_gan",
        }
        assert {"ganscape", "jax", "flax"} <= card["versions"].keys()


def test_draws_of_a_kept_generator_differ_and_are_repeated_by_their_number(trained, digits):
    _, workload, evaluate = trained
    rows = [
        {"trial": score.trial, "method": "ns_gan", "config": score.trial, "seed": 0, "rung": score.rung,
         "path": path_of(workload.generators, score.trial, score.rung)}
        for score, _ in kept(trained)
    ]  # fmt: skip

    class Kept:
        folder, study = "out", {"metric": "fd_digits"}

        def generators(self):
            return pd.DataFrame(rows)

        def protocol(self):
            return {"samples": SAMPLES}

    drawn = list(score_draws(Kept(), digits, 2))
    assert [(row["trial"], row["draw"]) for row in drawn] == [(row["trial"], draw) for row in rows for draw in (0, 1)]
    again = score_again(load_generator(rows[0]["path"]), evaluate, seed=1)
    assert drawn[1]["value"] == again.value != drawn[0]["value"]
