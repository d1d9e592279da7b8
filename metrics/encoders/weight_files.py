"""Finds, reads and identifies weights that do not ship with the package.

Nothing is downloaded, and no code in a file is run. A .pth file must have the sha256 of the published one. Files of
other kinds hold the same tensors under the same names. Protocols record the sha256 of the tensors, which does not
depend on the kind of file.
"""

import json
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.numpy

from ganscape.files import replacing
from ganscape.metrics.encoders import torch_file
from ganscape.metrics.encoders.encoder import shape_text
from ganscape.metrics.errors import MetricError

Tensors = dict[str, np.ndarray]

TORCH = (".pth", ".pt")
SUFFIXES = (*TORCH, ".npz", ".safetensors")
COUNTERS = "num_batches_tracked"  # PyTorch's counters of batches in batch normalizations, which are no weights


def keep_names(tensors: Tensors) -> Tensors:
    """Returns the tensors as they are: those of all published files have the network's own names."""
    return tensors


class Network(NamedTuple):
    """A network with published weights."""

    name: str
    shapes: Mapping[str, tuple[int, ...]]  # of every tensor, as PyTorch stores it
    files: tuple[str, ...]  # names under which the weights are published, all with the same content
    sha256: str  # of such a file; "" if it is not known, and then any .pth file with these tensors is taken
    url: str
    rename: Callable[[Tensors], Tensors] = keep_names  # names of other publications -> those of `shapes`


class File(NamedTuple):
    """The contents of a weights file."""

    tensors: Tensors  # float32
    sha256: str  # of the tensors
    file_sha256: str
    card: dict[str, str]  # what a converted file says of its origin; empty for others


def weights_folder() -> Path:
    """Returns $GANSCAPE_WEIGHTS, else ~/.cache/ganscape/weights. Raises MetricError if there is no home for the `~`."""
    path = Path(os.environ.get("GANSCAPE_WEIGHTS") or "~/.cache/ganscape/weights")
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise MetricError(f"weights folder {path}: {error} Give a path without ~.") from error


def find_weights(network: Network) -> Path:
    """Returns the file with the weights of a network: the first of NAME.safetensors, NAME.npz and the published name.

    Raises MetricError, saying where to get it and where to put it, if there is none.
    """
    folder = weights_folder()
    for name in (f"{network.name}.safetensors", f"{network.name}.npz", *network.files):
        if (folder / name).is_file():
            return folder / name
    raise MetricError(
        f"{network.name} needs weights that do not ship with Ganscape: get {network.files[0]} from {network.url} "
        f"and put it in {folder} or set GANSCAPE_WEIGHTS to its folder"
    )


def load_weights(network: Network) -> File:
    """Returns the weights of a network from the file that `find_weights` finds.

    Raises MetricError if there is none, it does not hold this network, or a .pth file is not the published one.
    """
    path = find_weights(network)
    state = path.stat()
    file = _read_once(path, state.st_mtime_ns, state.st_size)
    if path.suffix in TORCH and network.sha256 and file.file_sha256 != network.sha256:
        raise MetricError(
            f"{path} is not the published file of {network.name}: sha256 {file.file_sha256}, not {network.sha256}"
        )
    file = in_own_names(network, file)
    check_tensors(network, path, file.tensors)
    return file


def in_own_names(network: Network, file: File) -> File:
    """Returns the file with its tensors by the network's names, of whichever publication it is."""
    tensors = network.rename(file.tensors)
    return (
        file if tensors.keys() == file.tensors.keys() else file._replace(tensors=tensors, sha256=fingerprint(tensors))
    )


def read_weights(path: Path) -> File:
    """Returns the contents of a weights file: .pth or .pt as torch.save writes it, .npz, or .safetensors.

    Raises MetricError for another kind of file, one that is damaged or asks for code to be run, or tensors that are not
    floats.
    """
    if path.suffix not in SUFFIXES:
        raise MetricError(f"{path} is no weights file; its name must end in one of: {', '.join(SUFFIXES)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MetricError(f"weights {path}: {error.strerror}") from None
    arrays, card = _arrays(path, content)
    tensors = _floats(path, arrays)
    file = File(tensors, fingerprint(tensors), sha256(content).hexdigest(), card)
    expected = card.get("tensors_sha256", file.sha256)
    if file.sha256 != expected:
        raise MetricError(f"weights {path} are damaged: sha256 {file.sha256} of the tensors, not {expected}")
    return file


def save_weights(path: Path, tensors: Tensors, card: Mapping[str, str]) -> None:
    """Writes tensors to a .safetensors file, atomically, with a card that holds the sha256 of the tensors."""
    text = json.dumps({**card, "tensors_sha256": fingerprint(tensors)}, sort_keys=True)
    try:
        with replacing(path) as file:
            file.write(safetensors.numpy.save(tensors, metadata={"card": text}))
    except OSError as error:
        raise MetricError(f"cannot write {path}: {error.strerror}") from None


def check_tensors(network: Network, path: Path, tensors: Tensors) -> None:
    """Raises MetricError naming tensors that are missing, not of this network, or of another shape."""
    missing = [name for name in network.shapes if name not in tensors]
    foreign = [name for name in tensors if name not in network.shapes]
    for names, words in ((missing, "lacks"), (foreign, f"is not {network.name}, which has no")):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise MetricError(f"{path} {words} {', '.join(names[:3])}{more}")
    for name, shape in network.shapes.items():
        actual = tensors[name].shape
        if actual != shape:
            raise MetricError(f"{path}: {name} is {shape_text(actual)}, not {shape_text(shape)} as in {network.name}")


def fingerprint(tensors: Mapping[str, np.ndarray]) -> str:
    """Returns the sha256 of names, shapes and little-endian float32 values, in the order of the names."""
    digest = sha256()
    for name in sorted(tensors):
        values = np.ascontiguousarray(tensors[name], "<f4")
        digest.update(f"{name} {shape_text(values.shape)}\n".encode())
        digest.update(values.data)
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _read_once(path: Path, modified: int, size: int) -> File:
    """Reads a file once for the encoders that share it, and again when it changes."""
    return read_weights(path)


def _arrays(path: Path, content: bytes) -> tuple[Tensors, dict[str, str]]:
    """Returns the arrays of a file, as they are stored, and its card."""
    if path.suffix in TORCH:
        return torch_file.read_state_dict(path), {}
    try:
        if path.suffix == ".npz":
            with np.load(BytesIO(content), allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}, {}
        size = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + size]).get("__metadata__", {})
        return safetensors.numpy.load(content), json.loads(metadata.get("card", "{}"))
    except Exception as error:  # zip, zlib, json, numpy, safetensors: damage shows in a dozen types
        raise MetricError(f"{path}: arrays that cannot be read ({error})") from None


def _floats(path: Path, arrays: Tensors) -> Tensors:
    kept = {name: array for name, array in arrays.items() if name.rpartition(".")[2] != COUNTERS}
    for name, array in kept.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":  # NumPy returns what is no array as bytes
            kind = getattr(array, "dtype", type(array).__name__)
            raise MetricError(f"{path}: {name} is of type {kind}, not of floats")
    return {name: np.ascontiguousarray(array, np.float32) for name, array in kept.items()}
