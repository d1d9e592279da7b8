"""A worker proves that it computes before it trains."""

import resource
import subprocess
import sys

import pytest

from ganscape.sweep import proof
from ganscape.sweep.resources import ADDRESS_SPACE, ExecutorError, check_address_space, check_computes


def test_a_process_that_computes_has_no_fault():
    assert proof.fault() == ""


@pytest.mark.parametrize(("index", "what"), [(1, "a product of a transposed matrix"), (2, "a convolution")])
def test_one_wrong_number_in_a_compiled_result_is_named(index, what, monkeypatch):
    compute = proof._compute

    def unwritten(*arrays):
        results = list(compute(*arrays))
        results[index] = results[index].at[(0,) * results[index].ndim].add(1)
        return tuple(results)

    monkeypatch.setattr(proof, "_compute", unwritten)
    assert proof.fault() == what
    with pytest.raises(ExecutorError, match=f"computes {what} wrongly"):
        check_computes(what, "1 x cpu: cpu")


def test_a_small_address_space_is_refused_with_the_amount_needed(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (ADDRESS_SPACE - 1, ADDRESS_SPACE))
    with pytest.raises(ExecutorError, match=f"ulimit -v {ADDRESS_SPACE // 1024}"):
        check_address_space()
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, ADDRESS_SPACE))
    check_address_space()


def test_a_worker_that_comes_near_its_limit_is_not_trusted():
    # 0x4000 is MAP_NORESERVE: addresses without memory behind them.
    script = (
        "import mmap, resource; from ganscape.sweep.proof import check_headroom;"
        "resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, 12 * 2**30)); check_headroom(); print('roomy');"
        "reserved = mmap.mmap(-1, 11 * 2**30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000); check_headroom()"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout == "roomy\n" and "MemoryError: this worker has used" in ran.stderr
