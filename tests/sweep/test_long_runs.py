"""A week of a sweep, by a clock that the test turns: what is done again and again is done neither too often nor too
rarely."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from ganscape.sweep import trial
from ganscape.sweep.commands import progress

WEEK = 7 * 24 * 3600.0


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until its `now` is set."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


@pytest.mark.parametrize("step", [7.0, 59.9, 60.0, 200.0])
def test_a_checkpoint_is_written_as_soon_as_its_time_has_passed(clock, monkeypatch, step):
    saved = []
    monkeypatch.setattr(trial, "save_member", lambda member, folder, state: saved.append((clock.now, member)))
    monkeypatch.setattr(trial, "take", lambda population, slot: None)
    workload = SimpleNamespace(checkpoint_seconds=60.0, checkpoints="")
    training = SimpleNamespace(workload=workload, running={0: "a", 2: "b"}, population=None, saved=0.0)
    while clock.now < WEEK:
        clock.now += step
        trial._checkpoint(training)
    times = [now for now, member in saved if member == "a"]
    assert times == [now for now, member in saved if member == "b"]
    gaps = np.diff([0.0, *times])
    assert gaps.min() >= 60.0 - 1e-6 and gaps.max() < 60.0 + step and clock.now - times[-1] < 60.0


def test_progress_is_a_line_each_ten_seconds_at_most_and_ends_with_the_last(clock, monkeypatch):
    printed = []
    console = SimpleNamespace(
        is_jupyter=False, is_terminal=False, print=lambda text, **options: printed.append((clock.now, text))
    )
    backlog = SimpleNamespace(trials={"a": 1}, outcomes=SimpleNamespace(ended=set()), expected=lambda: 1)
    monkeypatch.setattr(progress, "describe_progress", lambda _: f"{clock.now:.0f}, {len(backlog.outcomes.ended)}")
    with progress.show_progress(console) as show:
        while clock.now < WEEK:
            clock.now += 7.0
            show(backlog)
        backlog.outcomes.ended.add("a")
        show(backlog)
    times = [now for now, _ in printed]
    assert np.diff(times[:-1]).min() >= 10.0 and np.diff(times).max() <= 14.0
    assert printed[-1][1].endswith(", 1")
