"""The store: what a sweep has asked and found, in one SQLite file per output folder.

One process writes, any number read meanwhile. Rows are appended and never changed; a call that has returned
survives `kill -9` and loss of power (WAL, synchronous=FULL). This is the only file that knows SQL.

    OUT/store.sqlite    the tables below; born complete under another name, then renamed
    OUT/store.lock      held with flock by the writer; the kernel frees it when the writer dies

Tables: study (one row), environments, owners, protocols, trials, scores, failures, signs,
programs, migrations.
"""

import fcntl
import json
import math
import os
import socket
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ganscape.errors import UserError

STORE = "store.sqlite"
LOCK = "store.lock"
WORDS = ("question", "source")
NEWBORN = "store.sqlite.new"
APPLICATION_ID = 0x47414E53  # "GANS", at byte 68 of the file
CAUSES = ("diverged", "crashed", "stopped", "timeout", "lost")
SECONDS_TO_WAIT = 30.0
TAKES = (0.01, 0.05, 0.1)  # seconds between tries to lock: `is_written` of another process has the lock for a moment


class StoreError(UserError):
    """What the user of an output folder can put right; the message is one line."""


# Schema: a list of functions, each applied once, in one transaction with its record.


def m001_initial(db):
    for statement in (
        """CREATE TABLE study (id INTEGER PRIMARY KEY CHECK (id = 1), definition TEXT NOT NULL,
             recorded TEXT NOT NULL) STRICT""",
        """CREATE TABLE environments (id INTEGER PRIMARY KEY, environment TEXT NOT NULL,
             recorded TEXT NOT NULL) STRICT""",
        """CREATE TABLE owners (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL,
             recorded TEXT NOT NULL) STRICT""",
        """CREATE TABLE protocols (fingerprint TEXT PRIMARY KEY, description TEXT NOT NULL,
             recorded TEXT NOT NULL) STRICT""",
        """CREATE TABLE trials (id INTEGER PRIMARY KEY, round INTEGER NOT NULL, trial TEXT NOT NULL UNIQUE,
             config TEXT NOT NULL, method TEXT NOT NULL, seed INTEGER NOT NULL, structure TEXT NOT NULL,
             settings TEXT NOT NULL, recorded TEXT NOT NULL) STRICT""",
        """CREATE TABLE scores (id INTEGER PRIMARY KEY, trial TEXT NOT NULL REFERENCES trials (trial),
             rung INTEGER NOT NULL, images INTEGER NOT NULL, metric TEXT NOT NULL, value REAL NOT NULL,
             protocol TEXT NOT NULL REFERENCES protocols (fingerprint), attempt INTEGER NOT NULL,
             seconds REAL NOT NULL, recorded TEXT NOT NULL, UNIQUE (trial, rung, metric, protocol)) STRICT""",
        """CREATE TABLE failures (id INTEGER PRIMARY KEY, trial TEXT NOT NULL REFERENCES trials (trial),
             attempt INTEGER NOT NULL, cause TEXT NOT NULL, rung INTEGER, step INTEGER, message TEXT NOT NULL,
             detail TEXT NOT NULL, final INTEGER NOT NULL, recorded TEXT NOT NULL) STRICT""",
        "CREATE INDEX failures_of_trial ON failures (trial)",
    ):
        db.execute(statement)


def m002_signs(db):
    """What losses, gradients and samples say beside a score, and of which failure it is a sign."""
    db.execute(
        """CREATE TABLE signs (id INTEGER PRIMARY KEY, trial TEXT NOT NULL REFERENCES trials (trial),
             rung INTEGER NOT NULL, quantity TEXT NOT NULL, value REAL NOT NULL, cause TEXT,
             recorded TEXT NOT NULL, UNIQUE (trial, rung, quantity)) STRICT"""
    )


def m003_programs(db):
    """What workers compiled or read from the compilation cache before they could train a cohort."""
    db.execute(
        """CREATE TABLE programs (id INTEGER PRIMARY KEY, structure TEXT NOT NULL, compiled INTEGER NOT NULL,
             loaded INTEGER NOT NULL, seconds REAL NOT NULL, lanes INTEGER NOT NULL, recorded TEXT NOT NULL) STRICT"""
    )


MIGRATIONS = [m001_initial, m002_signs, m003_programs]

QUERIES = {
    "study": "SELECT definition, recorded FROM study",
    "environments": "SELECT recorded, environment FROM environments ORDER BY id",
    "protocols": "SELECT fingerprint, description, recorded FROM protocols ORDER BY rowid",
    "trials": "SELECT trial, config, method, seed, round, structure, settings, recorded FROM trials ORDER BY round, id",
    "scores": "SELECT trial, rung, images, metric, value, protocol, attempt, seconds, recorded FROM scores ORDER BY id",
    "failures": "SELECT trial, attempt, cause, rung, step, message, detail, final, recorded FROM failures ORDER BY id",
    "signs": "SELECT trial, rung, quantity, value, cause, recorded FROM signs ORDER BY id",
    "programs": "SELECT structure, compiled, loaded, seconds, lanes, recorded FROM programs ORDER BY id",
}
GROWING = ("environments", "trials", "scores", "failures")  # whose ids count their rows
JSON_COLUMNS = ("definition", "environment", "description", "settings")


