"""Damaged stores: one line that says what is damaged, or the truth about what is left; never a traceback."""

import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from ganscape.results import frames
from ganscape.results.live import progress
from ganscape.results.scores_file import export
from ganscape.results.store import StoreError, check_rows, open_store, read, read_facts, read_totals, rows_written
from ganscape.results.store.database import APPLICATION_ID
from ganscape.results.store.soundness import TO_READ
from ganscape.results.verdict import find_verdict

RECORDED = frames.RECORDED / "equal_wide_mnist16" / "store.sqlite"
TABLES = (
    *("study", "environments", "protocols", "trials", "scores", "failures", "signs", "baselines", "generators"),
    *("definitions", "retries", "migrations"),
)
COLUMNS = (
    *(("trials", name) for name in ("trial", "config", "method", "seed", "round", "settings", "recorded")),
    *(("scores", name) for name in ("trial", "rung", "images", "value", "protocol", "metric", "seconds")),
    *(("study", "definition"), ("environments", "environment"), ("protocols", "description"), ("failures", "final")),
)
JSON = (
    *(("study", "definition"), ("environments", "environment")),
    *(("protocols", "description"), ("trials", "settings")),
)
TEXTS = ("[]", "null", '"x"', "7", "{", "", "[" * 100_000, '{"a": ' * 3_000)
STUDY = {
    **dict.fromkeys(("study", "methods", "settings", "rungs", "metric", "protocol", "phases"), 7),
    **dict.fromkeys(("seeds", "configs", "rounds", "images", "seed"), "x"),
}
ORPHANS = (
    *((table, "trial") for table in ("scores", "failures", "signs", "generators")),
    *((table, "protocol") for table in ("scores", "baselines")),
)


def statements(*lines):
    def change(path):
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA legacy_alter_table=ON")
            for line in lines:
                db.execute(*((line,) if isinstance(line, str) else line))

    return change


def truncated(share):
    def change(path):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return change


def noise(seed):
    """Bytes of the file, but not of its first page, are random."""

    def change(path):
        chance, content = random.Random(seed), bytearray(path.read_bytes())
        for _ in range(chance.choice((1, 30))):
            at, length = chance.randrange(4096, len(content) - 300), chance.choice((1, 300))
            content[at : at + length] = chance.randbytes(length)
        path.write_bytes(content)

    return change


def foreign(path):
    path.unlink()
    statements("CREATE TABLE notes (text)", f"PRAGMA application_id={APPLICATION_ID}")(path)


