"""Python's collector of garbage is paused where many objects are made, and nowhere else."""

import gc

import pytest

from ganscape.garbage import uncollected


def test_the_collector_is_off_in_the_block_and_on_after_it_even_if_it_fails():
    with pytest.raises(RuntimeError), uncollected():
        assert not gc.isenabled()
        raise RuntimeError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
