"""Files are written whole or not at all."""

import os
import resource
import signal
import stat
import subprocess
import sys

import pytest

from ganscape.files import replacing, replacing_folder


def test_the_content_is_on_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(os, "fsync", lambda handle: events.append(("synced", os.fstat(handle).st_size)))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: events.append("renamed") or replace(*names))
    with replacing(tmp_path / "file", "w") as file:
        file.write("four")
    assert events == [("synced", 4), "renamed"]
    assert (tmp_path / "file").read_text() == "four"


def test_a_block_that_raises_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_half_written_is_removed_and_what_another_writes_now_is_not(tmp_path):
    path = tmp_path / "report[1].html"
    killed = (
        "import os, sys; from ganscape.files import replacing\n"
        "with replacing(sys.argv[1]) as file: os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", killed, path]).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    (tmp_path / ".other.html.abc.part").touch()
    with replacing(path, "w") as one:
        assert not left.exists()
        with replacing(path, "w") as other:
            other.write("first")
        one.write("second")
    assert path.read_text() == "second"
    assert {each.name for each in tmp_path.iterdir()} == {path.name, ".other.html.abc.part"}


def test_a_folder_that_a_killed_process_left_half_written_is_removed_and_one_that_is_being_written_is_not(tmp_path):
    path = tmp_path / "merged[1]"
    killed = (
        "import os, sys; from ganscape.files import replacing_folder\n"
        "with replacing_folder(sys.argv[1]) as folder: (folder / 'rows').touch(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", killed, path]).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    with replacing_folder(path) as one:
        assert not left.exists()
        with pytest.raises(KeyboardInterrupt), replacing_folder(path):
            raise KeyboardInterrupt
        (one / "rows").touch()
    assert [each.name for each in tmp_path.rglob("*")] == [path.name, "rows"]


def full(file):
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    file.write(bytes(8192))


@pytest.mark.parametrize("broken", ["no folder", "no room", "no room in a folder"])
def test_an_error_of_the_disk_names_the_file_that_the_user_knows(tmp_path, broken):
    path = tmp_path / "there" / "name"
    if broken != "no folder":
        path.parent.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(OSError) as raised:
            if broken == "no room in a folder":
                with replacing_folder(path) as folder, (folder / "name").open("wb") as file:
                    full(file)
            else:
                with replacing(path) as file:
                    full(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.filename == str(path) and str(raised.value).endswith(f": '{path}'")
    assert not path.exists() and (broken == "no folder" or not any(path.parent.iterdir()))


def test_a_file_has_the_permissions_of_any_other_new_one(tmp_path):
    (tmp_path / "other").touch()
    with replacing(tmp_path / "file"):
        pass
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    for path in (tmp_path / "new" / "folder", tmp_path / "empty"):
        if path.name == "empty":
            path.mkdir()
        with replacing_folder(path) as folder:
            (folder / "file").write_text("content")
            assert not (path / "file").exists()
        assert (path / "file").read_text() == "content"
        (tmp_path / "other").mkdir(exist_ok=True)
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)
    with pytest.raises(KeyboardInterrupt), replacing_folder(tmp_path / "torn") as folder:
        (folder / "file").touch()
        raise KeyboardInterrupt
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "new", "other"]
