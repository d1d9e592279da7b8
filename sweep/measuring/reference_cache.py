"""Features of reference images, kept on disk: encoding them takes longer than anything else before the first score.

A file is named after a hash of the images, which are those of a data set's split, of their number, of the encoder with
its weights and preprocessing, and of what computes: the last bits of features depend on that, and scores are to be
equal whoever made the file. It is whole or absent, holds its own hash, and one that is damaged is made again.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

import jax
import numpy as np

from ganscape.data.dataset import array_hash
from ganscape.files import replacing
from ganscape.metrics.encoders import Encoder
from ganscape.sweep.measuring.evaluation import encode_images

VERSION = 1  # of the files; raise it when features change though names and weights do not
CHEAP = ("pixels",)  # encoders of which nothing is kept


def folder() -> Path | None:
    """$GANSCAPE_CACHE, else ~/.cache/ganscape, of that the folder `references`; None if there is no home."""
    try:
        return Path(os.environ.get("GANSCAPE_CACHE") or "~/.cache/ganscape").expanduser() / "references"
    except RuntimeError:
        return None


def reference_features(encoder: Encoder, images: np.ndarray) -> np.ndarray:
    """Features [n, dimension], float32, of images as `encode_images` takes them: from the file if there is one."""
    place = folder()
    if place is None or encoder.name in CHEAP:
        return encode_images(encoder, images)
    path = place / f"{key(encoder, images)}.npz"
    found = _read(path, (len(images), encoder.dimension))
    if found is None:
        found = encode_images(encoder, images)
        _write(path, found)
    return found


def key(encoder: Encoder, images: np.ndarray) -> str:
    """32 hexadecimal digits that depend on everything that the features depend on."""
    facts = [VERSION, array_hash(images), len(images), encoder.name, encoder.weights, encoder.preprocessing]
    facts += [jax.__version__, jax.default_backend(), os.environ.get("XLA_FLAGS", "")]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _read(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """What the file holds, None if it is absent or not what was written."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            features, written = archive["features"], str(archive["sha256"])
    except Exception:  # zip, zlib, struct, numpy: damage shows in a dozen types
        return None
    sound = features.shape == shape and features.dtype == np.float32 and array_hash(features) == written
    return features if sound else None


def _write(path: Path, features: np.ndarray) -> None:
    """A cache that cannot be written costs time, nothing else."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            np.savez(file, features=features, sha256=np.array(array_hash(features)))
