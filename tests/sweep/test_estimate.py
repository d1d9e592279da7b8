"""The cost of a plan: what is measured on a few structures, and what follows for all."""

import math
import re
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from ganscape.search_spaces import STUDIES
from ganscape.sweep import estimate as module
from ganscape.sweep.estimate import MemberCost, estimate
from ganscape.sweep.plan import plan
from ganscape.sweep.population import Population

HOURS = {"half an hour": 0.5, "an hour": 1, "five hours": 5, "eight hours": 8, "ten hours": 10}
HOURS_TOLD = [
    (study, name, HOURS[told.group()])
    for study, definition in STUDIES.items()
    for name, scale in definition.scales.items()
    if name in ("hour", "overnight") and (told := re.search("|".join(HOURS), scale.summary))
]
SETTINGS = {"configs": 2, "images": 6400, "interval": 3200}
METHODS = ["mm_gan", "ns_gan", "lsgan", "wgan", "vae"]


@pytest.fixture
def measured(monkeypatch):
    """Costs of members in the order in which they are measured: JAX starts in ten seconds, a program takes two."""
    configs = []

    def measure(plan, config):
        configs.append(config)
        return MemberCost(12.0 if len(configs) == 1 else 2.0, 1e-3 * len(configs), 0.5)

    monkeypatch.setattr(module, "_measure", measure)
    return configs


def of(tmp_path, methods=tuple(METHODS)):
    return plan("equal/wide", out=tmp_path, methods=list(methods), seeds=2, settings=SETTINGS)


def test_the_start_of_jax_counts_once_and_every_structure_is_compiled(tmp_path, measured):
    planned = of(tmp_path)
    cost = estimate(planned, workers=2)
    assert cost.trials == 5 * 2 * 2 and cost.images == 20 * 6400
    assert 3 < cost.structures <= 5 * 2 and len(set(measured)) == 3 and cost.measured == tuple(measured)
    work = cost.structures * 2.0 + cost.images * 2e-3 + 20 * 2 * 0.5
    assert cost.seconds == pytest.approx(10.0 + work / 2)


def test_what_a_folder_has_costs_no_time(tmp_path, measured):
    planned = of(tmp_path)
    half = estimate(planned, 1, done=10)
    training = half.images * 2e-3 + 20 * 2 * 0.5
    assert half.trials == 20 and half.seconds == pytest.approx(10.0 + half.structures * 2.0 + 0.75 * training)
    assert estimate(planned, 1, done=20 * 2).seconds == 0.0


def test_a_plan_of_one_structure_is_measured_once(tmp_path, measured):
    cost = estimate(of(tmp_path, ["vae"]), workers=1)
    assert cost.structures == len(measured) == 1
    assert cost.seconds == pytest.approx(12.0 + cost.images * 1e-3 + 4 * 2 * 0.5)


def test_structures_from_all_over_the_study_are_measured(tmp_path, measured):
    estimate(of(tmp_path), workers=2)
    losses = [config.loss or config.family for config in measured]
    assert losses[0] == "minimax" and losses[-1] != losses[0] and len(set(losses)) == 3


@pytest.mark.parametrize("error", [MemoryError("out of memory"), jax.errors.JaxRuntimeError("Out of\nmemory")])
def test_a_plan_whose_configs_cannot_be_trained_here_is_counted_and_not_timed(tmp_path, monkeypatch, error):
    def measure(plan, config):
        raise error

    monkeypatch.setattr(module, "_measure", measure)
    cost = estimate(of(tmp_path), workers=2)
    assert (cost.trials, cost.images, cost.measured) == (20, 20 * 6400, ()) and math.isnan(cost.seconds)
    assert cost.unknown.lower() == "out of memory"


def test_what_does_not_fit_into_memory_is_not_tried(tmp_path, measured, monkeypatch):
    monkeypatch.setattr(module, "memory_warnings", lambda plan, workers: ["too large"] if workers == 1 else [])
    assert "more memory than is free" in estimate(of(tmp_path), workers=2).unknown and measured == []


@pytest.mark.parametrize("last", [1, 3, 100, None])
def test_a_member_that_diverges_costs_as_much_per_cycle_as_one_that_does_not(last, monkeypatch):
    """A cycle takes a hundredth of a second here, and none is done after the one whose loss is not finite."""
    clock, asked = [0.0], []

    def advance(population, feed, key, cycles):
        asked.append(cycles)
        assert cycles < 2**31, "the program counts in int32"
        assert population.finite[0], "a member that diverged does nothing more"
        begun = int(population.cycle[0])
        stop = begun + cycles if last is None else min(begun + cycles, last)
        clock[0] += 0.01 * (stop - begun)
        population.cycle[0], population.finite[0] = stop, stop != last
        return population

    arrays = SimpleNamespace(device_put=lambda tree: tree, block_until_ready=lambda tree: tree, tree=jax.tree)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(module, "jax", arrays)
    monkeypatch.setattr(module, "advance_alone", advance)
    start = Population(None, {}, None, np.zeros(1, np.int32), np.zeros(1, bool), np.ones(1, bool))
    assert module._seconds_per_cycle(start, None, (0, 0)) == pytest.approx(0.01)
    assert clock[0] >= module.MEASURED_SECONDS and sorted(asked) == asked
    assert (start.cycle[0], start.finite[0]) == (0, True), "advancing donates its population, so that each has its own"


def test_scales_named_after_their_time_tell_it():
    scales = {(study, name) for study, definition in STUDIES.items() for name in definition.scales}
    assert (
        {told[:2] for told in HOURS_TOLD} == {scale for scale in scales if scale[1] in ("hour", "overnight")} != set()
    )


@pytest.mark.slow
@pytest.mark.parametrize(("study", "scale", "hours"), HOURS_TOLD)
def test_a_scale_takes_the_hours_that_it_tells_on_two_workers(study, scale, hours, data_files, tmp_path):
    """Within a factor of three: processors differ, and three structures stand for all."""
    found = estimate(plan(study, scale=scale, out=tmp_path, data_root=data_files), workers=2).seconds / 3600
    assert hours / 3 < found < 3 * hours
