import os

from ganscape.sweep.program_cache import bound_cache


def test_programs_used_longest_ago_go_first_and_other_files_stay(tmp_path):
    for age, name in enumerate(["new-cache", "middle-cache", "old-cache", "notes"]):
        (tmp_path / name).write_bytes(b"x" * 10)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    assert bound_cache(tmp_path, 30) == 0
    assert bound_cache(tmp_path, 15) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new-cache", "notes"]


def test_a_program_that_was_read_lately_stays(tmp_path):
    for name, read, written in (("read-cache", 3e8, 1e8), ("written-cache", 2e8, 2e8)):
        (tmp_path / name).write_bytes(b"x" * 10)
        os.utime(tmp_path / name, (read, written))
    assert bound_cache(tmp_path, 10) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["read-cache"]


def test_a_folder_that_is_not_there_has_no_programs(tmp_path):
    assert bound_cache(tmp_path / "none") == 0
