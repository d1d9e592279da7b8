"""Files from others, damaged or forged in any way, are read or refused by name: nothing else is raised."""

import datetime
import decimal
import gzip
import io
import json
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import jax
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganscape.data import own
from ganscape.data.idx import IdxFile, read_idx
from ganscape.data.images import read_images
from ganscape.errors import UserError
from ganscape.metrics.encoders.weight_files import read_weights
from ganscape.models import Config
from ganscape.models.generator_file import load_generator, save_generator, weight_shapes
from ganscape.sweep.measuring.statistics_files import read_statistics

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), np.uint8)
CONFIG, SHAPE = Config.from_dict({"architecture": "mlp", "z_dim": 2}), (8, 8, 1)
FEW = settings.get_profile("inputs")
# What is put into a file: words and numbers that a format may take for its own, or that no memory holds.
WORDS = (
    *(b"\x00" * 8, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"PK\x05\x06", b"PK\x01\x02", b"|O", b"<M8[ns]", b">i8", b"-1"),
    *(b"99999999999999", b"[", b"{" * 2000, b'"', b"\n", b"NaN", b"null", b"[1]"),
)
PIECES = st.one_of(st.binary(max_size=8), st.sampled_from(WORDS))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.integers(0, 64), st.floats(), st.text(max_size=5)),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=3), parts, max_size=2),
    max_leaves=5,
)


@st.composite
def damaged(draw, content):
    """A file in which up to three pieces were replaced, removed or added, most near its ends, where formats say what
    they hold."""
    for _ in range(draw(st.integers(1, 3))):
        last = len(content)
        places = (0, last), (0, min(200, last)), (max(0, last - 200), last)
        place = draw(st.one_of(*(st.integers(*ends) for ends in places)))
        length = draw(st.one_of(st.integers(0, 12), st.integers(0, last)))
        content = content[:place] + draw(PIECES) + content[place + length :]
    return content


def written(write):
    """What a function writes to a stream."""
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def picture(kind, **options):
    return written(lambda stream: Image.fromarray(IMAGES[0]).save(stream, kind, **options))


def parquet(**columns):
    return written(lambda stream: pyarrow.parquet.write_table(pyarrow.table(columns), stream))


def idx():
    lengths = b"".join(length.to_bytes(4, "big") for length in (10, 8, 8))
    return bytes([0, 0, 8, 3]) + lengths + IMAGES[..., 0].tobytes()


def generator(folder):
    weights = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), weight_shapes(CONFIG, SHAPE))
    save_generator(folder / "whole.safetensors", CONFIG, weights, SHAPE, {"score": 1.5})
    return (folder / "whole.safetensors").read_bytes()


class Tensor:
    """Pickled, it is what PyTorch writes for a tensor of two numbers."""

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (STORAGE, 0, (2,), (1,), False, OrderedDict())


STORAGE = object()


