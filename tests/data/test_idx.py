"""Published IDX files: the real ones of MNIST where they are at hand, and a small file for every fault."""

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

from ganscape import data
from ganscape.data import DataError, downloads, fashion_mnist, idx, mnist

PIXELS = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
CONTENT = struct.pack(">BBBBIII", 0, 0, 8, 3, 5, 4, 3) + PIXELS.tobytes()
PACKED = gzip.compress(CONTENT, mtime=0)
TOY = idx.IdxFile("toy-idx3-ubyte", (5, 4, 3), hashlib.sha256(PACKED).hexdigest(), hashlib.sha256(CONTENT).hexdigest())
AS_PUBLISHED = TOY._replace(sha256=None)
FOUR = ("train_images", "train_labels", "test_images", "test_labels")
PUBLISHED = {"mnist": mnist, "fashion_mnist": fashion_mnist}


def served_by(*mirrors):
    """MNIST's publication, as if it were there."""
    return mnist.PUBLISHED._replace(mirrors=mirrors)


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
    found = idx.locate(TOY, mnist.PUBLISHED, tmp_path)
    assert found == folder / f"toy-idx3-ubyte{suffix}"
    np.testing.assert_array_equal(idx.read_idx(found, TOY), PIXELS)


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
        idx.read_idx(path, TOY)
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
    published = served_by(dead_url, mirror.url)
    for field in FOUR:
        file = getattr(published, field)
        packed = (mnist_root / "mnist" / f"{file.name}.gz").read_bytes()
        (mirror.folder / f"{file.name}.gz").write_bytes(packed)
        published = published._replace(**{field: file._replace(gz_sha256=hashlib.sha256(packed).hexdigest())})
    monkeypatch.setattr(mnist, "PUBLISHED", published)
    root = tmp_path / "root"
    assert data.load("mnist", root).fingerprint == loaded("mnist").fingerprint
    assert len(mirror.asked) == 4
    assert data.load("mnist", root).fingerprint == loaded("mnist").fingerprint
    assert len(mirror.asked) == 4


def test_download_goes_on_to_the_next_mirror(tmp_path, mirror, dead_url):
    (mirror.folder / "toy-idx3-ubyte.gz").write_bytes(PACKED)
    path = idx.locate(TOY, served_by(dead_url, f"{mirror.url}nothing/here/", mirror.url), tmp_path)
    assert path == tmp_path / "mnist" / "toy-idx3-ubyte.gz" and path.read_bytes() == PACKED
    np.testing.assert_array_equal(idx.read_idx(path, TOY), PIXELS)


def test_download_of_other_content_is_refused_and_not_kept(tmp_path, mirror):
    (mirror.folder / "toy-idx3-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DataError, match="another sha256 than the published one") as caught:
        idx.locate(TOY, served_by(mirror.url), tmp_path / "root")
    one_line(caught)
    assert not (tmp_path / "root" / "mnist").exists(), "nobody is to take it for a folder with the files"


def test_absent_file_on_a_mirror_is_told(tmp_path, mirror):
    with pytest.raises(DataError, match="HTTP status 404"):
        idx.locate(TOY, served_by(mirror.url), tmp_path)


def test_offline_says_what_to_put_where_at_once(tmp_path, dead_url, monkeypatch):
    monkeypatch.setattr(mnist, "PUBLISHED", served_by(dead_url, dead_url))
    started = time.monotonic()
    with pytest.raises(DataError, match=r"no train-images-idx3-ubyte or train-images-idx3-ubyte.gz") as caught:
        data.load("mnist", tmp_path)
    assert time.monotonic() - started < 5
    message = one_line(caught)
    assert f"in {tmp_path} or {tmp_path / 'mnist'}" in message
    assert message.endswith(f"put the four IDX files of MNIST into {tmp_path / 'mnist'}")


def test_silent_mirror_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloads, "TIMEOUT", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mirror = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        started = time.monotonic()
        with pytest.raises(DataError, match="ReadTimeout"):
            idx.locate(TOY, served_by(mirror), tmp_path)
    assert time.monotonic() - started < 5


def test_a_file_known_only_as_published_must_be_that_file(tmp_path):
    published = fashion_mnist.PUBLISHED._replace(mirrors=())
    folder = tmp_path / "fashion_mnist"
    folder.mkdir()
    (folder / "toy-idx3-ubyte").write_bytes(CONTENT)
    (tmp_path / "toy-idx3-ubyte.gz").write_bytes(PACKED)
    with pytest.raises(DataError, match=f"no toy-idx3-ubyte.gz in {folder}, and no download"):
        idx.locate(AS_PUBLISHED, published, tmp_path)
    (folder / "toy-idx3-ubyte.gz").write_bytes(PACKED)
    np.testing.assert_array_equal(idx.read_idx(idx.locate(AS_PUBLISHED, published, tmp_path), AS_PUBLISHED), PIXELS)
    (folder / "toy-idx3-ubyte.gz").write_bytes(gzip.compress(CONTENT, mtime=1))
    with pytest.raises(DataError, match=f"bytes have sha256 .*, expected {TOY.gz_sha256}"):
        idx.read_idx(idx.locate(AS_PUBLISHED, published, tmp_path), AS_PUBLISHED)


def test_digits_do_not_pass_for_clothes(tmp_path, mnist_root):
    (tmp_path / "fashion_mnist").symlink_to(mnist_root / "mnist")
    with pytest.raises(DataError, match=r"fashion_mnist/train-images.*: bytes have sha256 .*, expected 3aede"):
        data.load("fashion_mnist", tmp_path)


@pytest.mark.parametrize("name", PUBLISHED)
def test_mirrors_and_hashes_are_well_formed(name):
    published = PUBLISHED[name].PUBLISHED
    assert published.name == name
    assert all(url.startswith("http") and url.endswith("/") for url in published.mirrors)
    for field in FOUR:
        file = getattr(published, field)
        hashes = [file.gz_sha256] if file.sha256 is None else [file.sha256, file.gz_sha256]
        assert all(len(bytes.fromhex(each)) == 32 for each in hashes)
