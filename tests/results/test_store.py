import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ganscape
from ganscape.results.store import StoreError, database, open_store, read, schema

DEFINITION = {"study": "equal/wide", "rungs": [10, 20], "metric": "fd", "protocol": "p"}
ROOT = Path(ganscape.__file__).parents[1]


def trial(name, method="m"):
    return {
        "trial": name,
        "config": f"c-{name}",
        "method": method,
        "seed": 0,
        "settings": {"g_lr": 1e-4},
        "structure": "s",
    }


def score(name, rung=10, value=1.5, **changes):
    row = {
        "trial": name,
        "rung": rung,
        "images": rung,
        "metric": "fd",
        "value": value,
        "protocol": "p",
        "attempt": 0,
        "seconds": 0.5,
    }
    return row | changes


def failure(name, **changes):
    row = {
        "trial": name,
        "attempt": 0,
        "cause": "lost",
        "rung": None,
        "step": None,
        "message": "worker died",
        "detail": "",
        "final": False,
    }
    return row | changes


def filled(folder, *names):
    store = open_store(folder)
    store.begin(DEFINITION)
    store.add_environment({"python": "3.11"})
    store.add_protocol("p", {"metric": "fd"})
    store.add_trials(0, [trial(name) for name in names])
    return store


def start(script, *arguments, **options):
    """A second Python process with the project on its path."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options
    )


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()}


# What is written is what is read


def test_rows_come_back_as_they_went_in(tmp_path):
    with filled(tmp_path / "out", "a", "b") as store:
        store.add_scores([score("a"), score("a", rung=20, value=0.1)])
        store.add_failure(failure("b", step=7, cause="diverged", final=True, detail="Traceback"))
        assert [{name: row[name] for name in score("a")} for row in store.scores()] == [
            score("a"),
            score("a", rung=20, value=0.1),
        ]
        assert {name: store.failures()[0][name] for name in failure("b")} == failure(
            "b", step=7, cause="diverged", final=True, detail="Traceback"
        )
        assert {name: store.trials()[1][name] for name in trial("b")} == trial("b")
    with open_store(tmp_path / "out") as store:
        assert store.study() == DEFINITION and len(store.scores()) == 2


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=40, deadline=None)
def test_floats_keep_every_bit(tmp_path_factory, value, setting):
    folder = tmp_path_factory.mktemp("floats") / "out"
    with filled(folder) as store:
        store.add_trials(0, [trial("a") | {"settings": {"g_lr": setting}}])
        store.add_scores([score("a", value=value)])
    tables = read(folder)
    assert tables["scores"][0]["value"].hex() == value.hex() or value == 0.0  # SQLite stores -0.0 as 0.0
    assert tables["trials"][0]["settings"]["g_lr"].hex() == setting.hex()


def test_numpy_numbers_are_stored_as_numbers(tmp_path):
    with filled(tmp_path / "out") as store:
        store.add_trials(
            np.int64(3),
            [trial("a") | {"seed": np.int64(5), "settings": {"disc_iters": np.int64(2), "g_lr": np.float32(0.5)}}],
        )
        store.add_scores([score("a", rung=np.int64(10), value=np.float32(0.25), seconds=np.float64(1.0))])
        row = store.trials()[0]
        assert (row["round"], row["seed"], row["settings"]) == (3, 5, {"disc_iters": 2, "g_lr": 0.5})
        assert store.scores()[0]["value"] == 0.25


def test_trials_are_ordered_by_round_and_then_as_added(tmp_path):
    with filled(tmp_path / "out") as store:
        for round, names in ((1, "zy"), (0, "xb"), (1, "a")):
            store.add_trials(round, [trial(name) for name in names])
        assert [row["trial"] for row in store.trials()] == ["x", "b", "z", "y", "a"]
        places = [{name: value for name, value in row.items() if name != "settings"} for row in store.trials()]
        assert store.trials_without_settings() == places


def test_attempts_counts_lost_workers_only(tmp_path):
    with filled(tmp_path / "out", "a") as store:
        for cause in ("lost", "diverged", "lost"):
            store.add_failure(failure("a", cause=cause))
        assert store.attempts("a") == 2


# Nothing is overwritten


def test_a_second_score_of_the_same_key_is_refused_and_the_first_stays(tmp_path):
    with filled(tmp_path / "out", "a") as store:
        store.add_scores([score("a", value=1.0)])
        with pytest.raises(StoreError, match="trial='a', rung=10"):
            store.add_scores([score("a", rung=20), score("a", value=2.0)])
        assert [(row["rung"], row["value"]) for row in store.scores()] == [(10, 1.0)], "the batch is all or nothing"
        store.add_scores([score("a", rung=20)])


def test_a_trial_cannot_be_asked_twice(tmp_path):
    with filled(tmp_path / "out", "a") as store:
        with pytest.raises(StoreError, match="trial='a'"):
            store.add_trials(1, [trial("b"), trial("a")])
        assert [row["trial"] for row in store.trials()] == ["a"]


@pytest.mark.parametrize("row", [score("unknown"), score("a", protocol="unknown")])
def test_scores_need_a_known_trial_and_protocol(tmp_path, row):
    with filled(tmp_path / "out", "a") as store, pytest.raises(StoreError, match="FOREIGN KEY"):
        store.add_scores([row])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_scores_that_are_not_finite_are_refused_with_their_batch(tmp_path, value):
    with filled(tmp_path / "out", "a") as store:
        with pytest.raises(ValueError, match=r"trial 'a'.*record a failure"):
            store.add_scores([score("a", rung=20), score("a", value=value)])
        assert store.scores() == []


def test_unknown_causes_are_refused(tmp_path):
    with filled(tmp_path / "out", "a") as store, pytest.raises(ValueError, match=r"'tired'.*; one of: diverged"):
        store.add_failure(failure("a", cause="tired"))


def test_the_definition_is_written_once_and_every_start_leaves_its_environment(tmp_path):
    for version in ("3.11", "3.12"):
        with open_store(tmp_path / "out") as store:
            store.begin({"rungs": (10, 20), "images": 20, "seeds": 2})
            store.add_environment({"python": version})
    with open_store(tmp_path / "out") as store, pytest.raises(StoreError, match="seed is none, not 3"):
        store.begin({"rungs": [10, 20], "images": 20, "seeds": 2, "seed": 3})
    tables = read(tmp_path / "out")
    assert [row["definition"] for row in tables["study"]] == [{"rungs": [10, 20], "images": 20, "seeds": 2}]
    assert [row["environment"]["python"] for row in tables["environments"]] == ["3.11", "3.12"]


def test_a_protocol_may_be_told_again_but_not_differently(tmp_path):
    with filled(tmp_path / "out") as store:
        store.add_protocol("p", {"metric": "fd"})
        with pytest.raises(StoreError, match='metric is "fd", not "other"'):
            store.add_protocol("p", {"metric": "other"})
    assert [row["description"] for row in read(tmp_path / "out")["protocols"]] == [{"metric": "fd"}]


# Folders that are not ours


def plain_folder(folder):
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")


def other_database(folder):
    folder.mkdir()
    with sqlite3.connect(folder / "store.sqlite") as db:
        db.execute("CREATE TABLE studies (id INTEGER)")
    db.close()


def no_database(folder):
    folder.mkdir()
    (folder / "store.sqlite").write_text("hello")


def empty_file(folder):
    folder.mkdir()
    (folder / "store.sqlite").touch()


@pytest.mark.parametrize("make", [plain_folder, other_database, no_database, empty_file])
def test_a_foreign_folder_is_refused_and_left_untouched(tmp_path, make):
    make(tmp_path / "out")
    before = snapshot(tmp_path)
    with pytest.raises(StoreError, match="out"):
        open_store(tmp_path / "out")
    with pytest.raises(StoreError):
        read(tmp_path / "out")
    assert snapshot(tmp_path) == before


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    for folder in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(StoreError, match="cannot write in"):
            open_store(folder)


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    with filled(tmp_path / "out") as store:
        store._db.execute("INSERT INTO migrations VALUES ('m999_from_the_future', '')")
    for open_it in (open_store, read):
        with pytest.raises(StoreError, match=r"newer Ganscape.*m999_from_the_future"):
            open_it(tmp_path / "out")


def test_reading_where_there_is_no_store_names_the_folder(tmp_path):
    with pytest.raises(StoreError, match="nowhere"):
        read(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_an_opening_that_was_killed_half_way_can_be_repeated(tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("store.lock", "store.sqlite.new", "store.sqlite.new-journal"):
        (tmp_path / "out" / name).write_bytes(b"torn")
    with open_store(tmp_path / "out") as store:
        assert store.study() is None


# Schema

MIGRATIONS = tuple(schema.MIGRATIONS)


def m999_note(db):
    db.execute("ALTER TABLE scores ADD COLUMN note TEXT NOT NULL DEFAULT ''")


def test_an_old_store_is_migrated_once_and_keeps_its_rows(tmp_path, monkeypatch):
    with filled(tmp_path / "out", "a") as store:
        store.add_scores([score("a")])
        before = store.scores()
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, m999_note])
    for _ in range(2):
        with open_store(tmp_path / "out") as store:
            assert store.scores() == before
            assert store._db.execute("SELECT note FROM scores").fetchall() == [("",)]
            assert [name for (name,) in store._db.execute("SELECT name FROM migrations")] == [
                *(migration.__name__ for migration in MIGRATIONS),
                "m999_note",
            ]


def m999_broken(db):
    db.execute("ALTER TABLE scores ADD COLUMN note TEXT")
    raise RuntimeError("half way")


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    filled(tmp_path / "out", "a").close()
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, m999_broken])
        with pytest.raises(RuntimeError):
            open_store(tmp_path / "out")
    with open_store(tmp_path / "out") as store:
        assert "note" not in [row[1] for row in store._db.execute("PRAGMA table_info(scores)")]


# One writer, any reader


HOLD = """
    import sys, time
    from ganscape.results.store import open_store
    store = open_store(sys.argv[1])
    print("open", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_by_name_and_a_killed_writer_frees_the_lock_at_once(tmp_path):
    holder = start(HOLD, tmp_path / "out")
    try:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match=f"process {holder.pid} on "):
            open_store(tmp_path / "out")
    finally:
        holder.kill()
        with holder:
            holder.wait()
    open_store(tmp_path / "out").close()


