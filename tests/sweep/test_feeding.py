"""Images that are gathered as they are needed: the same ones, and so the same scores to the last bit."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ray import cloudpickle

from ganscape.data import Dataset
from ganscape.data.mapped import map_images
from ganscape.models import Config
from ganscape.sweep import feeding
from ganscape.sweep.feeding import Resident, Streamed, advance_alone, feed_of
from ganscape.sweep.messages import Failure, Score
from ganscape.sweep.population import draw_positions, images_per_cycle, stack, start_member, trial_key
from ganscape.sweep.trial import train

WILD = Config(g_lr=1e12, d_lr=1e12, z_dim=8)
CONDITIONAL = Config(z_dim=8, disc_iters=2, batch_size=32, conditioning="projection", classes=10)


@pytest.fixture
def streaming(monkeypatch):
    """Makes trials stream: blocks hold three cycles of two members of 64 digits."""
    monkeypatch.setattr(feeding, "SHARE", 0)
    monkeypatch.setattr(feeding, "_latest", [])
    monkeypatch.setattr(feeding, "BLOCK_BYTES", 3 * 2 * 64 * 64)


@pytest.fixture
def mapped(digits, tmp_path):
    """The digits with their train split in a mapped file."""
    np.save(tmp_path / "train.npy", digits.train)
    return digits._replace(train=map_images(tmp_path / "train.npy"))


def scores(cohort, workload, judge):
    messages = []
    train(cohort, workload, judge, messages.append)
    ended = {(m.trial, m.step) for m in messages if isinstance(m, Failure)}
    return {(m.trial, m.rung): m.value for m in messages if isinstance(m, Score)} | dict.fromkeys(ended)


def test_scores_are_bit_equal_to_those_of_images_on_the_device(configs, make_cohort, workload, judge, mapped, request):
    """With trials that wait for a slot and one that diverges, so that members stand at different cycles."""
    cohort = make_cohort(configs[0], WILD, *configs[1:], size=2)
    expected = scores(cohort, workload, judge)
    assert len(expected) == 3 * 3 + 1
    request.getfixturevalue("streaming")
    assert isinstance(feed_of(configs[0], mapped, 2), Streamed)
    assert scores(cohort, workload._replace(dataset=mapped), judge) == expected


@pytest.mark.parametrize("architecture", ["mlp", pytest.param("conv8", marks=pytest.mark.slow)])
def test_classes_and_lanes_stream_to_the_same_bit(architecture, make_cohort, workload, judge, request):
    settings = CONDITIONAL.to_dict() | {"architecture": architecture}
    others = [Config.from_dict(settings | {"g_lr": rate, "d_lr": rate}) for rate in (1e-4, 1e-3)]
    workload = workload._replace(lanes=2, rungs=(640,))
    expected = scores(make_cohort(*others), workload, judge)
    request.getfixturevalue("streaming")
    assert scores(make_cohort(*others), workload, judge) == expected


def test_a_trial_goes_on_with_streamed_images_where_others_stopped(
    configs, make_cohort, workload, judge, scores_of, request
):
    cohort = make_cohort(configs[0])
    expected = scores_of(configs[0])
    first = scores(cohort._replace(pause_at=640), workload._replace(checkpoints=workload.checkpoints + "-2"), judge)
    request.getfixturevalue("streaming")
    rest = cohort._replace(committed=(frozenset({640}),))
    later = scores(rest, workload._replace(checkpoints=workload.checkpoints + "-2"), judge)
    assert len(first) == 1 and len(later) == 2
    assert first | later == expected


def test_a_block_holds_what_members_draw_from_all_images(digits, monkeypatch):
    monkeypatch.setattr(feeding, "BLOCK_BYTES", 4 * 2 * 64 * 64)
    config, keys = CONDITIONAL, [(1, 2), (3, 4)]
    feed, count = Streamed(config, digits, 2), images_per_cycle(CONDITIONAL)
    for cycles in ((0, 7), (2, 9), (4, 11)):  # the third is beyond the block of the first two
        drawn = feed.take({slot: (keys[slot], cycle) for slot, cycle in enumerate(cycles)})
        assert drawn.cycles == {0: 4, 2: 2, 4: 4}[cycles[0]]
        for slot, cycle in enumerate(cycles):
            key = jnp.asarray(keys[slot], jnp.uint32)
            rows = np.asarray(draw_positions(key, jnp.int32(cycle), count, len(digits.train)))
            at = slice(int(drawn.first[slot]), int(drawn.first[slot]) + count)
            np.testing.assert_array_equal(drawn.images[at], digits.train[rows])
            np.testing.assert_array_equal(drawn.labels[at], digits.train_labels[rows])


def test_the_block_ahead_is_gathered_before_it_is_asked_for(digits, monkeypatch):
    monkeypatch.setattr(feeding, "BLOCK_BYTES", 2 * 64 * 64)
    feed = Streamed(Config(z_dim=8), digits, 1)
    feed.take({0: ((1, 2), 0)})
    feed.prefetch({0: ((1, 2), 1)})
    feed.prefetch({0: ((1, 2), 2)})
    monkeypatch.setattr(feed, "_gather", None)
    assert feed.take({0: ((1, 2), 2)}).cycles == 2


def test_a_generator_trained_again_from_streamed_images_is_the_same(configs, digits, monkeypatch):
    monkeypatch.setattr(feeding, "BLOCK_BYTES", 3 * 64 * 64)
    key = trial_key(0, configs[0], 0)
    member = stack([start_member(configs[0], digits.image_shape, key)], 1)
    one, other = (
        advance_alone(member, feed, key, 8) for feed in (Resident(configs[0], digits), Streamed(configs[0], digits, 1))
    )
    assert int(one.cycle[0]) == 8
    for leaf, same in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(leaf, same)


@pytest.mark.parametrize(("room", "kind"), [(None, Resident), (4, Resident), (3.99, Streamed)])
def test_images_are_streamed_where_they_take_more_than_a_quarter_of_the_free_memory(digits, room, kind, monkeypatch):
    monkeypatch.setattr(feeding, "_latest", [])
    monkeypatch.setattr(feeding, "free_bytes", lambda: None if room is None else room * digits.train.nbytes)
    assert type(feed_of(Config(z_dim=8), digits, 1)) is kind


def test_images_stay_on_the_device_for_the_next_cohort_however_little_memory_is_free_then(digits, monkeypatch):
    monkeypatch.setattr(feeding, "_latest", [])
    config, others = Config(z_dim=8), digits._replace(train=digits.train[:500])
    first = feed_of(config, digits, 1).take({}).images
    monkeypatch.setattr(feeding, "free_bytes", lambda: 0)
    assert feed_of(Config(z_dim=9), digits, 2).take({}).images is first
    assert isinstance(feed_of(config, others, 1), Streamed)
    monkeypatch.undo()
    np.testing.assert_array_equal(feed_of(config, others, 1).take({}).images, others.train)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="other devices cannot read the file")
@pytest.mark.parametrize(("most", "kind"), [(64_000, Resident), (63_999, Streamed)])
def test_a_cpu_takes_no_copy_of_a_large_mapped_file(digits, mapped, most, kind, monkeypatch):
    monkeypatch.setattr(feeding, "COPIED_BYTES", most)
    assert mapped.train.nbytes == 64_000
    assert type(feed_of(Config(z_dim=8), mapped, 1)) is kind
    assert type(feed_of(Config(z_dim=8), digits, 1)) is Resident


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_a_workload_carries_the_path_of_a_mapped_file_and_not_its_images(dumps, workload, mapped):
    test = np.zeros((2, 8, 8, 1), np.uint8)
    dataset = Dataset("mapped", mapped.train, test, None, None)
    sent = dumps(workload._replace(dataset=dataset), protocol=5)
    assert len(sent) < 2_000 < mapped.train.nbytes
    received = pickle.loads(sent).dataset
    assert received.train.file == mapped.train.file and received.fingerprint == dataset.fingerprint
