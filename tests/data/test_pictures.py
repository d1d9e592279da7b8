"""One picture at a time: what is always done to it, what only if asked, and what is refused by name."""

import numpy as np
import pytest
from PIL import Image

from ganscape.data import DataError
from ganscape.data.pictures import Rules, check_rules, read_picture


def random(seed, *shape):
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


@pytest.fixture
def save(tmp_path):
    """(picture, ending) -> the file that it was saved to."""

    def write(picture, ending="png", **options):
        path = tmp_path / f"picture.{ending}"
        picture.save(path, **options)
        return path

    return write


def test_sixteen_bits_are_scaled_so_that_65535_is_white(save):
    levels = np.array([[0, 128, 257], [32_896, 65_400, 65_535]], np.uint16)
    assert read_picture(save(Image.fromarray(levels)))[..., 0].tolist() == [[0, 0, 1], [128, 254, 255]]


def test_cmyk_becomes_rgb(save):
    """Ink of full strength: cyan, magenta, none, black."""
    inks = np.array([[[255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    picture = save(Image.fromarray(inks, "CMYK"), "tif")
    assert read_picture(picture).tolist() == [[[0, 255, 255], [255, 0, 255], [255, 255, 255], [0, 0, 0]]]


def test_of_a_jpeg_with_a_second_view_the_first_is_taken(save, tmp_path):
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    file = save(first, "mpo", save_all=True, append_images=[second]).rename(tmp_path / "camera.jpg")
    np.testing.assert_allclose(read_picture(file), np.full((16, 16, 3), (255, 0, 0)), atol=2)
    animation = save(first, "gif", save_all=True, append_images=[second]).rename(tmp_path / "moving.png")
    with pytest.raises(DataError, match=r"moving.png: 2 pictures in one file"):
        read_picture(animation)


def test_transparent_pixels_are_refused_or_painted_on_a_background(save):
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8)
    file = save(Image.fromarray(pixels))
    with pytest.raises(DataError, match=r"picture.png: some pixels are transparent; .* --background white"):
        read_picture(file)
    white = read_picture(file, Rules(background="white"))
    assert white[0, :2].tolist() == [[10, 20, 30], [255, 255, 255]]
    assert white[0, 2].tolist() == pytest.approx([127] * 3, abs=1)
    assert read_picture(file, Rules(background="#102030"))[0, 1].tolist() == [16, 32, 48]


def test_colour_and_gray_are_as_in_the_file_unless_asked(save):
    coloured = save(Image.fromarray(random(0, 4, 5, 3)), "bmp")
    gray = save(Image.fromarray(random(1, 4, 5)))
    assert read_picture(coloured).shape == (4, 5, 3) and read_picture(gray).shape == (4, 5, 1)
    assert np.ptp(read_picture(gray, Rules(colour="rgb")), axis=2).max() == 0
    luma = random(0, 4, 5, 3) @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(read_picture(coloured, Rules(colour="gray"))[..., 0], luma, atol=1)


@pytest.mark.parametrize(("height", "width", "rows", "columns"), [(4, 7, (0, 4), (1, 5)), (9, 5, (2, 7), (0, 5))])
def test_a_crop_takes_the_largest_square_in_the_middle(save, height, width, rows, columns):
    image = random(2, height, width, 3)
    cropped = read_picture(save(Image.fromarray(image)), Rules(crop="center"))
    np.testing.assert_array_equal(cropped, image[slice(*rows), slice(*columns)])


def test_a_resize_has_no_aliases(save):
    """Stripes of one pixel are gray at a quarter of the size: every fourth pixel alone would be black or white."""
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    small = read_picture(save(Image.fromarray(stripes)), Rules(size=16))
    assert small.shape == (16, 16, 1)
    np.testing.assert_allclose(small[:, 3:-3], 127.5, atol=3)


def test_a_resize_is_that_of_pillow_in_floats_rounded_at_the_end(save):
    """Pillow's own resize of bytes rounds after each of two passes: at most two levels away."""
    image = random(3, 40, 40, 3)
    ours = read_picture(save(Image.fromarray(image)), Rules(size=16))
    theirs = np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.LANCZOS))
    np.testing.assert_allclose(ours.astype(int), theirs.astype(int), atol=2)


def test_a_picture_that_fits_is_left_alone(save):
    image = random(4, 6, 6, 3)
    np.testing.assert_array_equal(read_picture(save(Image.fromarray(image)), Rules(size=6, crop="center")), image)


@pytest.mark.parametrize(
    ("shape", "rules", "message"),
    [
        ((4, 6), Rules(size=4), "4x6 is no square to be resized; take --crop center"),
        ((5, 6), Rules(size=8, crop="center"), "5x5 is smaller than 8x8"),
    ],
)
def test_what_the_rules_do_not_provide_for_is_refused_by_name(save, shape, rules, message):
    with pytest.raises(DataError, match=f"picture.png: {message}"):
        read_picture(save(Image.fromarray(random(5, *shape))), rules)


def test_a_decompression_bomb_is_refused_by_its_header(save, monkeypatch):
    file = save(Image.fromarray(random(6, 20, 20)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    with pytest.raises(DataError, match=r"picture.png: not a picture that can be read .*decompression bomb"):
        read_picture(file)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (Rules(crop="centre"), r"unknown crop 'centre' \(did you mean 'center'\?\)"),
        (Rules(size=0), "size=0 must be a positive number of pixels"),
        (Rules(colour="grey"), r"unknown colour 'grey' \(did you mean 'gray'\?\)"),
        (Rules(background="whit"), "background 'whit' is no colour"),
    ],
)
def test_rules_that_do_not_exist_are_refused(rules, message):
    with pytest.raises(DataError, match=message):
        check_rules(rules)
