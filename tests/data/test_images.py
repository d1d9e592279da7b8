import zipfile

import numpy as np
import pytest
from PIL import Image

from ganscape.data import DataError, images
from ganscape.data.images import read_images


def pixels(seed, *shape):
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def write(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "made"


def test_gray_pictures_have_one_channel_and_come_in_order_of_their_paths(folder):
    images = pixels(0, 4, 5, 7)
    for name, image in zip(["a/2.png", "b.PNG", "a/1.png", "c.png"], images, strict=True):
        write(folder / name, image)
    found = read_images(folder)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, images[[2, 0, 1, 3], :, :, None])


def test_coloured_pictures_have_three_and_lose_an_opaque_alpha(folder):
    images = pixels(1, 2, 5, 7, 3)
    write(folder / "1.png", images[0])
    write(folder / "2.png", np.dstack([images[1], np.full((5, 7), 255, np.uint8)]))
    np.testing.assert_array_equal(read_images(folder), images)


@pytest.mark.parametrize(("ending", "options"), [("bmp", {}), ("tif", {}), ("tiff", {}), ("webp", {"lossless": True})])
def test_lossless_pictures_of_other_formats_are_read_as_they_are(folder, ending, options):
    image = pixels(9, 6, 5, 3)
    write(folder / f"1.{ending}", image, **options)
    np.testing.assert_array_equal(read_images(folder), image[None])


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_pictures_are_turned_upright_by_their_exif_orientation(folder, orientation, turns):
    """By EXIF 2.3: 6 is stored turned a quarter to the left and shown turned to the right, 8 the other way round."""
    image, exif = pixels(9, 6, 5, 3), Image.Exif()
    exif[0x0112] = orientation
    write(folder / "1.png", image, exif=exif)
    np.testing.assert_array_equal(read_images(folder)[0], np.rot90(image, turns))


def test_a_file_of_several_pictures_is_refused_by_name(folder):
    pages = [Image.fromarray(pixels(seed, 4, 4)) for seed in (1, 2)]
    folder.mkdir(exist_ok=True)
    pages[0].save(folder / "1.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match=r"1\.tif: 2 pictures in one file"):
        read_images(folder)


def test_a_jpeg_is_read_too(folder):
    write(folder / "1.jpg", np.full((8, 8), 100, np.uint8), quality=95)
    write(folder / "2.jpeg", np.full((8, 8), 200, np.uint8), quality=95)
    np.testing.assert_allclose(read_images(folder)[:, 3, 3, 0], [100, 200], atol=2)


def test_palettes_and_bits_become_bytes(folder):
    levels = pixels(2, 6, 6, 3) // 64 * 64
    folder.mkdir()
    Image.fromarray(levels).quantize(256, dither=Image.Dither.NONE).save(folder / "1.png")
    np.testing.assert_allclose(read_images(folder)[0].astype(int), levels, atol=8)
    bits = pixels(3, 6, 6) > 127
    Image.fromarray(bits).save(folder / "1.png")
    np.testing.assert_array_equal(read_images(folder)[0, :, :, 0], bits * 255)


def test_other_and_hidden_files_are_passed_over(folder):
    write(folder / "1.png", pixels(4, 5, 5))
    write(folder / ".checkpoints" / "2.png", pixels(4, 9, 9))
    (folder / "._1.png").write_bytes(b"")
    (folder / "readme.txt").write_text("text")
    assert read_images(folder).shape == (1, 5, 5, 1)


def test_a_single_picture_is_one_image(tmp_path):
    write(tmp_path / "1.png", pixels(5, 5, 6, 3))
    assert read_images(str(tmp_path / "1.png")).shape == (1, 5, 6, 3)


def test_bytes_of_an_array_are_kept(tmp_path):
    images = pixels(6, 4, 5, 6, 3)
    np.save(tmp_path / "a.npy", images)
    np.testing.assert_array_equal(read_images(tmp_path / "a.npy"), images)
    np.save(tmp_path / "b.npy", images[..., 0])
    np.testing.assert_array_equal(read_images(tmp_path / "b.npy"), images[..., :1])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_large_array_is_mapped_and_not_read_into_memory(tmp_path, dtype):
    images = pixels(3, 3000, 5, 7) if dtype == np.uint8 else pixels(3, 3000, 5, 7).astype(np.float32) / np.float32(255)
    np.save(tmp_path / "a.npy", images)
    mapped = read_images(tmp_path / "a.npy")
    assert isinstance(mapped, np.memmap) and not mapped.flags.writeable
    np.testing.assert_array_equal(mapped, images[..., None])


def test_the_last_of_many_floats_is_looked_at(tmp_path):
    images = np.zeros((3000, 2, 2), np.float32)
    images[-1, 0, 0] = 2.0
    np.save(tmp_path / "a.npy", images)
    with pytest.raises(DataError, match="floats from 0 to 2"):
        read_images(tmp_path / "a.npy")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_kept_as_float32_and_round_off_is_cut(tmp_path, dtype):
    images = np.linspace(0, 1, 48).reshape(4, 3, 4, 1).astype(dtype)
    np.save(tmp_path / "a.npy", images)
    found = read_images(tmp_path / "a.npy")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, images.astype(np.float32))
    np.save(tmp_path / "a.npy", np.array([[[-1e-7, 1 + 1e-7]]]))
    assert list(read_images(tmp_path / "a.npy").ravel()) == [0, 1]


def test_an_archive_gives_the_array_of_images(tmp_path):
    images, labels = pixels(7, 4, 5, 6, 1), np.arange(4)
    for arrays in ({"images": images, "labels": labels}, {"arr_0": images, "arr_1": labels}, {"x": images}):
        np.savez_compressed(tmp_path / "a.npz", **arrays)
        np.testing.assert_array_equal(read_images(tmp_path / "a.npz"), images)


