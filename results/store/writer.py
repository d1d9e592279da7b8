"""The one writer of an output folder."""

import fcntl
import json
import math
import sqlite3
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from ganscape.errors import check_name
from ganscape.results.store import schema
from ganscape.results.store.database import (
    LOCK,
    STORE,
    StoreError,
    apply_retries,
    connect_reader,
    connect_writer,
    explained,
    fetch_columns,
    fetch_rows,
    insert_row,
    refuse_foreign,
    rows_of,
    transaction,
)
from ganscape.results.store.definitions import as_json, differences
from ganscape.results.store.growth import place_trials, unite

CAUSES = ("diverged", "crashed", "stopped", "timeout", "lost")
COPY_SECONDS = 30.0
TAKES = (0.01, 0.05, 0.1)  # seconds between tries to lock: `is_written` of another process has the lock for a moment


def open_store(folder) -> "Store":
    """Opens the one writer of OUT, which is created when absent; close it or leave its `with` block to free the lock.

    Raises StoreError if another process writes there, if OUT cannot be written, or if OUT is foreign: a folder
    of other things, a store.sqlite of another program, or one of a newer Ganscape. Nothing foreign is touched.
    """
    folder = Path(folder)
    try:
        refuse_foreign(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / LOCK, "ab")  # noqa: SIM115 - held until the store is closed
    except OSError as error:
        raise StoreError(f"cannot write in '{folder}': {error.strerror or error}") from error
    try:
        _take(lock, folder)
        with explained(folder / STORE):
            return Store(folder, lock, connect_writer(folder))
    except BaseException:
        lock.close()
        raise