def test_the_same_process_cannot_open_twice(tmp_path):
    with open_store(tmp_path / "out"), pytest.raises(StoreError, match=f"process {os.getpid()} on "):
        open_store(tmp_path / "out")
    open_store(tmp_path / "out").close()


def test_a_reader_in_the_middle_of_reading_does_not_block_the_writer_and_sees_one_instant(tmp_path):
    with filled(tmp_path / "out", "a") as store:
        store.add_scores([score("a", rung=1)])
        reader = sqlite3.connect(f"{(tmp_path / 'out/store.sqlite').as_uri()}?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM scores").fetchone() == (1,)
        began = time.monotonic()
        for rung in range(2, 22):
            store.add_scores([score("a", rung=rung)])
        assert time.monotonic() - began < 5.0
        assert reader.execute("SELECT count(*) FROM scores").fetchone() == (1,)
        reader.close()
        assert len(read(tmp_path / "out")["scores"]) == 21


def test_reading_all_the_time_leaves_every_commit_in_place(tmp_path):
    with filled(tmp_path / "out", "a") as store:
        stop, counts = threading.Event(), []

        def watch():
            while not stop.is_set():
                counts.append(len(read(tmp_path / "out")["scores"]))

        watcher = threading.Thread(target=watch)
        watcher.start()
        for rung in range(60):
            store.add_scores([score("a", rung=rung)])
        stop.set()
        watcher.join()
        assert counts == sorted(counts) and len(store.scores()) == 60


