"""Many images on disk: written as they come, whole or not at all."""

import errno
import shutil
import subprocess
import sys
import weakref

import numpy as np
import pytest

from ganscape.data.images import read_images
from ganscape.sweep.image_files import write_images

TARGETS = ("images.npz", "folder")


def chunks(count, sizes=(8, 8, 3)):
    """Chunks of 100 images; the number of each image is in its first pixels."""
    for start in range(0, count, 100):
        images = np.zeros((100, *sizes), np.uint8)
        images[:, 0, 0, 0], images[:, 0, 1, 0] = np.divmod(np.arange(start, start + 100), 256)
        yield images


def read(path):
    if path.suffix != ".npz":
        return read_images(path)
    with np.load(path) as file:
        return file["images"]


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_read_is_what_was_written_in_its_order(tmp_path, target):
    images = read(write_images(tmp_path / "new" / target, chunks(300), 300))
    assert np.array_equal(images, np.concatenate(list(chunks(300))))


@pytest.mark.parametrize("target", TARGETS)
def test_a_chunk_is_forgotten_before_the_one_after_the_next_is_made(tmp_path, target):
    made, most = [], 0

    def watched():
        nonlocal most
        for images in chunks(1000):
            made.append(weakref.ref(images))
            most = max(most, sum(reference() is not None for reference in made))
            yield images

    write_images(tmp_path / target, watched(), 1000)
    assert most <= 2 and len(made) == 10


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_what_ends_early_leaves_nothing(tmp_path, target, error):
    def ending():
        yield from chunks(200)
        raise error

    with pytest.raises(type(error)):
        write_images(tmp_path / target, ending(), 1000)
    assert not list(tmp_path.iterdir())


FULL = """
import sys
from pathlib import Path
import numpy as np
from ganscape.sweep.image_files import write_images
disk = Path(sys.argv[1])
chance = np.random.default_rng(0)
for name in ("images.npz", "folder"):
    try:
        write_images(disk / name, (chance.integers(0, 256, (100, 32, 32, 3), np.uint8) for _ in range(10)), 1000)
        raise SystemExit("a disk of 400 kB took 3 MB")
    except OSError as error:
        assert error.errno == 28, error
    assert not list(disk.iterdir()), name
"""


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path):
    script = f'mount -t tmpfs -o size=400k none {tmp_path} && exec "$0" "$@"'
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "sh", "-c", script, "true"]).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    command = ["unshare", "-m", "sh", "-c", script, sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
