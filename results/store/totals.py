"""How far a sweep is, counted by the database itself: its rows of trials are not read, however many there are."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganscape.results.counts import Asked, expected_of_method
from ganscape.results.definition import phases_of, takes_part
from ganscape.results.store import schema
from ganscape.results.store.database import STORE, column_names, fetch_rows, rows_of
from ganscape.results.store.growth import placement
from ganscape.results.store.reader import FACTS, checked, snapshot

# A row per trial: where it stands in the study, its status by the rules of `results.status`, and its lowest score.
STATES = """CREATE TEMP TABLE states AS
  SELECT t.id, t.method, places.phase, places.round, t.config, t.seed,
    CASE WHEN EXISTS (SELECT 1 FROM scores AS s WHERE s.trial = t.trial AND s.rung >= :last
                      AND s.metric = :metric AND s.protocol = :protocol) THEN 'done'
         WHEN ends.cause IS NULL THEN 'running' WHEN ends.cause = 'stopped' THEN 'stopped' ELSE 'failed'
    END AS status,
    (SELECT min(value) FROM scores AS s WHERE s.trial = t.trial
     AND s.metric = :metric AND s.protocol = :protocol) AS lowest
  FROM trials AS t
  JOIN places ON places.stored_phase IS {phase} AND places.number IS {phase_round} AND places.stored_round = t.round
  LEFT JOIN (
    SELECT trial, cause, max(id) FROM failures WHERE final AND id NOT IN ({retried}) GROUP BY trial
  ) AS ends ON ends.trial = t.trial"""
PLACES = "CREATE TEMP TABLE places (stored_phase TEXT, number INTEGER, stored_round INTEGER, phase TEXT, round INTEGER)"
STORED_PLACES = "SELECT DISTINCT {phase}, {phase_round}, t.round FROM trials AS t"
ROUNDS = """SELECT method, phase, count(*) AS trials, count(DISTINCT config) AS configs FROM states
  GROUP BY method, phase, round ORDER BY round"""
STATUS = """SELECT method, sum(status = 'done') AS done, sum(status = 'failed') AS failed,
    sum(status = 'stopped') AS stopped, sum(status = 'running') AS running
  FROM states GROUP BY method ORDER BY min(id)"""
# SQLite takes the other columns of such a row from the trial that has the minimum.
LOWEST = """SELECT method, config, seed, min(lowest) AS lowest FROM states
  WHERE status IN ('done', 'stopped') AND lowest IS NOT NULL GROUP BY method"""
FIRST_FAILED = "SELECT method, config, seed, min(id) FROM states WHERE status = 'failed' GROUP BY method"
HOPELESS = """SELECT method FROM (SELECT method, avg(status = 'failed') AS share FROM states GROUP BY method, config)
  GROUP BY method HAVING min(share) >= 0.5"""


class MethodTotals(NamedTuple):
    """The trials of one method.

    done, failed, stopped, running: how many have ended so, or have not ended. asked: phase -> what was asked in it.
    hopeless: half or more of the trials of every config failed.
    lowest: the lowest score of those that are done or stopped, infinite where there is none. config, seed: those of its
    trial; without a score those of the first that failed, "" and -1 where none did.
    """

    done: int
    failed: int
    stopped: int
    running: int
    asked: Mapping[str, Asked]
    hopeless: bool
    lowest: float
    config: str
    seed: int

    @property
    def trials(self) -> int:
        """The number of trials that were asked."""
        return self.done + self.failed + self.stopped + self.running


NOTHING_ASKED = MethodTotals(0, 0, 0, 0, {}, hopeless=True, lowest=math.inf, config="", seed=-1)


class Totals(NamedTuple):
    """How far the sweep of a store is, at one instant.

    study: the definition, {} before the sweep began. protocols: fingerprint -> what it stands for. baselines: rows of
    that table, by the study's protocol. methods: those that have trials, in the order in which these were asked.
    """

    study: Mapping[str, Any]
    protocols: Mapping[str, Mapping[str, Any]]
    baselines: list[dict[str, Any]]
    methods: Mapping[str, MethodTotals]

    def expected(self) -> int:
        """Returns how many trials the sweep will have in all, as far as can be told from its store; 0 before it
        began."""
        expected = 0
        for method in self.study.get("methods", ()):
            phases = [phase for phase in phases_of(self.study) if takes_part(phase, method)]
            totals = self.methods.get(method, NOTHING_ASKED)
            asked = [totals.asked.get(phase["name"], Asked((), 0)) for phase in phases]
            expected += expected_of_method(phases, asked, totals.running > 0, totals.hopeless)
        return expected


def read_totals(folder: str | Path) -> Totals:
    """Returns how far the sweep in OUT is, also while it runs.

    Raises StoreError if there is no store, or it is foreign or newer, and for damage as far as this meets it.
    """
    with snapshot(folder) as db:
        few = checked(db, Path(folder) / STORE, {name: schema.QUERIES[name] for name in (*FACTS, "baselines")})
        definitions = [*few["study"]["definition"], *few["definitions"]["definition"]]
        study = definitions[-1] if definitions else {}
        _make_states(db, study, definitions)
        protocols = dict(zip(few["protocols"]["fingerprint"], few["protocols"]["description"], strict=True))
        baselines = [row for row in rows_of(few["baselines"]) if row["protocol"] == study.get("protocol")]
        return Totals(study, protocols, baselines, _by_method(db))


def _make_states(db, study: Mapping[str, Any], definitions: Sequence[Mapping[str, Any]]) -> None:
    """Creates the temporary table `states`: phase, round, status and lowest score of every trial."""
    columns = column_names(db, "trials")
    names = {name: f"t.{name}" if name in columns else "NULL" for name in ("phase", "phase_round")}
    db.execute("PRAGMA temp_store=MEMORY")
    db.execute(PLACES)
    place = placement(definitions or [{}])
    for stored in db.execute(STORED_PLACES.format(**names)).fetchall():
        phase, _, number = place(*stored)
        db.execute("INSERT INTO places VALUES (?, ?, ?, ?, ?)", (*stored, phase, number))
    retried = "SELECT failure FROM retries" if column_names(db, "retries") else ""
    wanted = {"last": max(study.get("rungs") or [0]), "metric": study.get("metric"), "protocol": study.get("protocol")}
    db.execute(STATES.format(retried=retried, **names), wanted)


def _by_method(db) -> dict[str, MethodTotals]:
    asked: dict[str, dict[str, Asked]] = {}
    for row in fetch_rows(db, ROUNDS):
        phases = asked.setdefault(row["method"], {})
        before = phases.get(row["phase"], Asked((), 0))
        phases[row["phase"]] = Asked((*before.configs, row["configs"]), before.trials + row["trials"])
    shown = {row["method"]: row for query in (FIRST_FAILED, LOWEST) for row in fetch_rows(db, query)}
    hopeless = {row["method"] for row in fetch_rows(db, HOPELESS)}
    methods = {}
    for row in fetch_rows(db, STATUS):
        method = row.pop("method")
        best = {name: shown[method][name] for name in ("lowest", "config", "seed") if name in shown.get(method, ())}
        facts = row | best | {"asked": asked[method], "hopeless": method in hopeless}
        methods[method] = NOTHING_ASKED._replace(**facts)
    return methods