# Reading


def read(folder) -> dict[str, list[dict]]:
    """Every table of OUT as lists of dicts, all seen at one instant; does not disturb a running sweep.

    Keys: study, environments, protocols, trials, scores, failures, signs, programs; a table that an older version
    did not write is empty. Raises StoreError when there is no store.
    """
    return {table: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
            for table, columns in read_columns(folder).items()}  # fmt: skip


def read_columns(folder) -> dict[str, dict[str, list]]:
    """The same with each table as a dict of columns, which is faster where there are many rows."""
    with _reading(folder) as db:
        db.execute("BEGIN")
        written = {row["name"] for row in _rows(db, "SELECT name FROM sqlite_master WHERE type = 'table'")}
        return {
            table: _columns(db, query) if table in written else {name: [] for name in _named(query)}
            for table, query in QUERIES.items()
        }


def rows_written(folder) -> tuple[int, ...]:
    """How many rows the tables that grow have: it differs after every commit. Raises StoreError as `read` does."""
    with _reading(folder) as db:
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in ("study", "protocols"))
        last = ", ".join(f"(SELECT ifnull(max(id), 0) FROM {table})" for table in GROWING)
        return db.execute(f"SELECT {counts}, {last}").fetchone()


def is_written(folder) -> bool:
    """Returns whether a process holds the lock of OUT, that is, whether a sweep runs there now."""
    try:
        with open(Path(folder) / LOCK, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no lock file, or a file system without locks: no sweep of ours runs there
        return False
    return False


@contextmanager
def _reading(folder):
    path = Path(folder) / STORE
    if not path.exists():
        raise StoreError(f"no results in '{folder}': it holds no {STORE}; name the output folder of a sweep")
    _refuse_foreign(Path(folder))
    with _explained(path), closing(_connect_reader(path)) as db:
        _refuse_newer(db, path)
        yield db


def _connect_reader(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=SECONDS_TO_WAIT, isolation_level=None)
    try:
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        db.close()
        log = path.with_name(STORE + "-wal")
        if log.exists() and log.stat().st_size:
            raise
        # A folder on read-only media has no place for SQLite's index of the log; without a log none is needed.
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return db


def _named(query) -> list[str]:
    return query.removeprefix("SELECT ").partition(" FROM ")[0].split(", ")


def _rows(db, query, values=()) -> list[dict]:
    columns = _columns(db, query, values)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _columns(db, query, values=()) -> dict[str, list]:
    cursor = db.execute(query, values)
    names = [column[0] for column in cursor.description]
    rows = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
    columns = {name: list(row) for name, row in zip(names, rows, strict=True)}
    decode = dict.fromkeys(JSON_COLUMNS, json.loads) | {"final": bool}
    return {name: [*map(decode[name], column)] if name in decode else column for name, column in columns.items()}


def check(folder, definition: dict):
    """Raises StoreError if OUT is foreign or holds a study that is defined otherwise; writes nothing."""
    if (Path(folder) / STORE).exists():
        study = read(folder)["study"]
        _refuse_other(Path(folder), study[0]["definition"] if study else None, definition)
    else:
        _refuse_foreign(Path(folder))


def _refuse_other(folder: Path, stored: dict | None, asked: dict):
    """Words about a study (WORDS) may change between versions; what it does may not."""
    stored, asked = _without_words(stored), _without_words(json.loads(_json(asked)))
    if stored is not None and stored != asked:
        raise StoreError(f"'{folder}' holds another study: {differences(stored, asked)}; choose another folder")


def _without_words(value):
    if not isinstance(value, dict):
        return value
    return {name: _without_words(inner) for name, inner in value.items() if name not in WORDS}


# Writing


def open_store(folder) -> "Store":
    """The one writer of OUT, which is created when absent; close it or leave its `with` block to free the lock.

    Raises StoreError if another process writes there, if OUT cannot be written, or if OUT is foreign: a folder
    of other things, a store.sqlite of another program, or one of a newer Ganscape. Nothing foreign is touched.
    """
    folder = Path(folder)
    try:
        _refuse_foreign(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / LOCK, "ab")  # noqa: SIM115 - held until the store is closed
    except OSError as error:
        raise StoreError(f"cannot write in '{folder}': {error.strerror or error}") from error
    try:
        _take(lock, folder)
        with _explained(folder / STORE):
            return Store(folder, lock, _connect_writer(folder))
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

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self._db.close()
        self._lock.close()

    def study(self) -> dict | None:
        """The definition of the study, None before `begin`."""
        rows = _rows(self._db, QUERIES["study"])
        return rows[0]["definition"] if rows else None

    def begin(self, definition: dict):
        """Writes the definition the first time.

        Raises StoreError if OUT already holds a study that is defined otherwise.
        """
        stored = self.study()
        _refuse_other(self.folder, stored, definition)
        if stored is None:
            with self._transaction() as insert:
                insert("study", definition=_json(definition))

    def add_environment(self, environment: dict):
        """Appends what a start of the sweep runs on."""
        with self._transaction() as insert:
            insert("environments", environment=_json(environment))

    def add_protocol(self, fingerprint: str, description: dict):
        """Records what a fingerprint stands for; the same again changes nothing."""
        known = {row["fingerprint"]: row["description"] for row in _rows(self._db, QUERIES["protocols"])}
        if fingerprint not in known:
            with self._transaction() as insert:
                insert("protocols", fingerprint=fingerprint, description=_json(description))
        elif known[fingerprint] != json.loads(_json(description)):
            different = differences(known[fingerprint], description)
            raise StoreError(f"protocol '{fingerprint}' is stored with another description: {different}")

    def add_trials(self, round: int, trials: list[dict]):
        """Appends the trials of one round, all or none. Keys: trial config method seed settings structure."""
        with self._transaction() as insert:
            for row in trials:
                insert("trials", round=int(round), trial=row["trial"], config=row["config"], method=row["method"],
                       seed=int(row["seed"]), structure=row["structure"], settings=_json(row["settings"]))  # fmt: skip

    def add_scores(self, rows: list[dict]):
        """Appends finite scores, all or none. Keys: trial rung images metric value protocol attempt seconds, and
        signs, if any: a list with keys quantity value cause.

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
                       attempt=int(row["attempt"]), seconds=float(row["seconds"]))  # fmt: skip
                for sign in row.get("signs", ()):
                    insert("signs", trial=row["trial"], rung=int(row["rung"]), quantity=sign["quantity"],
                           value=float(sign["value"]), cause=sign["cause"])  # fmt: skip

    def add_failure(self, row: dict):
        """Appends one failure. Keys: trial attempt cause rung step message detail final; rung and step may be None."""
        if row["cause"] not in CAUSES:
            raise ValueError(f"unknown cause of failure '{row['cause']}'; one of: {', '.join(CAUSES)}")
        rung, step = (None if row[name] is None else int(row[name]) for name in ("rung", "step"))
        with self._transaction() as insert:
            insert("failures", trial=row["trial"], attempt=int(row["attempt"]), cause=row["cause"], rung=rung,
                   step=step, message=row["message"], detail=row["detail"] or "",
                   final=int(row["final"]))  # fmt: skip

    def add_programs(self, row: dict):
        """Appends what a worker compiled. Keys: structure compiled loaded seconds lanes."""
        with self._transaction() as insert:
            insert("programs", structure=row["structure"], compiled=int(row["compiled"]), loaded=int(row["loaded"]),
                   seconds=float(row["seconds"]), lanes=int(row["lanes"]))  # fmt: skip

    def trials(self) -> list[dict]:
        """All trials by round, then in the order they were added."""
        return _rows(self._db, QUERIES["trials"])

    def scores(self) -> list[dict]:
        """All scores in the order they were added."""
        return _rows(self._db, QUERIES["scores"])

    def failures(self) -> list[dict]:
        """All failures in the order they were added."""
        return _rows(self._db, QUERIES["failures"])

    def attempts(self, trial: str) -> int:
        """How often this trial was lost (its worker died)."""
        query = "SELECT count(*) AS lost FROM failures WHERE trial = ? AND cause = 'lost'"
        return _rows(self._db, query, (trial,))[0]["lost"]

    @contextmanager
    def _transaction(self):
        with _explained(self.folder / STORE), _transaction(self._db):
            yield self._insert

    def _insert(self, table: str, **values):
        try:
            _insert(self._db, table, values)
        except sqlite3.IntegrityError as error:
            shown = {name: value for name, value in values.items() if name not in (*JSON_COLUMNS, "detail")}
            row = ", ".join(f"{name}={value!r}" for name, value in shown.items())
            raise StoreError(f"'{self.folder}' refuses a row of {table} ({error}): {row}") from error


def _insert(db, table: str, values: dict):
    values = values | {"recorded": datetime.now(UTC).isoformat(timespec="milliseconds")}
    places = ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", values)


@contextmanager
def _transaction(db):
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _json(value) -> str:
    """JSON text; floats keep every bit, numpy scalars become plain numbers, NaN and infinity are refused."""
    return json.dumps(value, allow_nan=False, default=lambda scalar: scalar.item())


def differences(stored: dict, asked: dict) -> str:
    """What differs between two dicts, in words, at most three entries; "" where nothing does."""
    names = [name for name in {**stored, **asked} if stored.get(name) != asked.get(name)]
    return ", ".join(f"{name} is {_short(stored.get(name))}, not {_short(asked.get(name))}" for name in names[:3])


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


# Opening


def _refuse_foreign(folder: Path):
    """Looks at names and at the first 72 bytes, and writes nothing."""
    if not folder.exists():
        return
    names = set(os.listdir(folder))
    if STORE not in names:
        others = names - {LOCK, NEWBORN, NEWBORN + "-journal"}
        if others:
            found = f"it holds '{min(others)}' and no {STORE}"
            raise StoreError(f"'{folder}' is not an output folder: {found}; name a new or empty folder")
        return
    with open(folder / STORE, "rb") as file:
        header = file.read(72)
    if header[:16] != b"SQLite format 3\0" or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreError(f"'{folder / STORE}' was not written by Ganscape; name another folder")


def _refuse_newer(db, path: Path):
    known = {migration.__name__ for migration in MIGRATIONS}
    for row in _rows(db, "SELECT name FROM migrations ORDER BY name"):
        if row["name"] not in known:
            raise StoreError(
                f"'{path}' was written by a newer Ganscape (migration '{row['name']}'); upgrade to open it"
            )


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
        with closing(_connect_reader(folder / STORE)) as db:
            owner = _rows(db, "SELECT pid, host, recorded FROM owners ORDER BY id DESC LIMIT 1")[0]
        return f"process {owner['pid']} on {owner['host']} (since {owner['recorded'][:19]} UTC)"
    except (sqlite3.Error, IndexError):
        return "a process that has just started"


def _connect_writer(folder: Path) -> sqlite3.Connection:
    if not (folder / STORE).exists():
        _create(folder)
    path = folder / STORE
    db = sqlite3.connect(path.resolve().as_uri(), uri=True, timeout=SECONDS_TO_WAIT, isolation_level=None)
    try:
        _refuse_newer(db, path)
        _prefer_wal(db)
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA fullfsync=ON")
        db.execute("PRAGMA foreign_keys=ON")
        _migrate(db)
        with _transaction(db):
            _insert(db, "owners", {"pid": os.getpid(), "host": socket.gethostname()})
    except BaseException:
        db.close()
        raise
    return db


def _create(folder: Path):
    """A complete store under another name, then renamed: store.sqlite never exists half made."""
    for name in (NEWBORN, NEWBORN + "-journal"):
        (folder / name).unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / NEWBORN, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute("CREATE TABLE migrations (name TEXT PRIMARY KEY, recorded TEXT NOT NULL) STRICT")
        _migrate(db)
    os.replace(folder / NEWBORN, folder / STORE)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _migrate(db):
    applied = {row["name"] for row in _rows(db, "SELECT name FROM migrations")}
    for migration in MIGRATIONS:
        if migration.__name__ not in applied:
            with _transaction(db):
                migration(db)
                _insert(db, "migrations", {"name": migration.__name__})


def _prefer_wal(db):
    """Readers and the writer do not meet in WAL mode; a file system without shared memory gets the old journal."""
    try:
        mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
            raise
        mode = "refused"
    if mode != "wal":
        db.execute("PRAGMA journal_mode=DELETE")


SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk of '{path}' is full; what was acknowledged is safe, free some space and {again}",
    sqlite3.SQLITE_IOERR: "the disk failed at '{path}' ({error}); what was acknowledged is safe, {again}",
    sqlite3.SQLITE_READONLY: "'{path}' cannot be written ({error}); check its permissions",
    sqlite3.SQLITE_CANTOPEN: "'{path}' cannot be opened ({error}); check the permissions and space of its folder",
    sqlite3.SQLITE_BUSY: "'{path}' is held by another program ({error}); close it and {again}",
    sqlite3.SQLITE_CORRUPT: "'{path}' is damaged ({error}); restore it from a copy",
    sqlite3.SQLITE_NOTADB: "'{path}' is damaged ({error}); restore it from a copy",
}


@contextmanager
def _explained(path: Path):
    """Turns what the disk did into a StoreError; our own mistakes pass."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        code = getattr(error, "sqlite_errorcode", None)
        unreadable = not isinstance(error, sqlite3.Error) or "decode" in str(error)
        sentence = SENTENCES.get(sqlite3.SQLITE_CORRUPT if unreadable else (code or 0) & 0xFF)
        if sentence is None:
            raise
        again = "give the same command to continue"
        raise StoreError(sentence.format(path=path, error=error, again=again)) from error
