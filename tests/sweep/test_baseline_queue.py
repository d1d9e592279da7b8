import pytest

from ganscape.models import Config
from ganscape.results.store import open_store
from ganscape.sweep.baseline_queue import BaselineQueue
from ganscape.sweep.messages import Baseline, Baselines
from ganscape.sweep.plan import plan
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.rounds import first_configs


@pytest.fixture
def planned(tmp_path):
    return plan("equal/wide", out=tmp_path / "out", methods=["ns_gan", "vae"])


@pytest.fixture
def trials(planned):
    return [trial_of(0, method, first_configs(planned, method)[0], 7) for method in planned.methods]


@pytest.fixture
def store(tmp_path, planned):
    with open_store(tmp_path / "out") as store:
        store.begin(planned.definition)
        store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        yield store


def test_baselines_are_asked_for_once_and_of_one_generator_per_architecture(planned, store, trials):
    queue = BaselineQueue(planned, store)
    task = queue.take(trials)
    assert queue.pending and queue.take(trials) is None
    assert [(each.method, each.config, each.seed) for each in task.trials] == [
        ("ns_gan", trials[0].config, seed) for seed in range(3)
    ]
    queue.end()
    assert not queue.pending and queue.take(trials) is None


def test_of_trials_of_one_structure_the_first_is_scored_untrained(planned, store, trials):
    other = Config.from_dict(trials[0].config.to_dict() | {"g_lr": 0.125})
    assert other.structure() == trials[0].config.structure()
    task = BaselineQueue(planned, store).take([trials[0], trial_of(0, "ns_gan", other, 7)])
    assert {trial.config for trial in task.trials} == {trials[0].config}


def test_a_sweep_that_is_continued_does_not_measure_again_what_is_stored(planned, store, trials):
    queue = BaselineQueue(planned, store)
    queue.take(trials)
    queue.record(Baselines((Baseline("real", "", 0, 4.5), Baseline("untrained", "mlp", 0, 600.0))))
    assert BaselineQueue(planned, store).take(trials) is None
    rows = [(row["kind"], row["source"], row["draw"], row["value"]) for row in store.baselines()]
    assert rows == [("real", "", 0, 4.5), ("untrained", "mlp", 0, 600.0)]


def test_what_a_lost_worker_did_not_measure_is_asked_again_by_the_next_start_alone(planned, store, trials):
    queue = BaselineQueue(planned, store)
    queue.take(trials)
    queue.end()
    assert queue.take(trials) is None
    assert BaselineQueue(planned, store).take(trials) is not None


def test_a_metric_that_inverts_generators_asks_for_one_untrained_generator_of_each_architecture(planned, store, trials):
    workload = planned.workload._replace(metric="one_minus_f1_triangles")
    task = BaselineQueue(planned._replace(workload=workload), store).take(trials)
    assert [(each.method, each.seed) for each in task.trials] == [("ns_gan", 0)]
