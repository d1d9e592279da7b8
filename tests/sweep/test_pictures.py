import numpy as np
import pytest
from PIL import Image

from ganscape.sweep.pictures import save_grid


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("count", "columns"), [(1, 1), (5, 3), (9, 3), (3, 4)])
def test_every_image_stands_in_its_tile(tmp_path, channels, count, columns):
    images = np.random.default_rng(0).integers(0, 256, (count, 4, 6, channels), dtype=np.uint8)
    save_grid(tmp_path / "new" / "grid.png", images, columns)
    grid = np.asarray(Image.open(tmp_path / "new" / "grid.png")).reshape(-1, 7 * columns - 1, channels)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        tile = grid[row * 5 : row * 5 + 4, column * 7 : column * 7 + 6]
        assert np.array_equal(tile, image)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["grid.png"]
