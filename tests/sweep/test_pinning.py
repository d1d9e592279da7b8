"""Which CPUs workers are pinned to, on machines that are made up."""

import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganscape.sweep.executors import check_executor
from ganscape.sweep.pinning import Cpu, assign_cpus, describe_pinning, pinned_cpus, read_topology
from ganscape.sweep.resources import ExecutorError, Resources, with_others

PINNED = Resources(pin_cores=True)


def machine(nodes, cores, threads):
    """The CPUs of a machine as Linux numbers them: first threads of all cores, then second ones."""
    count = nodes * cores
    return [Cpu(t * count + core, core, core // cores) for t in range(threads) for core in range(count)]


@pytest.mark.parametrize(
    ("cpus", "workers", "each", "expected"),
    [
        (machine(1, 4, 1), 3, 1, [(0,), (1,), (2,)]),
        (machine(1, 4, 2), 4, 1, [(0,), (1,), (2,), (3,)]),  # no two workers on one core
        (machine(1, 4, 2), 5, 1, [(0,), (1,), (2,), (3,), (4,)]),  # CPU 4 is the second thread of core 0
        (machine(1, 4, 2), 4, 2, [(0, 4), (1, 5), (2, 6), (3, 7)]),  # both threads of a core are one worker's
        (machine(1, 4, 2), 2, 2, [(0, 1), (2, 3)]),  # cores to spare: no second thread
        (machine(1, 4, 2), 3, 2, [(0, 4), (1, 5), (2, 3)]),
        (machine(1, 3, 2), 2, 3, [(0, 1, 3), (2, 4, 5)]),  # of core 1 each has a thread
        (machine(2, 2, 1), 2, 1, [(0,), (2,)]),  # one worker per node
        (machine(2, 3, 1), 2, 2, [(0, 1), (3, 4)]),
        (machine(2, 3, 1), 3, 2, [(0, 1), (3, 4), (2, 5)]),  # what is left of each node is one CPU
    ],
)
def test_workers_get_cores_of_their_own_before_second_threads_and_of_one_node(cpus, workers, each, expected):
    assert assign_cpus(cpus, workers, each) == expected


@st.composite
def machines(draw):
    """Allowed CPUs of a machine with up to 3 nodes, 4 cores each and 2 threads, and workers for which they suffice."""
    whole = machine(draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 2)))
    cpus = draw(st.lists(st.sampled_from(whole), min_size=1, unique=True))
    each = draw(st.integers(1, len(cpus)))
    return sorted(cpus), draw(st.integers(1, len(cpus) // each)), each


@given(machines())
def test_no_cpu_is_assigned_twice_and_no_worker_spans_nodes_or_shares_cores_without_need(drawn):
    cpus, workers, each = drawn
    by_number = {cpu.number: cpu for cpu in cpus}
    assigned = [[by_number[number] for number in numbers] for numbers in assign_cpus(cpus, workers, each)]
    taken = [cpu for own in assigned for cpu in own]
    assert len(assigned) == workers and all(len(own) == each for own in assigned)
    assert len(set(taken)) == len(taken)
    nodes = [[cpu for cpu in cpus if cpu.node == node] for node in {cpu.node for cpu in cpus}]
    if sum(len(node) // each for node in nodes) >= workers:
        assert all(len({cpu.node for cpu in own}) == 1 for own in assigned)
    if len(nodes) == 1 and workers * each <= len({cpu.core for cpu in cpus}):
        assert len({cpu.core for cpu in taken}) == workers * each
    pairs = itertools.combinations(assigned, 2)
    if each == 2 and len(cpus) == 2 * len({cpu.core for cpu in cpus}):
        assert not any({cpu.core for cpu in one} & {cpu.core for cpu in other} for one, other in pairs)


def test_cores_and_nodes_are_those_of_the_system(tmp_path):
    for number, siblings in {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}.items():
        (tmp_path / f"cpu/cpu{number}/topology").mkdir(parents=True)
        (tmp_path / f"cpu/cpu{number}/topology/thread_siblings_list").write_text(siblings + "\n")
    for node, numbers in {0: "0,2\n", 12: "1,3-3\n", 13: "\n"}.items():  # a node of memory alone has no CPUs
        (tmp_path / f"node/node{node}").mkdir(parents=True)
        (tmp_path / f"node/node{node}/cpulist").write_text(numbers)
    assert read_topology({0, 2, 3}, tmp_path) == [Cpu(0, 0, 0), Cpu(2, 0, 0), Cpu(3, 1, 12)]
    assert read_topology({5, 7}, tmp_path / "nothing") == [Cpu(5, 5), Cpu(7, 7)]


@pytest.mark.parametrize(
    ("executor", "workers", "resources", "text"),
    [
        (
            "local",
            3,
            PINNED,
            "workers=3 with cpus_per_worker=1 need 3 CPUs, .* may use 2; lower --workers",
        ),
        (
            "local",
            1,
            PINNED._replace(cpus=3.0),
            "workers=1 with cpus_per_worker=3 need 3 CPUs, .* may use 2",
        ),
        (
            "local",
            None,
            PINNED._replace(cpus=3.0),
            "workers=1 with cpus_per_worker=3 need 3 CPUs, .* may use 2",
        ),
        ("local", 1, PINNED._replace(cpus=0.5), "whole CPUs for a worker, not cpus_per_worker=0.5"),
        ("ray", 1, PINNED, "Ray pins none.*taskset.*--cpu-bind"),
    ],
)
def test_what_cannot_be_pinned_is_refused_with_what_there_is(executor, workers, resources, text, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {4, 6})
    with pytest.raises(ExecutorError, match=text):
        check_executor(executor, workers, resources)
    check_executor("local", 2, PINNED)
    check_executor(executor, workers, resources._replace(pin_cores=False))


def test_a_system_that_pins_no_process_is_named(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity")
    with pytest.raises(ExecutorError, match="--pin-cores needs Linux"):
        check_executor("local", 1, PINNED)


def test_the_plan_names_the_cpus_of_every_worker_among_those_that_are_allowed(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {100_004, 100_006})  # not in any /sys: cores of a node
    assert describe_pinning(2, PINNED) == "to CPUs 100004 | 100006"
    assert describe_pinning(1, with_others(PINNED, ["CPU=2"])) == "to CPUs 100004,100006"
    assert pinned_cpus(3, Resources()) == [None, None, None]