def torch_file():
    """A file of `torch.save`, without PyTorch: names of its modules are all that a pickle needs."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for module, name in ((torch, "FloatStorage"), (utils, "_rebuild_tensor_v2")):
        setattr(module, name, type(name, (), {"__module__": module.__name__, "__qualname__": name}))

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            return ("storage", torch.FloatStorage, "0", "cpu", 2) if thing is STORAGE else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", torch)
        patch.setitem(sys.modules, "torch._utils", utils)
        described = written(lambda stream: Pickler(stream, 2).dump(OrderedDict(weight=Tensor())))

    def write(stream):
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("archive/data.pkl", described)
            archive.writestr("archive/data/0", np.ones(2, "<f4").tobytes())

    return written(write)


def read_digits(path: Path):
    return read_idx(path, IdxFile("images", (10, 8, 8), "", "0" * 64))


ARRAYS = {"images": IMAGES, "labels": np.arange(10) % 2}
WEIGHTS = {"weight": np.ones((2, 3), np.float32)}
STATISTICS = {"mu": np.zeros(3), "sigma": np.eye(3)}
PICTURED = [{"bytes": picture("PNG")}] * 10
# name of a file -> what makes a whole one in a folder, and what reads it
FILES = {
    "a.npy": (lambda folder: written(lambda stream: np.save(stream, IMAGES)), own.load),
    "a.npz": (lambda folder: written(lambda stream: np.savez(stream, **ARRAYS)), own.load),
    "packed.npz": (lambda folder: written(lambda stream: np.savez_compressed(stream, **ARRAYS)), own.load),
    "a.parquet": (lambda folder: parquet(image=PICTURED, label=[0, 1] * 5, name=list("abcdefghij")), own.load),
    "a.png": (lambda folder: picture("PNG"), read_images),
    "a.jpg": (lambda folder: picture("JPEG"), read_images),
    "a.bmp": (lambda folder: picture("BMP"), read_images),
    "a.tif": (lambda folder: picture("TIFF"), read_images),
    "a.webp": (lambda folder: picture("WEBP", lossless=True), read_images),
    "digits": (lambda folder: idx(), read_digits),
    "digits.gz": (lambda folder: gzip.compress(idx(), mtime=0), read_digits),
    "w.npz": (lambda folder: written(lambda stream: np.savez(stream, **WEIGHTS)), read_weights),
    "w.safetensors": (lambda folder: safetensors.numpy.save(WEIGHTS, {"card": "{}"}), read_weights),
    "w.pth": (lambda folder: torch_file(), read_weights),
    "g.safetensors": (generator, load_generator),
    "s.npz": (lambda folder: written(lambda stream: np.savez(stream, **STATISTICS)), read_statistics),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def read_or_refuse(folder):
    """Writes a file, and has it read; fails if that raises anything but one line that names the file."""

    def read(name, content):
        path = folder / name
        path.write_bytes(content)
        try:
            FILES[name][1](path)
        except UserError as error:
            assert str(path) in str(error) and len(str(error)) < 2000

    return read


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_read_or_refused_by_name(name, folder, read_or_refuse):
    whole = FILES[name][0](folder)
    (folder / name).write_bytes(whole)
    if not name.startswith("digits"):  # whose sha256 is another
        FILES[name][1](folder / name)

    @FEW
    @given(damaged(whole))
    def check(content):
        read_or_refuse(name, content)

    check()


@st.composite
def forged_array(draw):
    """A whole .npy file whose header says anything."""
    shape = draw(st.lists(st.sampled_from([0, 1, 2, 3, 10, -1, 2**31, 2**62, 2**70, True, 1.5, "3", None]), max_size=5))
    descr = draw(st.sampled_from(["|u1", "<f4", ">f8", "<i8", "|O", "|V4", "<M8[ns]", "|S3", "<U1", "?", "x", "", 3]))
    header = repr({"descr": descr, "fortran_order": draw(st.sampled_from([False, True, 2])), "shape": tuple(shape)})
    text = draw(st.sampled_from([header, header, header[1:], header + "[", "[" * 500, header.replace("shape", "x")]))
    content = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + draw(st.binary(max_size=300))


@FEW
@given(forged_array())
def test_an_array_whose_header_says_anything_is_read_or_refused(read_or_refuse, content):
    read_or_refuse("a.npy", content)


@FEW
@given(st.data())
def test_an_archive_of_such_arrays_is_read_or_refused(read_or_refuse, data):
    names = st.sampled_from(["images.npy", "labels.npy", "mu.npy", "sigma.npy", "x", "../y.npy", "\n.npy"])
    members = data.draw(st.dictionaries(names, st.one_of(forged_array(), st.binary(max_size=20)), max_size=3))

    def write(stream):
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    for name in ("a.npz", "w.npz", "s.npz"):
        read_or_refuse(name, written(write))


COLUMNS = st.sampled_from([
    PICTURED, [{"bytes": None}] * 10, [{"bytes": b"no picture"}] * 10, [{"path": "a.png"}] * 10, [b"no picture"] * 10,
    [PICTURED[0]["bytes"]] * 10, [None] * 10, [0, 1] * 5, [0.5, None] * 5, list("abcdefghij"), [[0], []] * 5,
    [datetime.date(2020, 1, 1)] * 10, [decimal.Decimal(1)] * 10, [{"a": {"b": 1}}] * 10, [True, False] * 5, [-1, 7] * 5,
    pyarrow.array(["a", "b"] * 5).dictionary_encode(),
])  # fmt: skip


@FEW
@given(st.dictionaries(st.sampled_from(["image", "img", "label", "labels", "x", "\n"]), COLUMNS, max_size=3))
def test_a_table_of_any_columns_is_read_or_refused(read_or_refuse, columns):
    read_or_refuse("a.parquet", parquet(**columns))


@pytest.fixture(scope="module")
def header_and_arrays(folder):
    """The facts in a whole generator's file, and its arrays."""
    content = generator(folder)
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size])["__metadata__"], safetensors.numpy.load(content)


@FEW
@given(st.data())
def test_a_generator_whose_header_says_anything_is_read_or_refused(read_or_refuse, header_and_arrays, data):
    facts, arrays = header_and_arrays
    key = data.draw(st.sampled_from(sorted(facts)))
    if key == "config" and data.draw(st.booleans()):
        values = data.draw(st.dictionaries(st.sampled_from(list(CONFIG.to_dict())), JSON, min_size=1, max_size=2))
        text = json.dumps(CONFIG.to_dict() | values)
    else:
        texts = st.sampled_from(["[8, 8, 1e9]", "[" * 9999])
        text = data.draw(st.one_of(JSON.map(json.dumps), st.text(max_size=5), texts))
    read_or_refuse("g.safetensors", safetensors.numpy.save(arrays, facts | {key: text}))


@FEW
@given(JSON, st.dictionaries(st.text(max_size=3), JSON, max_size=2))
def test_weights_whose_header_says_anything_are_read_or_refused(read_or_refuse, card, entries):
    for metadata in ({"card": card}, {"card": json.dumps(card)}, card):
        header = json.dumps({"__metadata__": metadata} | entries).encode()
        read_or_refuse("w.safetensors", len(header).to_bytes(8, "little") + header + bytes(24))
