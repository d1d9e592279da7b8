"""Several metrics in one sweep: the first selects, the others score the same samples."""

import jax
import numpy as np
import pytest

from ganscape.metrics import MetricError
from ganscape.models import Config
from ganscape.results import frames
from ganscape.results.store import StoreError, open_store
from ganscape.sweep import checkpoints
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.executors.worker import evaluator_of
from ganscape.sweep.growth import stored_plan
from ganscape.sweep.measuring.evaluation import evaluate, evaluator, sample_and_encode
from ganscape.sweep.measuring.further import FurtherMetric, score_further
from ganscape.sweep.messages import Score
from ganscape.sweep.plan import plan
from ganscape.sweep.population import stack, start_member
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.trial import train

TIMES = ("seconds", "cpu_seconds", "recorded")
FURTHER = ("precision_digits", "fd_pixels", "kid_pixels")
SETTINGS = {"configs": 1, "images": 1280, "interval": 640, "samples": 100, "architecture": "mlp"}
CHOICES = {"methods": ["vae"], "seeds": 1, "settings": SETTINGS}


@pytest.fixture(scope="module")
def population():
    return jax.device_put(stack([start_member(Config(z_dim=8), (8, 8, 1), (0, 7))], 1))


def test_each_further_score_is_that_of_the_metric_alone(population, digits):
    def scored(metric, further=()):
        judge = evaluator(metric, digits.test, 100, further=further)
        return evaluate(judge, jax.device_get(sample_and_encode(population, judge)), 0)

    all_at_once = scored("fd_digits", FURTHER)
    assert all_at_once.value == scored("fd_digits").value, "the score that selects must not depend on others"
    assert [name for name, _ in all_at_once.further] == list(FURTHER)
    for name, value in all_at_once.further:
        assert value == pytest.approx(scored(name).value, rel=1e-4, abs=1e-6)


def test_images_are_encoded_once_by_each_encoder(digits):
    encoded = []

    def encode(encoder, images):
        encoded.append(encoder.name)
        return np.random.default_rng(len(encoded)).normal(size=(len(images), encoder.dimension)).astype(np.float32)

    evaluator("fd_digits", digits.test, 100, encode, FURTHER)
    assert len(encoded) == 2 and len(set(encoded)) == 2


def test_a_further_metric_without_a_finite_score_costs_the_others_nothing(caplog):
    def refuse(reference, features):
        raise MetricError("features are not finite")

    metrics = [
        FurtherMetric("a", 0, refuse, None),
        FurtherMetric("b", 0, lambda reference, features: np.nan, None),
        FurtherMetric("c", 1, lambda reference, features: float(features.sum()), None),
    ]
    assert score_further(metrics, [np.zeros((2, 3)), np.ones((2, 3))]) == (("c", 6.0),)
    assert "no a of a trial: features are not finite" in caplog.text and "no b of a trial: it is nan" in caplog.text


def test_further_scores_are_stored_with_their_protocols_and_select_nothing(tmp_path):
    planned = plan("equal/wide", out=tmp_path, **CHOICES, metric="fd_digits", further=FURTHER)
    alone = plan("equal/wide", out=tmp_path / "alone", **CHOICES, metric="fd_digits")
    for chosen, out in ((planned, tmp_path / "all"), (alone, tmp_path / "alone")):
        with open_store(out) as store:
            store.begin(chosen.definition)
            for protocol in (chosen.protocol, *chosen.further):
                store.add_protocol(protocol.fingerprint, protocol.describe())
            backlog = Backlog(chosen, store, 1, {}, lambda backlog: None)
            while not backlog.done():
                train(backlog.take(), chosen.workload, evaluator_of(chosen.workload), backlog.record)
    results, expected = frames.load(tmp_path / "all"), frames.load(tmp_path / "alone")
    scores = results.scores()
    assert set(scores["metric"]) == {"fd_digits", *FURTHER} and (scores.groupby("metric").size() == 2).all()
    described = results.protocols().set_index("fingerprint")["metric"]
    assert (scores["protocol"].map(described) == scores["metric"]).all()
    for frame in ("per_trial", "rungs", "best"):
        columns = [name for name in getattr(results, frame)().columns if name not in TIMES]
        assert getattr(results, frame)()[columns].equals(getattr(expected, frame)()[columns])
    assert len(results.scored_at()) == 2
    grown = stored_plan(tmp_path / "all")
    assert grown.workload.further == FURTHER and grown.further == planned.further