def test_a_file_system_without_shared_memory_gets_the_old_journal(tmp_path, monkeypatch):
    connect = sqlite3.connect
    monkeypatch.setattr(
        database.sqlite3,
        "connect",
        lambda name, **options: connect(f"{name}?vfs=unix-none" if options.get("uri") else name, **options),
    )
    with filled(tmp_path / "out", "a") as store:
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        store.add_scores([score("a")])
        assert len(store.scores()) == 1


def test_every_commit_waits_for_the_disk(tmp_path):
    with open_store(tmp_path / "out") as store:
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)  # 2 is FULL


# Killed, full, read-only


APPEND = """
    import sys
    from ganscape.results.store import open_store
    folder, run = sys.argv[1], int(sys.argv[2])
    with open_store(folder) as store:
        store.begin({"study": "s"})
        store.add_protocol("p", {})
        rest = {"config": "c", "method": "m", "seed": 0, "settings": {}, "structure": ""}
        store.add_trials(run, [{"trial": f"t{run}"} | rest])
        for rung in range(100_000):
            row = {"trial": f"t{run}", "rung": rung, "images": rung, "value": run + rung / 7}
            row |= {"metric": "fd", "protocol": "p", "attempt": 0, "seconds": 0}
            store.add_scores([row, row | {"metric": "other"}])
            print(run, rung, flush=True)
"""