SET_STUDY = "UPDATE study SET definition = json_set(definition, ?, ?)"
CHANGES = {
    **{f"cut at {share}": truncated(share) for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)},
    **{f"noise {seed}": noise(seed) for seed in range(6)},
    **{f"without {table}": statements(f"DROP TABLE {table}") for table in TABLES},
    **{f"{table} without {name}": statements(f"ALTER TABLE {table} RENAME COLUMN {name} TO other")
       for table, name in COLUMNS},
    **{f"{table}.{name} {text[:5]}": statements((f"UPDATE {table} SET {name} = ?", (text,)))
       for table, name in JSON for text in (TEXTS if name == "settings" else TEXTS[:1] + TEXTS[4:7])},
    **{f"definition {name}": statements((SET_STUDY, (f"$.{name}", value))) for name, value in STUDY.items()},
    **{f"definition without {name}": statements((f"UPDATE study SET definition = json_remove(definition, '$.{name}')",))
       for name in TO_READ},
    **{f"{table} of no {name}": statements(f"UPDATE {table} SET {name} = 'x' WHERE rowid = 1")
       for table, name in ORPHANS},
    **{f"time of {table}": statements(f"UPDATE {table} SET recorded = 'yesterday' WHERE rowid = 1")
       for table in TABLES[:-3]},
    "words for samples": statements("UPDATE protocols SET description = json_set(description, '$.samples', 'x')"),
    "words for versions": statements("UPDATE environments SET environment = json_set(environment, '$.versions', 'x')"),
    "words for scores": statements("ALTER TABLE scores RENAME TO old", "CREATE TABLE scores AS SELECT * FROM old",
                                   "UPDATE scores SET value = 'x' WHERE rowid = 2"),
    "no words for ids": statements("ALTER TABLE trials RENAME TO old", "CREATE TABLE trials AS SELECT * FROM old",
                                   "UPDATE trials SET trial = NULL WHERE rowid = 2"),
    "a trial of no phase": statements("UPDATE trials SET phase = 'x', phase_round = 0 WHERE rowid = 2"),
    "another program": foreign,
}  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A store with rows in every table, as this version writes it."""
    folder = tmp_path_factory.mktemp("sound")
    shutil.copy(RECORDED, folder)
    with open_store(folder) as store:
        row = {"trial": store.trials()[0]["trial"], "attempt": 0, "cause": "lost", "rung": None, "step": None}
        store.add_failure(row | {"message": "", "detail": "", "final": True})
        store.retry(["lost"])
        store.begin(study := store.study(), "a command")
        store.begin({**study, "seeds": study["seeds"] + 1}, "a command")
    return folder


@pytest.fixture(scope="module")
def sound_rows(sound):
    return read(sound)


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_damaged_is_said_in_a_line_or_the_rest_can_be_looked_at(name, sound, sound_rows, tmp_path):
    path = tmp_path / "store.sqlite"
    shutil.copy(sound / "store.sqlite", path)
    CHANGES[name](path)
    before = path.read_bytes()
    try:
        read_totals(tmp_path)
    except StoreError as error:
        assert "\n" not in str(error) and str(path) in str(error)
    try:
        rows_written(tmp_path)
        results = frames.load(tmp_path)
    except StoreError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        assert "ganscape repair OUT --to NEW" in str(error) or name == "another program"
        if not name.startswith("definition without"):
            for refuse in (read, check_rows):
                with pytest.raises(StoreError):
                    refuse(tmp_path)
    else:
        check_rows(tmp_path)
        assert name.startswith("noise") or read(tmp_path) == sound_rows, "what is damaged is not read"
        progress(results)
        find_verdict(results)
        export(results, tmp_path / "scores.csv")
    assert path.read_bytes() == before


def test_a_sound_store_is_sound(sound):
    """Or the test above proves nothing."""
    assert all(read(sound)[table] for table in TABLES[:-1]) and len(frames.load(sound).scores()) == 560


def test_facts_of_a_store_are_read_without_its_rows_of_trials_which_are_checked_apart(sound, tmp_path):
    shutil.copy(sound / "store.sqlite", tmp_path)
    whole, facts = read(tmp_path), read_facts(tmp_path)
    assert set(facts) == {"study", "definitions", "environments", "protocols"}
    assert facts == {table: whole[table] for table in facts}
    check_rows(tmp_path)
    statements("UPDATE trials SET recorded = 'x' WHERE rowid = 2")(tmp_path / "store.sqlite")
    assert read_facts(tmp_path) == facts
    with pytest.raises(StoreError, match="the time of a row of trials is 'x'"):
        check_rows(tmp_path)
    check_rows(tmp_path / "elsewhere")


@pytest.mark.parametrize("column", ["trial", "method"])
@pytest.mark.parametrize("name", ["../../x", "/etc", "..", " .. ", "", "a\0b", "x" * 300])
def test_a_name_that_would_lead_out_of_its_folder_is_refused(column, name, tmp_path):
    shutil.copy(RECORDED, tmp_path / "store.sqlite")
    lines = [(f"UPDATE {table} SET {column} = ? WHERE trial = (SELECT min(trial) FROM trials)", (name,))
             for table in (("scores", "signs", "trials") if column == "trial" else ("trials",))]  # fmt: skip
    statements(*lines)(tmp_path / "store.sqlite")
    with pytest.raises(StoreError, match="of a row of trials cannot be the name of a folder"):
        read(tmp_path)