def test_a_checkpoint_holds_further_scores_and_is_as_before_without_them():
    trial = trial_of(0, "ns_gan", Config(z_dim=8), 0)
    member = start_member(trial.config, (8, 8, 1), trial.key)
    grid = np.zeros((1, 8, 8, 1), np.uint8)
    one = Score(trial.id, 0, 640, 640, 2.0, 1.0, grid)
    two = Score(trial.id, 0, 1280, 1280, 1.0, 2.0, grid, further=(("kid_pixels", 0.25), ("precision_digits", 0.5)))
    arrays = checkpoints.pack(member, 2.0, 1.5, [one, two])
    _, _, _, scores = checkpoints.unpack(arrays, trial, 0, member)
    assert [score.further for score in scores] == [one.further, two.further]
    assert [name for name in arrays if name.startswith("further")] == ["further000000001280"]


def test_a_checkpoint_holds_cpu_seconds_and_one_of_an_earlier_version_says_that_they_are_not_known():
    trial = trial_of(0, "ns_gan", Config(z_dim=8), 0)
    member = start_member(trial.config, (8, 8, 1), trial.key)
    score = Score(trial.id, 0, 640, 640, 2.0, 1.0, np.zeros((1, 8, 8, 1), np.uint8), cpu_seconds=0.75)
    arrays = checkpoints.pack(member, 2.0, 1.5, [score])
    _, seconds, cpu_seconds, (read,) = checkpoints.unpack(arrays, trial, 0, member)
    assert (seconds, cpu_seconds, read.cpu_seconds) == (2.0, 1.5, 0.75)
    earlier = {name: array for name, array in arrays.items() if not name.startswith("cpu")}
    _, seconds, cpu_seconds, (read,) = checkpoints.unpack(earlier, trial, 0, member)
    assert (seconds, read.seconds) == (2.0, 1.0) and np.isnan([cpu_seconds, read.cpu_seconds]).all()


@pytest.mark.parametrize(
    ("metric", "further", "sentence"),
    [
        ("fd_digits", ["fd_digits"], "metric fd_digits is given twice"),
        (None, ["fd_digits"], "metric fd_digits is given twice"),
        ("fd_pixels", ["kid_pixels", "kid_pixels"], "metric kid_pixels is given twice"),
        ("fd_pixels", ["kid_pixel"], "unknown metric 'kid_pixel'"),
        ("fd_pixels", ["one_minus_f1_triangles"], "only a sweep can score by it"),
        ("precision_digits", ["fd_digits"], "higher is better"),
    ],
)
def test_metrics_that_cannot_score_the_samples_are_refused(tmp_path, metric, further, sentence):
    with pytest.raises(MetricError, match=sentence):
        plan("equal/wide", out=tmp_path, **CHOICES, metric=metric, further=further)


def test_a_sweep_goes_on_with_the_metrics_that_it_has(tmp_path):
    first = plan("equal/wide", out=tmp_path, **CHOICES, metric="fd_pixels", further=["kid_pixels"]).definition
    with open_store(tmp_path) as store:
        store.begin(first)
        assert plan("equal/wide", out=tmp_path, **CHOICES).definition == first
        fewer = plan("equal/wide", out=tmp_path, **CHOICES, metric="fd_pixels").definition
        with pytest.raises(StoreError, match="further"):
            store.begin(fewer)