def test_whatever_was_acknowledged_survives_kill_9_at_any_instant(tmp_path):
    acknowledged, instants = set(), random.Random(0)
    for run in range(8):
        writer = start(APPEND, tmp_path / "out", run)
        # The first two are killed while they import and open, the others while they append.
        if run >= 2:
            acknowledged.add(tuple(map(int, writer.stdout.readline().split())))
        time.sleep(instants.uniform(0.0, 0.25))
        writer.send_signal(signal.SIGKILL)
        with writer:
            lines = writer.stdout.read()
        acknowledged |= {
            tuple(map(int, line.split())) for line in lines.splitlines(keepends=True) if line.endswith("\n")
        }
    assert len(acknowledged) >= 6
    rows = read(tmp_path / "out")["scores"]
    stored = {(int(row["trial"][1:]), row["rung"]) for row in rows}
    assert acknowledged <= stored
    assert len(stored) - len(acknowledged) <= 8, "at most one commit per kill was made and not yet acknowledged"
    assert all(row["value"] == int(row["trial"][1:]) + row["rung"] / 7 for row in rows)
    assert len(rows) == 2 * len(stored), "a batch is there whole or not at all"
    with open_store(tmp_path / "out") as store:
        assert store._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_full_database_says_so_keeps_its_rows_and_goes_on_when_there_is_space(tmp_path):
    with filled(tmp_path / "out", "a") as store:
        (pages,) = store._db.execute("PRAGMA page_count").fetchone()
        store._db.execute(f"PRAGMA max_page_count={pages + 4}")
        acknowledged = 0
        with pytest.raises(StoreError, match="is full; what was acknowledged is safe, free some space"):
            for rung in range(10_000):
                store.add_scores([score("a", rung=rung)])
                acknowledged += 1
        assert [row["rung"] for row in store.scores()] == list(range(acknowledged))
        store._db.execute("PRAGMA max_page_count=1000000")
        store.add_scores([score("a", rung=acknowledged)])
        assert len(store.scores()) == acknowledged + 1


def in_own_mounts(script, folder):
    """Runs the script where it may mount; skips the test where that is not permitted."""
    folder.mkdir()
    mount = f"mount -t tmpfs -o size=400k none {folder}"
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True).returncode
    ):
        pytest.skip("mounting a small file system is not permitted here")
    command = [
        "unshare",
        "-m",
        "sh",
        "-c",
        f'{mount} && exec "$0" "$@"',
        sys.executable,
        "-c",
        textwrap.dedent(script),
        str(folder),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60
    )
    assert done.returncode == 0, done.stderr


