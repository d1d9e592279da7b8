"""The tables of a store and how they came to be: migrations, each applied once, and what is read of each table."""


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
    """Adds the diagnostics of trials: losses, gradients and samples beside a score, and of which failure they are a
    sign."""
    db.execute(
        """CREATE TABLE signs (id INTEGER PRIMARY KEY, trial TEXT NOT NULL REFERENCES trials (trial),
             rung INTEGER NOT NULL, quantity TEXT NOT NULL, value REAL NOT NULL, cause TEXT,
             recorded TEXT NOT NULL, UNIQUE (trial, rung, quantity)) STRICT"""
    )


def m003_programs(db):
    """Adds what workers compiled or read from the compilation cache before they could train a cohort."""
    db.execute(
        """CREATE TABLE programs (id INTEGER PRIMARY KEY, structure TEXT NOT NULL, compiled INTEGER NOT NULL,
             loaded INTEGER NOT NULL, seconds REAL NOT NULL, lanes INTEGER NOT NULL, recorded TEXT NOT NULL) STRICT"""
    )


def m004_baselines(db):
    """Adds scores of real images, of noise and of untrained generators, by the sweep's own protocol.

    source: the architecture of an untrained generator, else empty. draw: counts the draws of one kind.
    """
    db.execute(
        """CREATE TABLE baselines (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, source TEXT NOT NULL,
             draw INTEGER NOT NULL, metric TEXT NOT NULL, value REAL NOT NULL,
             protocol TEXT NOT NULL REFERENCES protocols (fingerprint), recorded TEXT NOT NULL,
             UNIQUE (protocol, kind, source, draw)) STRICT"""
    )


def m005_retries(db):
    """Adds which failures a user had tried again: they are no longer final."""
    db.execute(
        """CREATE TABLE retries (id INTEGER PRIMARY KEY, failure INTEGER NOT NULL UNIQUE REFERENCES failures (id),
             recorded TEXT NOT NULL) STRICT"""
    )


def m006_generators(db):
    """Adds which generators are kept: each row says so of one, or that it is kept no longer; the last one counts."""
    db.execute(
        """CREATE TABLE generators (id INTEGER PRIMARY KEY, trial TEXT NOT NULL REFERENCES trials (trial),
             rung INTEGER NOT NULL, bytes INTEGER NOT NULL, kept INTEGER NOT NULL, recorded TEXT NOT NULL) STRICT"""
    )


def m007_growth(db):
    """Adds later definitions of a study that was given more, and the phase of a trial, which none of them changes."""
    db.execute(
        """CREATE TABLE definitions (id INTEGER PRIMARY KEY, definition TEXT NOT NULL, command TEXT NOT NULL,
             recorded TEXT NOT NULL) STRICT"""
    )
    db.execute("ALTER TABLE trials ADD COLUMN phase TEXT")
    db.execute("ALTER TABLE trials ADD COLUMN phase_round INTEGER")


def m008_cpu_seconds(db):
    """Adds the CPU time of a trial up to a score; NULL where it was not measured."""
    db.execute("ALTER TABLE scores ADD COLUMN cpu_seconds REAL")


MIGRATIONS = [
    *(m001_initial, m002_signs, m003_programs, m004_baselines, m005_retries, m006_generators, m007_growth),
    m008_cpu_seconds,
]

# All but the largest column of trials, of which a sweep that goes on needs few values.
WITHOUT_SETTINGS = (
    "SELECT trial, config, method, seed, round, phase, phase_round, structure, recorded FROM trials ORDER BY round, id"
)
QUERIES = {
    "study": "SELECT definition, recorded FROM study",
    "environments": "SELECT recorded, environment FROM environments ORDER BY id",
    "protocols": "SELECT fingerprint, description, recorded FROM protocols ORDER BY rowid",
    "definitions": "SELECT definition, command, recorded FROM definitions ORDER BY id",
    "trials": "SELECT trial, config, method, seed, round, phase, phase_round, structure, settings, recorded "
    "FROM trials ORDER BY round, id",
    "scores": "SELECT trial, rung, images, metric, value, protocol, attempt, seconds, cpu_seconds, recorded "
    "FROM scores ORDER BY id",
    "failures": "SELECT id, trial, attempt, cause, rung, step, message, detail, final, recorded FROM failures "
    "ORDER BY id",
    "retries": "SELECT failure, recorded FROM retries ORDER BY id",
    "signs": "SELECT trial, rung, quantity, value, cause, recorded FROM signs ORDER BY id",
    "programs": "SELECT structure, compiled, loaded, seconds, lanes, recorded FROM programs ORDER BY id",
    "baselines": "SELECT kind, source, draw, metric, value, protocol, recorded FROM baselines ORDER BY id",
    "generators": "SELECT trial, rung, bytes, kept, recorded FROM generators ORDER BY id",
}
GROWING = ("environments", "trials", "scores", "failures")  # whose ids count their rows
JSON_COLUMNS = ("definition", "environment", "description", "settings")
