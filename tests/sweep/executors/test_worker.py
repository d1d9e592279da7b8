"""What a worker is told before JAX loads."""

from ganscape.sweep.executors.worker import environment
from ganscape.sweep.resources import Resources


def test_flags_of_xla_are_the_user_s_with_one_thread_at_the_end(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=0 --xla_cpu_multi_thread_eigen=true")
    asked = environment("cache", Resources())["XLA_FLAGS"]
    assert asked == "--xla_gpu_autotune_level=0 --xla_cpu_multi_thread_eigen=false"
    monkeypatch.delenv("XLA_FLAGS")
    assert environment("cache", Resources())["XLA_FLAGS"] == "--xla_cpu_multi_thread_eigen=false"


def test_a_worker_looks_for_accelerators_only_if_it_has_some_and_takes_its_share_of_a_gpu():
    assert environment("cache", Resources())["JAX_PLATFORMS"] == "cpu"
    shared = environment("cache", Resources(gpus=0.5))
    assert "JAX_PLATFORMS" not in shared and shared["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.450"
    whole = environment("cache", Resources(gpus=1.0))
    assert "JAX_PLATFORMS" not in whole and "XLA_PYTHON_CLIENT_MEM_FRACTION" not in whole
