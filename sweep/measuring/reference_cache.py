"""Features of reference images, kept on disk: encoding them takes longer than anything else before the first score.

A file is named after a hash of the images, which are those of a data set's split, of their number, of the encoder with
its weights and preprocessing, and of what computes: the last bits of features depend on that, and scores are to be
equal whoever made the file. It is whole or absent, holds its own hash, and one that is damaged is made again.
"""

import hashlib
import json
import os
from pathlib import Path

import jax
import numpy as np

from ganscape.data.dataset import array_hash
from ganscape.environment import check_platforms
from ganscape.files import keeping, replacing
from ganscape.metrics.encoders import Encoder
from ganscape.sweep.measuring.evaluation import encode_images

VERSION = 1  # of the files; raise it when features change though names and weights do not
CHEAP = ("pixels",)  # encoders of which nothing is kept


def cache_folder() -> Path | None:
    """Returns `references/` in $GANSCAPE_CACHE, else in ~/.cache/ganscape; None if there is no home."""
    try:
        return Path(os.environ.get("GANSCAPE_CACHE") or "~/.cache/ganscape").expanduser() / "references"
    except RuntimeError:
        return None


def reference_features(encoder: Encoder, images: np.ndarray) -> np.ndarray:
    """Returns what `encode_images` does, features [n, dimension], float32: from the cache if they are there, else
    computed and kept."""
    cache = cache_folder()
    if cache is None or encoder.name in CHEAP:
        return encode_images(encoder, images)
    path = cache / f"{cache_key(encoder, images)}.npz"
    features = _read(path, (len(images), encoder.dimension))
    if features is None:
        features = encode_images(encoder, images)
        _write(path, features)
    return features


def cache_key(encoder: Encoder, images: np.ndarray) -> str:
    """Returns 32 hexadecimal digits that depend on everything that the features depend on."""
    check_platforms()
    facts = [VERSION, array_hash(images), len(images), encoder.name, encoder.weights, encoder.preprocessing]
    facts += [jax.__version__, jax.default_backend(), os.environ.get("XLA_FLAGS", "")]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _read(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Returns the features in a file, None if it is absent or damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            features, written = archive["features"], str(archive["sha256"])
    except Exception:  # zip, zlib, struct, numpy: damage shows in a dozen types
        return None
    sound = features.shape == shape and features.dtype == np.float32 and array_hash(features) == written
    return features if sound else None


def _write(path: Path, features: np.ndarray) -> None:
    """Writes the features if possible: without them the next sweep takes longer, nothing else."""
    with keeping("features of reference images", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            np.savez(file, features=features, sha256=np.array(array_hash(features)))
