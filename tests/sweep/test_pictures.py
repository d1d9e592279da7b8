import numpy as np
import pytest
from PIL import Image

from sweep.pictures import save_grid


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 5, 9])
def test_every_image_stands_in_its_tile(tmp_path, channels, count):
    images = np.random.default_rng(0).integers(0, 256, (count, 4, 6, channels), dtype=np.uint8)
    save_grid(tmp_path / "new" / "grid.png", images)
    grid = np.asarray(Image.open(tmp_path / "new" / "grid.png")).reshape(-1, _width(count), channels)
    columns = int(np.ceil(np.sqrt(count)))
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        tile = grid[row * 5 : row * 5 + 4, column * 7 : column * 7 + 6]
        assert np.array_equal(tile, image)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["grid.png"]


def _width(count):
    return int(np.ceil(np.sqrt(count))) * 7 - 1
