"""How large what a user writes may be: one table of limits, each with its reason, and the checks against them.

A limit is far beyond every published study; what lies above it is a slip of the hand that would fill a memory or a
disk, or never end.
"""

from pathlib import Path
from typing import NamedTuple

from ganscape.errors import UserError, shown


class Limit(NamedTuple):
    """The largest value, and why there is none beyond it."""

    value: int
    reason: str


LIMITS = {
    "images": Limit(2 * 10**9, "training cycles are counted in 32 bits"),
    "interval": Limit(2 * 10**9, "training cycles are counted in 32 bits"),
    "samples": Limit(10**6, "the features of all samples are in memory at once"),
    "rungs": Limit(10_000, "each has a row and a picture per trial"),
    "trials": Limit(10**6, "each has rows in the store, and at a second each they would take"),
    "configs": Limit(10**6, "the configs of a method are drawn before it starts"),
    "rounds": Limit(10**5, "each fits its searcher anew"),
    "seeds": Limit(10**5, "each is a trial of every config"),
    "confirm": Limit(10**5, "each is a trial of the best config"),
    "seed": Limit(2**63 - 1, "it is stored in 64 bits"),
    "lanes": Limit(1024, "each holds a whole model on the device"),
    "workers": Limit(4096, "each is a process"),
    "amount": Limit(2**20, "no machine has as many cores, devices or other resources"),
    "repeats": Limit(10**5, "each scores a draw of images"),
    "field": Limit(2**20, "it is the size of an axis of arrays"),
    "number": Limit(10**12, "float32 has no use for larger ones"),
    "study file": Limit(2**20, "bytes; a study is a page of text"),
}


def check_size(name: str, value: int, error: type[ValueError] = UserError, label: str | None = None) -> None:
    """Raises `error` if a value is beyond the limit of this name. label: its name, if it is
    another."""
    limit = LIMITS[name]
    if value > limit.value:
        raise error(f"{label or name}={shown(value)} is more than {limit.value:,}: {limit.reason}")


def check_path(option: str, path: str | Path, error: type[ValueError] = UserError) -> None:
    """Raises `error` for what cannot be meant as a path: nothing, control characters, text that is not UTF-8, and the
    words that other programs print for no value, unless there is such a folder."""
    text = str(path)
    what = ""
    if not text.strip():
        what = "is empty"
    elif any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        what = "holds control characters"
    elif any(0xD800 <= ord(letter) < 0xE000 for letter in text):
        what = "is not UTF-8"
    elif text.lower() in ("null", "none", "nan", "inf", "undefined", "true", "false") and not Path(text).exists():
        what = "is no path"
    if what:
        raise error(f"{option} {text.encode(errors='backslashreplace').decode()!r} {what}; name a file or folder")
