from types import SimpleNamespace

import jax
import numpy as np
import pytest

from ganscape.models.instance_noise import INSTANCE_NOISES

CONFIG = SimpleNamespace(noise_std=0.4, noise_images=1000.0)
# The deviation after 0, 250, 500, 1000, 2000 and 10^9 real images.
SEEN = np.array([0, 250, 500, 1000, 2000, 10**9], np.int32)
KNOWN = {
    "none": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    "constant": [0.4, 0.4, 0.4, 0.4, 0.4, 0.4],
    "linear": [0.4, 0.3, 0.2, 0.0, 0.0, 0.0],
    "exponential": [0.4, 0.4 * 0.5**0.25, 0.4 * 0.5**0.5, 0.2, 0.1, 0.0],
}


@pytest.mark.parametrize("name", INSTANCE_NOISES)
def test_deviations_by_hand(name):
    deviations = [INSTANCE_NOISES[name](CONFIG, seen) for seen in SEEN]
    assert all(deviation.shape == () for deviation in deviations)
    np.testing.assert_allclose(deviations, KNOWN[name], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", INSTANCE_NOISES)
def test_everything_can_be_traced(name):
    @jax.jit
    def deviation(std, images, seen):
        return INSTANCE_NOISES[name](SimpleNamespace(noise_std=std, noise_images=images), seen)

    for seen, expected in zip(SEEN, KNOWN[name], strict=True):
        np.testing.assert_allclose(deviation(0.8, 1000.0, seen), 2.0 * expected, rtol=1e-6, atol=1e-12)
    assert deviation._cache_size() == 1
