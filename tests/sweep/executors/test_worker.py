"""What a worker is told before JAX loads."""

import logging
import re
import signal
from pathlib import Path

from ganscape.models import Config
from ganscape.sweep.executors.processes import WorkerProcess, worker_environment
from ganscape.sweep.executors.worker import PROGRAM_BYTES, run_tasks
from ganscape.sweep.messages import Baselines, BaselineTask, Cohort, Free, Ready
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.resources import Resources


def test_flags_of_xla_are_the_user_s_with_one_thread_at_the_end(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=0 --xla_cpu_multi_thread_eigen=true")
    asked = worker_environment("cache", Resources())["XLA_FLAGS"]
    assert asked == "--xla_gpu_autotune_level=0 --xla_cpu_multi_thread_eigen=false"
    monkeypatch.delenv("XLA_FLAGS")
    assert worker_environment("cache", Resources())["XLA_FLAGS"] == "--xla_cpu_multi_thread_eigen=false"


def test_a_worker_looks_for_accelerators_only_if_it_has_some_and_takes_its_share_of_a_gpu():
    assert worker_environment("cache", Resources())["JAX_PLATFORMS"] == "cpu"
    shared = worker_environment("cache", Resources(gpus=0.5))
    assert "JAX_PLATFORMS" not in shared and shared["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.450"
    whole = worker_environment("cache", Resources(gpus=1.0))
    assert "JAX_PLATFORMS" not in whole and "XLA_PYTHON_CLIENT_MEM_FRACTION" not in whole


def test_a_worker_has_two_memory_pools_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    assert worker_environment("cache", Resources())["MALLOC_ARENA_MAX"] == "2"
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    assert worker_environment("cache", Resources())["MALLOC_ARENA_MAX"] == "8"


def test_a_worker_that_cannot_measure_baselines_says_so_and_goes_on(judge, workload):
    """Reals of no pixels, of which there is no mean."""
    broken = workload._replace(dataset=workload.dataset._replace(train=None))
    tasks, sent = [BaselineTask(()), None], []
    run_tasks(broken, judge, lambda: tasks.pop(0), sent.append, set())
    ready, free, line, again = sent
    assert isinstance(ready, Ready) and free == again == Free(frozenset())
    assert line.level == logging.WARNING and line.text.startswith("no baselines: TypeError")


def test_a_worker_that_has_grown_forgets_the_programs_that_it_does_not_need_next(judge, workload, monkeypatch):
    from ganscape.sweep import programs, trial

    def cohort(z_dim):
        return Cohort((trial_of(0, "ns_gan", Config(z_dim=z_dim), 0),), (frozenset(),), (0,), 1)

    forgotten, sizes = [], [0, 1, PROGRAM_BYTES + 1]  # at the start, and before each structure that is new
    monkeypatch.setattr(trial, "train", lambda *_: None)
    monkeypatch.setattr(programs, "forget_programs", lambda: forgotten.append(True))
    monkeypatch.setattr(programs, "resident_bytes", lambda: sizes.pop(0))
    first, second = cohort(8), cohort(9)
    tasks, sent = [first, first, second, None], []
    run_tasks(workload, judge, lambda: tasks.pop(0), sent.append, set())
    one, two = (frozenset({each.trials[0].structure}) for each in (first, second))
    assert [message.warm for message in sent if isinstance(message, Free)] == [frozenset(), one, one, two]
    assert forgotten == [True]


def test_a_worker_sends_all_baselines_together(judge, workload):
    tasks, sent = [BaselineTask(()), None], []
    run_tasks(workload, judge, lambda: tasks.pop(0), sent.append, set())
    (message,) = [each for each in sent if isinstance(each, Baselines)]
    assert [score.kind for score in message.scores] == ["real"] * 3 + ["noise"] * 3


def test_ctrl_c_does_not_reach_a_worker_even_while_it_imports():
    worker = WorkerProcess({})
    try:
        status = Path(f"/proc/{worker.process.pid}/status").read_text()
    finally:
        worker.kill()
    blocked = int(re.search(r"^SigBlk:\t(\w+)", status, re.MULTILINE)[1], 16)
    assert blocked >> (signal.SIGINT - 1) & 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, []), "it still reaches the driver"
