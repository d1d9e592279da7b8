"""One picture file as an array, by stated rules: which pictures are taken, and what is done to them.

Always: turned upright as the EXIF orientation says; of a camera's JPEG that holds further pictures (MPO: previews,
second views) the first; palettes, CMYK and YCbCr become RGB as Pillow converts them; bits become 0 and 255; 16 bits of
gray become 8, where 65,535 is white. Only if asked (`Rules`): cropped, resized, made gray or coloured, transparency
painted over. All else is refused with the file's name.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from ganscape.data.dataset import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
CROPS = ("none", "center")
COLOURS = {"gray": 1, "rgb": 3}
SIXTEEN_BITS = ("I;16", "I;16B", "I;16L")


class Rules(NamedTuple):
    """What is done to a picture so that all of a set are alike.

    size: the side of the square that it is resized to, by Lanczos filter with antialiasing in floats (Parmar et al.
      2022, https://arxiv.org/abs/2104.11222, on why); pictures that are smaller are refused. None: as it is.
    crop: "center", the largest square in the middle; or "none".
    colour: "gray" (the luma of ITU-R 601) or "rgb"; None: as it is.
    background: a colour, by name or #rrggbb, under transparent pixels; None: transparent pixels are refused.
    """

    size: int | None = None
    crop: str = "none"
    colour: str | None = None
    background: str | None = None

    def describe(self) -> str:
        """Returns the rules in words, "nothing" where pictures stay as they are."""
        words = [
            "the centre square" if self.crop == "center" else "",
            f"resized to {self.size}x{self.size} (Lanczos)" if self.size else "",
            self.colour or "",
            f"on {self.background}" if self.background else "",
        ]
        return ", ".join(filter(None, words)) or "nothing"


def check_rules(rules: Rules) -> None:
    """Raises DataError for a size, crop, colour or background that does not exist."""
    from PIL import ImageColor

    from ganscape.errors import check_name

    check_name("crop", rules.crop, CROPS, DataError)
    if rules.colour is not None:
        check_name("colour", rules.colour, COLOURS, DataError)
    if rules.size is not None and rules.size < 1:
        raise DataError(f"size={rules.size} must be a positive number of pixels")
    if rules.background is not None:
        try:
            ImageColor.getrgb(rules.background)
        except ValueError:
            raise DataError(f"background {rules.background!r} is no colour, such as white or #ffffff") from None


AS_IT_IS = Rules()


def read_picture(file: Path, rules: Rules = AS_IT_IS) -> np.ndarray:
    """Returns the picture in a file, uint8 [height, width, 1 or 3].

    Raises DataError naming the file if it cannot be read, or the rules do not say what to do with it.
    """
    return decode_picture(file, str(file), rules)


@contextmanager
def open_picture(source: Path | IO[bytes]) -> Iterator["Picture"]:
    """Yields a picture whose size and mode are known and whose pixels are read when they are used.

    Damaged metadata is ignored; a picture of very many pixels (a decompression bomb) raises Pillow's warning as error.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(source) as picture:
            yield picture


def decode_picture(source: Path | IO[bytes], name: str, rules: Rules = AS_IT_IS) -> np.ndarray:
    """Returns the picture in a file or stream as `read_picture` does; messages call it `name`."""
    from PIL import ImageOps

    try:
        with open_picture(source) as opened:
            frames = getattr(opened, "n_frames", 1)
            if frames > 1 and opened.format != "MPO":
                raise DataError(f"{name}: {frames} pictures in one file; save each in a file of its own")
            upright = ImageOps.exif_transpose(opened)
            upright.load()
            picture = _plain(upright, name, rules)
    except DataError:
        raise
    except Exception as error:  # each format of Pillow shows damage in types of its own
        raise DataError(f"{name}: not a picture that can be read ({error})") from error
    array = _resized(_cropped(picture, rules), name, rules)
    return array.reshape(*array.shape[:2], -1)


def _plain(picture: "Picture", name: str, rules: Rules) -> "Picture":
    """Returns the picture as 8-bit gray or RGB without transparency."""
    from PIL import Image

    if picture.mode in SIXTEEN_BITS:
        levels = np.asarray(picture).astype(np.float32) * (255 / 65_535)
        picture = Image.fromarray(np.round(levels).astype(np.uint8))
    if picture.mode not in ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr"):
        raise DataError(f"{name}: pixels of Pillow mode {picture.mode!r}; 8 bits per channel, or 16 of gray, expected")
    gray = picture.mode in ("1", "L", "LA")
    if picture.has_transparency_data:
        picture = _opaque(picture.convert("RGBA"), name, rules)
    wanted = {"gray": "L", "rgb": "RGB", None: "L" if gray else "RGB"}[rules.colour]
    return picture.convert(wanted)


def _opaque(picture: "Picture", name: str, rules: Rules) -> "Picture":
    from PIL import Image

    if rules.background is not None:
        behind = Image.new("RGBA", picture.size, rules.background)
        return Image.alpha_composite(behind, picture).convert("RGB")
    if min(picture.getchannel("A").tobytes()) < 255:
        raise DataError(
            f"{name}: some pixels are transparent; paint them on a background "
            "(`ganscape data prepare --background white`)"
        )
    return picture.convert("RGB")


def _cropped(picture: "Picture", rules: Rules) -> "Picture":
    if rules.crop == "none":
        return picture
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    return picture.crop((left, top, left + side, top + side))


def _resized(picture: "Picture", name: str, rules: Rules) -> np.ndarray:
    """Returns the picture's values, resized channel by channel in floats, which are rounded once, at the end."""
    from PIL import Image

    array, size = np.asarray(picture), rules.size
    if size is None or picture.size == (size, size):
        return array
    width, height = picture.size
    if width != height:
        raise DataError(f"{name}: {height}x{width} is no square to be resized; take --crop center")
    if width < size:
        raise DataError(f"{name}: {height}x{width} is smaller than {size}x{size}")
    channels = [
        Image.fromarray(plane.astype(np.float32)).resize((size, size), Image.Resampling.LANCZOS)
        for plane in np.atleast_3d(array).transpose(2, 0, 1)
    ]
    return np.round(np.clip(np.stack([np.asarray(channel) for channel in channels], axis=-1), 0, 255)).astype(np.uint8)
