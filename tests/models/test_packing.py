import numpy as np
import pytest

from ganscape.models.packing import pack_images

IMAGES = np.random.default_rng(0).uniform(0.0, 1.0, (12, 3, 4, 2)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_a_pack_is_consecutive_images_along_the_channels(count):
    packs = pack_images(IMAGES, count)
    expected = [np.concatenate(IMAGES[i : i + count], axis=-1) for i in range(0, 12, count)]
    np.testing.assert_array_equal(packs, np.stack(expected))