FULL_DISK = """
    import sqlite3, sys
    from pathlib import Path
    from ganscape.results.store import StoreError, open_store, read
    disk = Path(sys.argv[1])
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(60_000))
    def rows(rung):
        row = {"trial": "t", "rung": rung, "images": 0, "value": 1.0, "protocol": "p", "attempt": 0, "seconds": 0}
        return [row | {"metric": "fd"}, row | {"metric": "x" * 500}]
    with open_store(disk / "out") as store:
        store.begin({"study": "s"})
        store.add_protocol("p", {})
        store.add_trials(0, [{"trial": "t", "config": "c", "method": "m", "seed": 0, "settings": {}, "structure": ""}])
        acknowledged = 0
        try:
            while True:
                store.add_scores(rows(acknowledged))
                acknowledged += 1
        except StoreError as error:
            assert "full" in str(error) and "\\n" not in str(error), error
        assert acknowledged > 10
        assert len(store.scores()) == 2 * acknowledged
        assert len(read(disk / "out")["scores"]) == 2 * acknowledged
        ballast.unlink()
        store.add_scores(rows(acknowledged))
        assert store._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    ballast.write_bytes(bytes(1))
    while True:
        try:
            with open(ballast, "ab") as file:
                file.write(bytes(512))
        except OSError:
            break
    try:
        open_store(disk / "new").close()
        raise SystemExit("opened a new store on a full disk")
    except StoreError as error:
        assert "\\n" not in str(error)
    ballast.unlink()
    with open_store(disk / "out") as store:
        assert len(store.scores()) == 2 * (acknowledged + 1)
        store.add_scores(rows(acknowledged + 1))
    open_store(disk / "new").close()
"""


def test_a_full_disk_says_so_keeps_what_was_acknowledged_and_goes_on_when_there_is_space(tmp_path):
    in_own_mounts(FULL_DISK, tmp_path / "disk")


READ_ONLY = """
    import subprocess, sys
    from pathlib import Path
    from ganscape.results.store import StoreError, open_store, read
    disk = Path(sys.argv[1])
    with open_store(disk / "out") as store:
        store.begin({"study": "s"})
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert read(disk / "out")["study"][0]["definition"] == {"study": "s"}
    try:
        open_store(disk / "out")
        raise SystemExit("opened a read-only folder")
    except StoreError as error:
        assert "cannot write in" in str(error), error
"""


def test_results_on_read_only_media_can_be_read_and_not_written(tmp_path):
    in_own_mounts(READ_ONLY, tmp_path / "disk")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_store_whose_file_vanishes_takes_no_rows_that_nobody_would_find(tmp_path, replaced):
    with filled(tmp_path / "out", "a") as store:
        (tmp_path / "out" / "store.sqlite").rename(tmp_path / "taken")
        if replaced:
            (tmp_path / "out" / "store.sqlite").write_bytes(b"of another")
        with pytest.raises(StoreError, match=r"store\.sqlite' has vanished"):
            store.add_scores([score("a")])


def test_a_copy_of_the_store_s_own_file_holds_what_was_committed_a_moment_before(tmp_path, monkeypatch):
    monkeypatch.setattr("ganscape.results.store.writer.COPY_SECONDS", 0.02)
    with open_store(tmp_path / "out") as store:
        store.add_environment({"host": "here"})
        for copy in range(500):
            folder = tmp_path / f"copy{copy}"
            folder.mkdir()
            shutil.copy(tmp_path / "out" / "store.sqlite", folder)
            if read(folder)["environments"]:
                break
            time.sleep(0.02)
    assert [row["environment"] for row in read(folder)["environments"]] == [{"host": "here"}]