class Store:
    """Appends to and reads one output folder; every append is one transaction, durable when the call returns.

    A refused row raises StoreError (or ValueError for a value that no row may hold) and leaves nothing behind.
    """

    def __init__(self, folder: Path, lock, db: sqlite3.Connection):
        self.folder = folder
        self._lock = lock
        self._db = db
        self._inode = (folder / STORE).stat().st_ino
        self._copier = _Copier(folder / STORE)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self._copier.stop()
        with suppress(sqlite3.Error):  # a reader may still look at the log; then the next start copies it
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()
        self._lock.close()

    def study(self) -> dict | None:
        """Returns the definition of the study, the last one of a study that was given more; None before `begin`."""
        definitions = self._definitions()
        return definitions[-1] if definitions else None

    def begin(self, definition: Mapping[str, Any], command: str = ""):
        """Writes the definition the first time; later, if it asks for more, one that unites it with the last.

        command: who asks.
        Raises StoreError if OUT already holds another study, or more than is asked for.
        """
        stored = self.study()
        if stored is None:
            with self._transaction() as insert:
                insert("study", definition=as_json(definition))
        elif (united := unite(self.folder, stored, definition)) != stored:
            with self._transaction() as insert:
                insert("definitions", definition=as_json(united), command=command)

    def _definitions(self) -> list[dict]:
        return [row["definition"] for table in ("study", "definitions")
                for row in fetch_rows(self._db, schema.QUERIES[table])]  # fmt: skip

    def add_environment(self, environment: dict):
        """Appends what a start of the sweep runs on."""
        with self._transaction() as insert:
            insert("environments", environment=as_json(environment))

    def add_protocol(self, fingerprint: str, description: dict):
        """Records what a fingerprint stands for; the same again changes nothing."""
        known = {row["fingerprint"]: row["description"] for row in fetch_rows(self._db, schema.QUERIES["protocols"])}
        if fingerprint not in known:
            with self._transaction() as insert:
                insert("protocols", fingerprint=fingerprint, description=as_json(description))
        elif known[fingerprint] != json.loads(as_json(description)):
            different = differences(known[fingerprint], description)
            raise StoreError(f"protocol '{fingerprint}' is stored with another description: {different}")

    def add_trials(self, round: int, trials: list[dict]):
        """Appends the trials of one round, all or none. Keys: trial config method seed settings structure, and phase
        and phase_round, if the round is counted within a phase too."""
        with self._transaction() as insert:
            for row in trials:
                insert("trials", round=int(round), trial=row["trial"], config=row["config"], method=row["method"],
                       seed=int(row["seed"]), structure=row["structure"], phase=row.get("phase"),
                       phase_round=row.get("phase_round"), settings=as_json(row["settings"]))  # fmt: skip

    def add_scores(self, rows: list[dict]):
        """Appends finite scores, all or none. Keys: trial rung images metric value protocol attempt seconds; and
        if there are any, cpu_seconds (NaN where unknown), signs: a list with keys quantity value cause, and generators:
        as `add_generators` takes them.

        Raises ValueError for a value that is not finite (that is a failure) and StoreError for a second score of
        the same (trial, rung, metric, protocol).
        """
        for row in rows:
            if not math.isfinite(row["value"]):
                culprit = f"score {row['metric']} of trial '{row['trial']}'"
                raise ValueError(f"{culprit} is {row['value']}, which is not finite; record a failure instead")
        with self._transaction() as insert:
            for row in rows:
                insert("scores", trial=row["trial"], rung=int(row["rung"]), images=int(row["images"]),
                       metric=row["metric"], value=float(row["value"]), protocol=row["protocol"],
                       attempt=int(row["attempt"]), seconds=float(row["seconds"]),
                       cpu_seconds=_known(row.get("cpu_seconds")))  # fmt: skip
                for sign in row.get("signs", ()):
                    insert("signs", trial=row["trial"], rung=int(row["rung"]), quantity=sign["quantity"],
                           value=float(sign["value"]), cause=sign["cause"])  # fmt: skip
                _insert_generators(insert, row.get("generators", ()))

    def add_failure(self, row: dict):
        """Appends one failure. Keys: trial attempt cause rung step message detail final; rung and step may be None; and
        generators, if any: as `add_generators` takes them."""
        check_name("cause of failure", row["cause"], CAUSES, ValueError)
        rung, step = (None if row[name] is None else int(row[name]) for name in ("rung", "step"))
        with self._transaction() as insert:
            insert("failures", trial=row["trial"], attempt=int(row["attempt"]), cause=row["cause"], rung=rung,
                   step=step, message=row["message"], detail=row["detail"] or "",
                   final=int(row["final"]))  # fmt: skip
            _insert_generators(insert, row.get("generators", ()))

    def add_generators(self, rows: list[dict]):
        """Appends which generators are kept, or kept no longer. Keys: trial rung bytes kept."""
        with self._transaction() as insert:
            _insert_generators(insert, rows)

    def add_programs(self, row: dict):
        """Appends what a worker compiled. Keys: structure compiled loaded seconds lanes."""
        with self._transaction() as insert:
            insert("programs", structure=row["structure"], compiled=int(row["compiled"]), loaded=int(row["loaded"]),
                   seconds=float(row["seconds"]), lanes=int(row["lanes"]))  # fmt: skip

    def add_baselines(self, rows: list[dict]):
        """Appends scores of known images, all or none. Keys: kind source draw metric value protocol.

        Raises StoreError for a second one of the same (protocol, kind, source, draw).
        """
        with self._transaction() as insert:
            for row in rows:
                insert("baselines", kind=row["kind"], source=row["source"], draw=int(row["draw"]),
                       metric=row["metric"], value=float(row["value"]), protocol=row["protocol"])  # fmt: skip

    def baselines(self) -> list[dict]:
        """Returns all scores of known images in the order they were added."""
        return fetch_rows(self._db, schema.QUERIES["baselines"])

    def trials(self) -> list[dict]:
        """Returns all trials by round, then in the order they were added, see `place_trials` for a study that grew."""
        return self._placed(schema.QUERIES["trials"])

    def trials_without_settings(self) -> list[dict]:
        """Returns the rows of `trials` without the settings of their configs: much faster where there are many."""
        return self._placed(schema.WITHOUT_SETTINGS)

    def _placed(self, query: str) -> list[dict]:
        columns, definitions = fetch_columns(self._db, query), self._definitions()
        return rows_of(place_trials(columns, definitions) if definitions else columns)

    def settings(self, trial: str) -> dict:
        """The settings of the config of one trial."""
        with explained(self.folder / STORE):
            return fetch_rows(self._db, "SELECT settings FROM trials WHERE trial = ?", (trial,))[0]["settings"]

    def scores(self, metric: str | None = None, protocol: str | None = None) -> list[dict]:
        """Returns all scores in the order they were added, or those of one metric under one protocol."""
        rows = fetch_rows(self._db, schema.QUERIES["scores"])
        wanted = (metric, protocol)
        return rows if metric is None else [row for row in rows if (row["metric"], row["protocol"]) == wanted]

    def failures(self) -> list[dict]:
        """Returns all failures in the order they were added."""
        retried = fetch_columns(self._db, schema.QUERIES["retries"])["failure"]
        columns = apply_retries(fetch_columns(self._db, schema.QUERIES["failures"]), retried)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def retry(self, causes: Collection[str]) -> int:
        """Makes the final failures of these causes no longer final, so that their trials are trained again; returns how
        many there were. The failures stay as rows."""
        failures = fetch_rows(self._db, schema.QUERIES["failures"])
        retried = set(fetch_columns(self._db, schema.QUERIES["retries"])["failure"])
        again = [row["id"] for row in failures if row["final"] and row["cause"] in causes and row["id"] not in retried]
        with self._transaction() as insert:
            for number in again:
                insert("retries", failure=number)
        return len(again)

    def generators(self) -> list[dict]:
        """Returns every change of the kept generators: which were kept and which no longer, in that order."""
        return fetch_rows(self._db, schema.QUERIES["generators"])

    def attempts(self, trial: str) -> int:
        """Returns how often this trial was lost (its worker died)."""
        query = "SELECT count(*) AS lost FROM failures WHERE trial = ? AND cause = 'lost'"
        return fetch_rows(self._db, query, (trial,))[0]["lost"]

    def check_there(self) -> None:
        """Raises StoreError if the file of the store was removed or replaced while it was open: SQLite would go on
        writing where nobody can read."""
        path = self.folder / STORE
        try:
            there = path.stat().st_ino == self._inode
        except OSError:
            there = False
        if not there:
            raise StoreError(f"'{path}' has vanished while it was written; what came after is not stored")

    @contextmanager
    def _transaction(self):
        self.check_there()
        with explained(self.folder / STORE), transaction(self._db):
            yield self._insert
        self._copier.due = True

    def _insert(self, table: str, **values):
        try:
            insert_row(self._db, table, values)
        except sqlite3.IntegrityError as error:
            shown = {name: value for name, value in values.items() if name not in (*schema.JSON_COLUMNS, "detail")}
            row = ", ".join(f"{name}={value!r}" for name, value in shown.items())
            raise StoreError(f"'{self.folder}' refuses a row of {table} ({error}): {row}") from error


