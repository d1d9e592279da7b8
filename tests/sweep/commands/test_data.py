"""`ganscape data` on a small folder: what it prints, and that what it writes can be trained on."""

import numpy as np
import pytest
from PIL import Image

from ganscape.sweep import registration
from ganscape.sweep.plan import plan


@pytest.fixture
def photos(tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.random.default_rng(number).integers(256, size=(40, 36 + number % 2, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "photos" / "cats" / "torn.jpg").write_bytes(b"torn")
    return tmp_path / "photos"


def test_info_counts_pictures_sizes_classes_copies_and_what_is_left_out(ganscape, photos):
    told = " ".join(ganscape("data", "info", photos, "--size", 32, "--crop", "center").stdout.split())
    for words in ("pictures │ 21", "40x36 (10), 40x37 (10)", "RGB (20)", "cats (11), dogs (10)", "10, such as"):
        assert words in told
    assert "left out │ 1: " in told and "torn.jpg" in told


def test_prepared_pictures_can_be_trained_on_and_what_was_left_out_is_told(ganscape, photos, tmp_path):
    made = ganscape("data", "prepare", photos, "--to", tmp_path / "photos.npz", "--size", 32)
    assert made.exit_code == 0, made.output
    assert made.stdout.strip() == f"{tmp_path / 'photos.npz'}: 20 pictures of 32x32x3, 2 classes: cats, dogs"
    assert made.stderr.startswith("warning: left out 1: ") and "torn.jpg" in made.stderr
    planned = plan("equal/defaults", out=tmp_path / "out", data=tmp_path / "photos.npz", methods=["vae"])
    assert planned.protocol.label() == "kid_lite0, 4 samples against photos/test (4)"
    assert planned.workload.dataset.train.shape == (16, 32, 32, 3) and planned.workload.dataset.classes == 2


def test_info_of_a_data_set_by_name_counts_what_a_run_would_load(ganscape, refused, tmp_path):
    """Digits of scikit-learn, and a set of a module of the user's: 1,000 and 7 images, classes 0 and 2 of 3."""
    told = " ".join(ganscape("data", "info", "digits").stdout.split())
    assert "1,000 train, 797 test" in told and "8x8x1" in told and "10, with 9" in told
    (tmp_path / "mine_info.py").write_text(
        "import numpy as np\nimport ganscape\nfrom ganscape.data import Dataset, Source\n"
        "images, labels = np.zeros((1000, 8, 4, 3), np.uint8), np.repeat([0, 2], [400, 600])\n"
        "half = lambda root: Dataset('half', images, images[:7], labels, labels[:7])\n"
        "ganscape.register(data_sets={'half': Source(half, (8, 4, 3), 3, 'two of three classes')})\n"
    )
    told = " ".join(ganscape("data", "info", "half", "--import", tmp_path / "mine_info.py").stdout.split())
    for words in ("two of three classes", "1,000 train, 7 test", "8x4x3", "3, with 0 to 600 train images each"):
        assert words in told
    registration.unregister("mine_info")
    registration.CODE.pop("mine_info")
    refused(ganscape("data", "info", "half"), "unknown data set 'half'", "a folder of pictures")


def test_mistakes_are_told_in_one_line(ganscape, refused, photos, tmp_path):
    refused(ganscape("data", "info", tmp_path / "none"), "none")
    refused(ganscape("data", "info", photos, "--crop", "centre"), "unknown crop 'centre'", "did you mean 'center'")
    refused(ganscape("data", "prepare", photos, "--to", tmp_path / "a.png", "--size", 8), "a.png must end in .npy")
    refused(ganscape("data", "prepare", photos, "--to", tmp_path / "a.npy", "--size", 64), "none of 21 pictures")


def test_a_run_resizes_pictures_and_tells_what_it_left_out(ganscape, refused, photos, tmp_path):
    words = ["run", "equal/defaults", "--data", photos, "--resize", 32, "--data-root", tmp_path, "--methods", "vae"]
    words += ["--dry-run", "--set", "images=640", "--set", "interval=640", "--out", tmp_path / "out"]
    planned = ganscape(*words)
    assert planned.exit_code == 0, planned.output
    assert "20 pictures of 32x32x3, 2 classes: cats, dogs" in planned.stdout and "torn.jpg" in planned.stderr
    assert "kid_lite0, 4 samples against photos-32-" in planned.stdout
    refused(ganscape(*words[:5], 0, *words[6:]), "size=0 must be a positive number")
