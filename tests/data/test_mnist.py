"""MNIST's files: the real ones where they are at hand, and a small file of the same format for every fault."""

import functools
import gzip
import hashlib
import http.server
import shutil
import socket
import struct
import threading
import time

import numpy as np
import pytest

import data
from data import DataError, mnist

PIXELS = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
CONTENT = struct.pack(">BBBBIII", 0, 0, 8, 3, 5, 4, 3) + PIXELS.tobytes()
PACKED = gzip.compress(CONTENT, mtime=0)
TOY = mnist.IdxFile(
    "toy-idx3-ubyte", (5, 4, 3), hashlib.sha256(CONTENT).hexdigest(), hashlib.sha256(PACKED).hexdigest()
)
FOUR = ("TRAIN_IMAGES", "TRAIN_LABELS", "TEST_IMAGES", "TEST_LABELS")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and notes what was asked for."""

    def log_message(self, format, *args):
        self.server.asked.append(self.path)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A local server of the folder `mirror.folder`; `mirror.asked` lists the requests, `mirror.url` is its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "mirror"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.folder, server.asked = folder, []
        server.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def dead_url(monkeypatch):
    """An address that refuses connections."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}/"


def one_line(caught):
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_published_facts(loaded):
    dataset = loaded("mnist")
    assert dataset.train.shape == (60000, 28, 28, 1) and dataset.test.shape == (10000, 28, 28, 1)
    assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert dataset.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(dataset.train_labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert dataset.train.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert dataset.train.std() / 255 == pytest.approx(0.3081, abs=5e-5)


@pytest.mark.parametrize("below", ["", "mnist"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_plain_and_packed_files_are_found_in_the_root_and_below(tmp_path, below, suffix):
    folder = tmp_path / below
    folder.mkdir(exist_ok=True)
    (folder / f"toy-idx3-ubyte{suffix}").write_bytes(PACKED if suffix else CONTENT)
    found = mnist.locate(TOY, tmp_path)
    assert found == folder / f"toy-idx3-ubyte{suffix}"
    np.testing.assert_array_equal(mnist.read(found, TOY), PIXELS)


FAULTS = {
    "truncated": (PACKED[:-9], "not a complete gzip file"),
    "empty": (b"", "IDX magic number is 0x, expected 0x00000803"),
    "no gzip": (CONTENT, "not a complete gzip file"),
    "damaged": (PACKED[:12] + b"\xff\xff\xff" + PACKED[15:], "not a complete gzip file"),
    "labels": (gzip.compress(b"\0\0\x08\x01" + CONTENT[4:]), "0x00000801, expected 0x00000803"),
    "web page": (gzip.compress(b"<html>"), "0x3c68746d, expected 0x00000803"),
    "count": (gzip.compress(CONTENT[:7] + b"\x04" + CONTENT[8:-12]), r"shape \(4, 4, 3\), expected \(5, 4, 3\)"),
    "header only": (gzip.compress(CONTENT[:9]), "shape .*, expected"),
    "short": (gzip.compress(CONTENT[:-1]), "75 bytes when decompressed, expected 76"),
    "long": (gzip.compress(CONTENT + b"\0"), "77 bytes when decompressed, expected 76"),
    "pixel": (gzip.compress(CONTENT[:-1] + b"\x00"), "have sha256 .*, expected " + TOY.sha256),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damage_is_told_with_the_file_and_what_was_expected(tmp_path, fault):
    content, message = FAULTS[fault]
    path = tmp_path / "toy-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        mnist.read(path, TOY)
    assert one_line(caught).startswith(f"{path}: ")


@pytest.mark.parametrize("fault", ["truncated", "magic", "hash"])
def test_damaged_copies_of_the_real_files_are_refused(tmp_path, mnist_root, fault):
    for source in (mnist_root / "mnist").iterdir():
        (tmp_path / source.name).symlink_to(source)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    packed = path.read_bytes()
    content = gzip.decompress(packed)
    damaged = {
        "truncated": packed[: len(packed) // 2],
        "magic": gzip.compress(b"\0\0\x08\x03" + content[4:]),
        "hash": gzip.compress(content[:-1] + bytes([content[-1] ^ 1])),
    }
    path.unlink()
    path.write_bytes(damaged[fault])
    with pytest.raises(DataError) as caught:
        data.load("mnist", tmp_path)
    assert one_line(caught).startswith(f"{path}: ")


def test_images_in_place_of_labels_are_refused(tmp_path, mnist_root):
    for source in (mnist_root / "mnist").iterdir():
        (tmp_path / source.name).symlink_to(source)
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    labels.unlink()
    shutil.copyfile(tmp_path / "t10k-images-idx3-ubyte.gz", labels)
    with pytest.raises(DataError, match="0x00000803, expected 0x00000801"):
        data.load("mnist", tmp_path)


def test_missing_files_are_downloaded_once(tmp_path, mirror, dead_url, monkeypatch, mnist_root, loaded):
    for constant in FOUR:
        file = getattr(mnist, constant)
        packed = (mnist_root / "mnist" / f"{file.name}.gz").read_bytes()
        (mirror.folder / f"{file.name}.gz").write_bytes(packed)
        monkeypatch.setattr(mnist, constant, file._replace(gz_sha256=hashlib.sha256(packed).hexdigest()))
    monkeypatch.setattr(mnist, "MIRRORS", (dead_url, mirror.url))
    root = tmp_path / "root"
    assert data.load("mnist", root).fingerprint == loaded("mnist").fingerprint
    assert len(mirror.asked) == 4
    assert data.load("mnist", root).fingerprint == loaded("mnist").fingerprint
    assert len(mirror.asked) == 4


def test_download_goes_on_to_the_next_mirror(tmp_path, mirror, dead_url, monkeypatch):
    (mirror.folder / "toy-idx3-ubyte.gz").write_bytes(PACKED)
    monkeypatch.setattr(mnist, "MIRRORS", (dead_url, f"{mirror.url}nothing/here/", mirror.url))
    path = mnist.locate(TOY, tmp_path)
    assert path == tmp_path / "mnist" / "toy-idx3-ubyte.gz" and path.read_bytes() == PACKED
    np.testing.assert_array_equal(mnist.read(path, TOY), PIXELS)


def test_download_of_other_content_is_refused_and_not_kept(tmp_path, mirror, monkeypatch):
    (mirror.folder / "toy-idx3-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    monkeypatch.setattr(mnist, "MIRRORS", (mirror.url,))
    with pytest.raises(DataError, match="another sha256 than the published one") as caught:
        mnist.locate(TOY, tmp_path / "root")
    one_line(caught)
    assert list((tmp_path / "root" / "mnist").iterdir()) == []


def test_absent_file_on_a_mirror_is_told(tmp_path, mirror, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", (mirror.url,))
    with pytest.raises(DataError, match="HTTP status 404"):
        mnist.locate(TOY, tmp_path)


def test_offline_says_what_to_put_where_at_once(tmp_path, dead_url, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", (dead_url, dead_url))
    started = time.monotonic()
    with pytest.raises(DataError, match=r"no train-images-idx3-ubyte or train-images-idx3-ubyte.gz") as caught:
        data.load("mnist", tmp_path)
    assert time.monotonic() - started < 5
    message = one_line(caught)
    assert f"in {tmp_path} or {tmp_path / 'mnist'}" in message
    assert message.endswith(f"put the four IDX files of MNIST into {tmp_path / 'mnist'}")


def test_silent_mirror_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(mnist, "TIMEOUT", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(mnist, "MIRRORS", (f"http://127.0.0.1:{silent.getsockname()[1]}/",))
        started = time.monotonic()
        with pytest.raises(DataError, match="ReadTimeout"):
            mnist.locate(TOY, tmp_path)
    assert time.monotonic() - started < 5


def test_mirrors_and_hashes_are_well_formed():
    assert all(url.startswith("https://") and url.endswith("/") for url in mnist.MIRRORS)
    for constant in FOUR:
        file = getattr(mnist, constant)
        assert len(bytes.fromhex(file.sha256)) == len(bytes.fromhex(file.gz_sha256)) == 32