def saved(name, array):
    return lambda folder: np.save(folder / name, array)


def archive(**arrays):
    return lambda folder: np.savez(folder / "a.npz", **arrays)


def two_sizes(folder):
    write(folder / "1.png", pixels(8, 5, 5))
    write(folder / "2.png", pixels(8, 5, 6))


def truncated(folder):
    write(folder / "1.png", pixels(8, 50, 50))
    whole = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(whole[: len(whole) // 2])


def text(name):
    return lambda folder: (folder / name).write_text("not what the name says")


def damaged_archive(folder):
    np.savez_compressed(folder / "a.npz", images=pixels(9, 4, 50, 50))
    with zipfile.ZipFile(folder / "a.npz") as file:
        start = file.infolist()[0].header_offset + 200
    content = bytearray((folder / "a.npz").read_bytes())
    content[start : start + 400] = bytes(400)
    (folder / "a.npz").write_bytes(content)


def announced(folder):
    """An archive of one array that says it holds terabytes."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**9, 64, 64, 3)}
    with zipfile.ZipFile(folder / "a.npz", "w") as file, file.open("images.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, header)


REFUSED = {
    "empty folder": (lambda folder: None, ".", "no pictures in .*png"),
    "missing": (lambda folder: None, "b", "no images at .*/b: there is no such"),
    "other suffix": (text("a.txt"), "a.txt", "a.txt is no folder of pictures and none of: .npy, .npz"),
    "two sizes": (two_sizes, ".", "two sizes: .*1.png is 5x5x1, .*2.png is 5x6x1"),
    "truncated": (truncated, ".", "1.png: not a picture that can be read"),
    "no picture": (text("1.jpg"), ".", "1.jpg: not a picture that can be read"),
    "transparent": (lambda f: write(f / "1.png", pixels(8, 5, 5, 4)), ".", "1.png: some pixels are transparent"),
    "32 bits": (lambda f: write(f / "1.tif", pixels(8, 5, 5).astype(np.float32)), ".", "mode 'F'; 8 bits"),
    "no array": (text("a.npy"), "a.npy", "a.npy: not an array that can be read without unpickling"),
    "no archive": (text("a.npz"), "a.npz", "a.npz: not an array that can be read"),
    "no content": (lambda f: (f / "a.npy").write_bytes(b""), "a.npy", "a.npy: not an array"),
    "damaged": (damaged_archive, "a.npz", "a.npz: not an array that can be read"),
    "announced": (announced, "a.npz", "a.npz: not an array .*Unable to allocate"),
    "pickled": (saved("a.npy", np.array([{}, None])), "a.npy", "a.npy: not an array .* unpickling"),
    "pickled inside": (archive(images=np.array([{}, None])), "a.npz", "a.npz: not an array .* unpickling"),
    "no name": (archive(x=pixels(8, 2, 3, 3), y=pixels(8, 2, 3, 3)), "a.npz", "holds arrays x, y; one must be called"),
    "one image": (saved("a.npy", pixels(8, 5, 5)), "a.npy", r"shape \(5, 5\); expected \[n, height, width\]"),
    "channels first": (saved("a.npy", pixels(8, 2, 3, 5, 5)), "a.npy", r"3, 5, 5\).* move the channels to the end"),
    "two channels of an array": (saved("a.npy", pixels(8, 2, 5, 5, 2)), "a.npy", "with 1 or 3 channels$"),
    "no images": (saved("a.npy", pixels(8, 0, 5, 5, 1)), "a.npy", "holds no images"),
    "integers": (saved("a.npy", np.zeros((2, 5, 5), int)), "a.npy", "type int64; expected uint8 0..255 or floats"),
    "truths": (saved("a.npy", np.zeros((2, 5, 5), bool)), "a.npy", "type bool"),
    "zeros and ones": (saved("a.npy", np.eye(5, dtype=np.uint8)[None]), "a.npy", "all 0 or 1; expected 0..255"),
    "bytes as floats": (saved("a.npy", np.full((2, 5, 5), 255.0)), "a.npy", "from 255 to 255; .* did you mean x / 255"),
    "around zero": (saved("a.npy", np.linspace(-1, 1, 50).reshape(2, 5, 5)), "a.npy", r"-1 to 1.*\(x \+ 1\) / 2"),
    "nan": (saved("a.npy", np.full((1, 2, 2), np.nan)), "a.npy", "4 of 4 values are not finite"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_images_is_refused_in_one_line(folder, case):
    prepare, name, message = REFUSED[case]
    folder.mkdir()
    prepare(folder)
    with pytest.raises(DataError, match=message) as caught:
        read_images(folder / name)
    assert "made" in str(caught.value)


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.save(tmp_path / "a.npy", np.array([Trap()]), allow_pickle=True)
    with pytest.raises(DataError):
        read_images(tmp_path / "a.npy")
    assert not (tmp_path / "sprung").exists()


def test_an_archive_that_unpacks_to_far_more_than_images_do_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_BYTES", 2**16)
    np.savez_compressed(tmp_path / "bomb.npz", images=np.zeros((100, 32, 32, 3), np.uint8))
    with pytest.raises(DataError, match=r"bomb.npz: images.npy is [\d,]+ bytes that unpack to 307,328: a decomp"):
        read_images(tmp_path / "bomb.npz")
    noise = pixels(0, 100, 32, 32, 3)
    np.savez_compressed(tmp_path / "noise.npz", images=noise)
    np.testing.assert_array_equal(read_images(tmp_path / "noise.npz"), noise)
