"""What is whole in a damaged folder is saved in a new one, and what is lost is said."""

import json
import random
import sqlite3
from contextlib import closing

import pytest

from ganscape.results.store import StoreError, open_store, read
from ganscape.sweep.repairing import repair

Z_DIM = "SET settings = json_set(settings, '$.z_dim', 65)"
SAMPLES = "SET description = json_set(description, '$.samples', 5)"
INNER, LEAF = 5, 13  # the first byte of a page of SQLite that leads to rows of a table, and of one that holds them
TABLES = ("study", "environments", "protocols", "trials", "scores", "failures")


def change(folder, *statements):
    with closing(sqlite3.connect(folder / "store.sqlite", isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def rows(folder, table):
    return [json.dumps(row, sort_keys=True) for row in read(folder)[table]]


def test_a_sound_folder_is_copied_whole(recorded, tmp_path):
    saved = repair(recorded, tmp_path / "new")
    assert not any(lost for _, lost in saved.values())
    assert read(tmp_path / "new") == read(recorded)
    assert saved["scores"].rows == len(read(recorded)["scores"]) > 100


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_of_a_file_that_was_cut_off_every_row_that_is_left_is_saved_as_it_was(recorded, tmp_path, share):
    whole = {table: rows(recorded, table) for table in TABLES}
    content = (recorded / "store.sqlite").read_bytes()
    (recorded / "store.sqlite").write_bytes(content[: int(share * len(content))])
    saved = repair(recorded, tmp_path / "new")
    assert sum(bool(lost) for _, lost in saved.values()) >= 1
    for table in TABLES:
        left = rows(tmp_path / "new", table)
        assert set(left) <= set(whole[table]) and len(left) == saved[table].rows
        assert len(left) == len(whole[table]) or saved[table].lost, table
    assert saved["trials"].rows > 0
    with open_store(tmp_path / "new") as store:
        assert len(store.trials()) == saved["trials"].rows


@pytest.mark.parametrize("seed", range(3))
def test_noise_in_a_file_costs_the_rows_that_it_hit_and_no_others_are_invented(recorded, tmp_path, seed):
    ids = {row["trial"] for row in read(recorded)["trials"]}
    chance, content = random.Random(seed), bytearray((recorded / "store.sqlite").read_bytes())
    leaves = [at for at in range(4096, len(content), 4096) if content[at] == LEAF]
    at = chance.choice(leaves)
    content[at : at + 4096] = chance.randbytes(4096)
    (recorded / "store.sqlite").write_bytes(content)
    saved = repair(recorded, tmp_path / "new")
    tables = read(tmp_path / "new")
    assert {row["trial"] for row in tables["trials"]} <= ids and saved["trials"].rows > len(ids) / 4


def test_rows_whose_way_is_lost_are_found_on_their_pages(recorded, tmp_path):
    """Every page is overwritten that leads to the rows of a table, and holds none."""
    content = bytearray((recorded / "store.sqlite").read_bytes())
    inner = [at for at in range(4096, len(content), 4096) if content[at] == INNER]
    assert len(inner) >= 2
    for at in inner:
        content[at : at + 4096] = random.Random(at).randbytes(4096)
    whole = {table: rows(recorded, table) for table in TABLES}
    (recorded / "store.sqlite").write_bytes(content)
    saved = repair(recorded, tmp_path / "new")
    assert {table: sorted(rows(tmp_path / "new", table)) for table in TABLES} == {
        table: sorted(rows) for table, rows in whole.items()
    }
    assert "but 144 rows that were found on other pages" in saved["trials"].lost[0]
    with open_store(tmp_path / "new") as store:
        assert store._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(
    ("statement", "table", "sentence", "count"),
    [
        (
            f"UPDATE trials {Z_DIM} WHERE id = 3",
            "trials",
            "another config's",
            1,
        ),
        ("UPDATE trials SET seed = 77 WHERE id = 3", "trials", "another trial's", 1),
        ("UPDATE trials SET settings = '{' WHERE id = 3", "trials", "row 3: settings is no JSON", 1),
        ("UPDATE trials SET recorded = '' WHERE id = 3", "trials", "row 3: the time of a row of trials is ''", 1),
        (
            f"UPDATE protocols {SAMPLES}",
            "protocols",
            "another protocol",
            1,
        ),
        ("UPDATE scores SET trial = 'x' WHERE id = 5", "scores", "row 5: FOREIGN KEY", 1),
        ("UPDATE study SET definition = '[]'", "study", "definition of a row of study is '[]'", 1),
        ("UPDATE study SET definition = json_remove(definition, '$.data')", "study", "the definition has no data", 1),
        ("DROP TABLE study", "study", "the whole table", 1),
    ],
)
def test_a_row_that_is_not_what_its_id_says_is_lost_and_named(recorded, tmp_path, statement, table, sentence, count):
    before = (recorded / "store.sqlite").read_bytes()
    change(recorded, "PRAGMA foreign_keys=OFF", statement)
    damaged = (recorded / "store.sqlite").read_bytes()
    saved = repair(recorded, tmp_path / "new")
    assert sentence in saved[table].lost[0] and len(saved[table].lost) == count
    assert (recorded / "store.sqlite").read_bytes() == damaged != before
    if table == "trials":
        (trial,) = {row["trial"] for row in read_again(before, tmp_path)} - {
            row["trial"] for row in read(tmp_path / "new")["trials"]
        }
        assert all("FOREIGN KEY" in lost for lost in saved["scores"].lost) and saved["scores"].lost
        assert trial not in {row["trial"] for row in read(tmp_path / "new")["scores"]}


def read_again(content, folder):
    (folder / "before").mkdir()
    (folder / "before" / "store.sqlite").write_bytes(content)
    return read(folder / "before")["trials"]


def test_a_kept_generator_whose_file_is_damaged_is_kept_no_longer(recorded, tmp_path):
    trial = read(recorded)["trials"][0]["trial"]
    with open_store(recorded) as store:
        store.add_generators([{"trial": trial, "rung": 100, "bytes": 3, "kept": True}])
    (recorded / "generators" / trial).mkdir(parents=True)
    (recorded / "generators" / trial / "100.safetensors").write_bytes(b"abc")
    saved = repair(recorded, tmp_path / "new")
    (lost,) = saved["generators"].lost
    assert "100.safetensors' is damaged" in lost
    assert [row["kept"] for row in read(tmp_path / "new")["generators"]] == [True, False]
    assert not (tmp_path / "new" / "generators").exists()


def test_what_cannot_be_repaired_is_refused_in_a_line_and_nothing_is_written(recorded, tmp_path, ganscape, refused):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    refused(ganscape("repair", recorded, "--to", tmp_path / "full"), "full' is not an empty folder")
    refused(ganscape("repair", tmp_path / "nowhere", "--to", tmp_path / "new"), "no store in")
    with open_store(recorded):
        refused(ganscape("repair", recorded, "--to", tmp_path / "new"), "a sweep runs in")
    (recorded / "store.sqlite").write_bytes(b"no database" * 1000)
    refused(ganscape("repair", recorded, "--to", tmp_path / "new"), "nothing in", "can be read")
    assert not (tmp_path / "new").exists() and sorted(path.name for path in tmp_path.iterdir()) == ["full", "out"]


def test_the_command_says_what_became_of_each_table(recorded, tmp_path, ganscape):
    change(recorded, "UPDATE trials SET seed = 77 WHERE id = 3")
    result = ganscape("repair", recorded, "--to", tmp_path / "new")
    assert result.exit_code == 0, result.output
    assert "trials: " in result.output and "lost: row 3: its method, settings and seed are another" in result.output
    assert "protocols: 1 saved, none lost" in result.output
    with pytest.raises(StoreError, match="not an empty folder"):
        repair(recorded, tmp_path / "new")
