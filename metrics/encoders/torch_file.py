"""Reads files written by torch.save, without PyTorch and without running what is in them.

Such a file holds a pickle, and a pickle is a program that may call anything. Here it can call only the functions of
`_names`, which record their arguments; the arrays are made afterwards, with every bound checked. Both formats
are read: the zip archive of PyTorch 1.6 and later, and the sequence of pickles before it, in which older weights such
as those of Inception and VGG are published.
"""

import pickle
import struct
import sys
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ganscape.metrics.errors import MetricError

MAGIC = 0x1950A86A20F9469CFC6C  # at the start of the older format
VERSION = 1001


class _Kind(NamedTuple):
    """The element type of a storage."""

    dtype: np.dtype


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype
    length: int


class _Tensor(NamedTuple):
    """A view of a storage, in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of a state dict by their names, of the types that they have in the file.

    Raises MetricError if the file refers to anything but tensors, is not a flat dictionary of them, or is damaged.
    Raises OSError if it cannot be opened.
    """
    with path.open("rb") as file:
        try:
            return _from_zip(file) if is_zipfile(file) else _from_pickles(file)
        except MetricError as error:
            raise MetricError(f"{path}: {error}") from None
        except Exception as error:  # a damaged pickle can raise nearly anything
            cause = f"{type(error).__name__}: {error}"
            raise MetricError(f"{path}: no file of tensors written by torch.save ({cause})") from None


def _from_zip(file: IO[bytes]) -> dict[str, np.ndarray]:
    with ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise BadZipFile(f"{len(pickles)} members called data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise MetricError("the numbers are not little-endian")
        with archive.open(pickles[0]) as stream:
            tensors = _tensors(_Reader(stream).load())
        storages = {each.storage.key: each.storage for each in tensors.values()}
        raw = {key: archive.read(f"{folder}data/{key}") for key in storages}
    return {name: _array(name, tensor, raw[tensor.storage.key]) for name, tensor in tensors.items()}


def _from_pickles(file: IO[bytes]) -> dict[str, np.ndarray]:
    """Reads the older format: magic number, version, facts of the system, dictionary, keys; then every storage."""
    file.seek(0)
    if (_Reader(file).load(), _Reader(file).load()) != (MAGIC, VERSION):
        raise MetricError("neither of the two formats of torch.save")
    facts = _Reader(file).load()
    if not facts["little_endian"]:
        raise MetricError("the numbers are not little-endian")
    reader = _Reader(file)
    tensors = _tensors(reader.load())
    raw = {}
    for key in _Reader(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        storage = reader.storages[key]
        if count != storage.length:
            raise MetricError(f"storage {key} has {count} elements, not {storage.length}")
        raw[key] = file.read(count * storage.dtype.itemsize)
    return {name: _array(name, tensor, raw[tensor.storage.key]) for name, tensor in tensors.items()}


def _tensors(content: Any) -> dict[str, _Tensor]:
    if not isinstance(content, dict):
        raise MetricError(f"it holds a {type(content).__name__}, not a dictionary of tensors")
    tensors = dict(dict.items(content))
    for name, value in tensors.items():
        if not isinstance(name, str) or not isinstance(value, _Tensor):
            raise MetricError(f"it holds a {type(value).__name__} called {name!r}, not only tensors")
    return tensors


def _array(name: str, tensor: _Tensor, raw: bytes) -> np.ndarray:
    """Returns the elements of a tensor, copied out of its storage."""
    dtype, count = tensor.storage.dtype, tensor.storage.length
    sizes = (tensor.offset, *tensor.shape, *tensor.strides)
    if len(tensor.shape) != len(tensor.strides) or not all(type(size) is int and size >= 0 for size in sizes):
        raise MetricError(f"tensor {name} has no sound shape")
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    elements = int(np.prod(tensor.shape, dtype=object))
    if len(raw) != count * dtype.itemsize or elements > count or (elements and last >= count):
        raise MetricError(f"tensor {name} reaches beyond its storage")
    flat = np.frombuffer(raw, dtype)[tensor.offset :]
    strides = tuple(step * dtype.itemsize for step in tensor.strides)
    return as_strided(flat, tensor.shape, strides).astype(dtype.newbyteorder("="), copy=True)


class _Reader(pickle.Unpickler):
    """An unpickler that can build only descriptions of tensors."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="utf-8")
        self.names = _names()
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        found = self.names.get(f"{module}.{name}")
        if found is None:
            raise MetricError(f"it asks for {module}.{name}, which is refused: only tensors are read")
        return found

    def persistent_load(self, pid: Any) -> _Storage:
        kind, type_, key, _, count, *views = pid
        if kind != "storage" or not isinstance(type_, _Kind) or any(view is not None for view in views):
            raise MetricError(f"it refers to {pid!r}, which is no storage of numbers")
        storage = _Storage(str(key), type_.dtype, int(count))
        if storage.length < 0 or storage.length * storage.dtype.itemsize > sys.maxsize:
            raise MetricError(f"storage {key} has {count} elements")
        return self.storages.setdefault(storage.key, storage)


def _names() -> dict[str, Any]:
    """Returns the names that a file may use, with the functions that stand for them.

    They are created anew for every file, so that a hostile file cannot leave anything on them.
    """

    def tensor(storage: Any, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
        if not isinstance(storage, _Storage):
            raise MetricError("a tensor without a storage")
        return _Tensor(storage, offset, tuple(shape), tuple(strides))

    def parameter(tensor: Any, *_: Any) -> Any:
        return tensor

    return {
        "collections.OrderedDict": OrderedDict,
        "torch._utils._rebuild_tensor": tensor,
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_parameter": parameter,
        "torch.DoubleStorage": _Kind(np.dtype("<f8")),
        "torch.FloatStorage": _Kind(np.dtype("<f4")),
        "torch.HalfStorage": _Kind(np.dtype("<f2")),
        "torch.LongStorage": _Kind(np.dtype("<i8")),
        "torch.IntStorage": _Kind(np.dtype("<i4")),
    }