class _Copier(threading.Thread):
    """Copies what was committed from SQLite's write-ahead log into the store's own file, COPY_SECONDS later at most, so
    that a copy of that file alone misses little.

    due: whether anything was committed since.
    """

    def __init__(self, path: Path):
        super().__init__(daemon=True, name="ganscape-store")
        self.path, self.due, self.stopped = path, False, threading.Event()
        self.start()

    def run(self) -> None:
        while not self.stopped.wait(COPY_SECONDS):
            if self.due:
                self.due = False
                # What cannot be copied, such as on a full disk, is safe in the log and copied the next time.
                with suppress(sqlite3.Error), closing(sqlite3.connect(self.path, timeout=0.0)) as db:
                    db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def stop(self) -> None:
        self.stopped.set()
        self.join()


def _known(number: float | None) -> float | None:
    """Returns a number, None for NaN, which SQLite has no value for."""
    return None if number is None or math.isnan(number) else float(number)


def _insert_generators(insert, rows):
    for row in rows:
        insert("generators", trial=row["trial"], rung=int(row["rung"]), bytes=int(row["bytes"]),
               kept=int(row["kept"]))  # fmt: skip


def _take(lock, folder: Path):
    try:
        for wait in TAKES:
            with suppress(BlockingIOError):
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(wait)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreError(f"'{folder}' is being written by {_owner(folder)}; wait for it or stop it") from error
    except OSError as error:
        raise StoreError(f"cannot lock '{folder / LOCK}': {error.strerror}; use a folder on a local disk") from error


def _owner(folder: Path) -> str:
    try:
        with closing(connect_reader(folder / STORE)) as db:
            owner = fetch_rows(db, "SELECT pid, host, recorded FROM owners ORDER BY id DESC LIMIT 1")[0]
        return f"process {owner['pid']} on {owner['host']} (since {owner['recorded'][:19]} UTC)"
    except (sqlite3.Error, IndexError):
        return "a process that has just started"
