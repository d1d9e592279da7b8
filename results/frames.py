"""From the store to tidy frames, one consistent view per `load`.

trials        trial config method seed round phase status rungs + one column per setting
              phase: the part of the search that the round belongs to; a phase that confirms trains the best config
              of each method again, on seeds that had no say in choosing it.
              status: done (has the study's metric at the last rung of the definition), failed (a final failure),
              running (neither: being trained, or waiting); rungs: how many rungs have a score.
              A setting named like a column before it appears as `setting_<name>`.
scores        trial config method seed rung images metric value protocol attempt seconds
              rung: the planned point on the training axis; images: real images seen by then; value: finite, lower is
              better; protocol: fingerprint; seconds: wall seconds of training and evaluating the trial up to this rung.
failures      trial config method seed attempt cause rung step message detail final
              final False: an attempt that was lost and is tried again.
signs         trial config method seed rung quantity value cause
              quantity: diversity of the samples, a log of the trial's method, or what else the metric found, such as
              precision and recall; cause: the failure of which the value is a sign (discriminator_won,
              exploding_gradient, mode_collapse), None for most.
per_trial     trial config method seed phase status rung value
              value: the study's metric under a rule, taken at `rung`; +inf for a failed trial, NaN while running.
costs         trial images seconds
              of finished trials: up to the last score. A failed one is charged up to the rung it was heading for, at
              its own seconds per image, or its method's median where it has no score; NaN while running.
environments  recorded + one column per entry: one row per start of the sweep.
protocols     fingerprint + one column per entry.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from results import store
from results.store import StoreError

if TYPE_CHECKING:
    import pandas as pd

TRIAL = ["trial", "config", "method", "seed"]
TRIALS = [*TRIAL, "round", "phase", "status", "rungs"]
SCORES = [*TRIAL, "rung", "images", "metric", "value", "protocol", "attempt", "seconds"]
FAILURES = [*TRIAL, "attempt", "cause", "rung", "step", "message", "detail", "final"]
SIGNS = [*TRIAL, "rung", "quantity", "value", "cause"]
PER_TRIAL = [*TRIAL, "phase", "status", "rung", "value"]
DTYPES = {"seed": "int64", "round": "int64", "rungs": "int64", "images": "int64", "attempt": "int64", "rung": "Int64",
          "step": "Int64", "value": "float64", "seconds": "float64", "final": "bool"}  # fmt: skip
CONFIRMING = "best"  # the searcher of a phase that trains the best config of each method again
RECORDED = Path(__file__).parent / "recorded"
RULES: dict[str, Callable] = {  # of (value, rung) pairs
    "best": min,
    "last": lambda scores: max(scores, key=lambda score: score[1]),
}


def load(folder) -> "Results":
    """What OUT holds at this instant, also while its sweep runs. Raises StoreError when there is no store."""
    return Results(Path(folder), store.read(folder))


def recorded(name: str) -> "Results":
    """A small study that ships with the package, such as "equal_wide_digits"; raises StoreError for another name."""
    known = sorted(path.parent.name for path in RECORDED.glob(f"*/{store.STORE}"))
    if name not in known:
        raise StoreError(f"unknown recorded study '{name}'; one of: {', '.join(known)}")
    return load(RECORDED / name)


class Results:
    """One view of an output folder: `folder`, `study` (the definition, {} before the sweep began) and frames."""

    def __init__(self, folder: Path, tables: dict[str, list[dict]]):
        self.folder = folder
        self.study = tables["study"][0]["definition"] if tables["study"] else {}
        self._tables = tables
        self._made: dict[str, pd.DataFrame] = {}  # frames that many ask for; each gets its copy
        self._methods = list(
            dict.fromkeys([*self.study.get("methods", {}), *(row["method"] for row in tables["trials"])])
        )
        self._trials = {row["trial"]: row | {"phase": self._phase(row["round"])} for row in tables["trials"]}
        self._settings = {row["config"]: row["settings"] for row in tables["trials"]}

    def trials(self) -> "pd.DataFrame":
        """One row per trial in the order asked."""
        return self._once("trials", self._all_trials)

    def _once(self, name: str, make: Callable) -> "pd.DataFrame":
        if name not in self._made:
            self._made[name] = make()
        return self._made[name].copy()

    def _all_trials(self) -> "pd.DataFrame":
        status = self._status()
        rungs: dict[str, set[int]] = {trial: set() for trial in self._trials}
        for row in self._tables["scores"]:
            rungs[row["trial"]].add(row["rung"])
        settings = dict.fromkeys(name for row in self._trials.values() for name in row["settings"])
        names = {name: f"setting_{name}" if name in TRIALS else name for name in settings}
        rows = [
            row
            | {"status": status[trial], "rungs": len(rungs[trial])}
            | {names[name]: value for name, value in row["settings"].items()}
            for trial, row in self._trials.items()
        ]
        return _frame(rows, [*TRIALS, *names.values()])

    def scores(self) -> "pd.DataFrame":
        """One row per score in the order committed."""
        rows = self._tables["scores"]
        owners = [self._trials[row["trial"]] for row in rows]
        return _typed({name: [owner[name] for owner in owners] for name in TRIAL}
                      | {name: [row[name] for row in rows] for name in SCORES[len(TRIAL):]})  # fmt: skip

    def failures(self) -> "pd.DataFrame":
        """One row per failure in the order committed, lost attempts included."""
        return _frame([self._trials[row["trial"]] | row for row in self._tables["failures"]], FAILURES)

    def signs(self) -> "pd.DataFrame":
        """One row per quantity of a trial at a rung, beside its score; empty for stores of versions without signs."""
        return _frame([self._trials[row["trial"]] | row for row in self._tables["signs"]], SIGNS)

    def environments(self) -> "pd.DataFrame":
        """One row per start of the sweep."""
        rows = [{"recorded": row["recorded"]} | row["environment"] for row in self._tables["environments"]]
        return _frame(rows, list(dict.fromkeys(name for row in rows for name in row)) or ["recorded"])

    def protocols(self) -> "pd.DataFrame":
        """One row per protocol."""
        rows = [{"fingerprint": row["fingerprint"]} | row["description"] for row in self._tables["protocols"]]
        return _frame(rows, list(dict.fromkeys(name for row in rows for name in row)) or ["fingerprint"])

    def protocol_label(self) -> str:
        """The study's protocol in one phrase, such as "fd_digits, 797 samples against digits/test (797)"."""
        known = {row["fingerprint"]: row["description"] for row in self._tables["protocols"]}
        says = known.get(self.study.get("protocol"), {})
        label = str(self.study.get("metric", "score"))
        label += f", {says['samples']} samples" if says.get("samples") else ""
        label += f" against {says['reference']}" if says.get("reference") else ""
        return label + (f" ({says['reference_samples']})" if says.get("reference_samples") else "")

    def methods(self) -> list[str]:
        """The methods of the definition, then any other that has trials."""
        return list(self._methods)

    def settings(self, config: str) -> dict:
        """The settings of one config, as they were asked."""
        return self._settings[config]

    def per_trial(self, rule: str = "best") -> "pd.DataFrame":
        """One row per trial with its score under the study's metric and protocol.

        rule: "best" takes the lowest rung (a selection, as the studies do), "last" the last rung of the definition.
        A failed trial has +inf whatever it reached before, a running one NaN.
        """
        if rule not in RULES:
            raise StoreError(f"unknown rule '{rule}'; one of: {', '.join(RULES)}")
        return self._once(rule, lambda: self._by_rule(RULES[rule]))

    def _by_rule(self, pick: Callable) -> "pd.DataFrame":
        status = self._status()
        reached: dict[str, list[tuple[float, int]]] = {}
        for row in self._selected():
            reached.setdefault(row["trial"], []).append((row["value"], row["rung"]))
        rows = []
        for trial, row in self._trials.items():
            row = row | {
                "status": status[trial],
                "rung": None,
                "value": np.inf if status[trial] == "failed" else np.nan,
            }
            if status[trial] == "done":
                row["value"], row["rung"] = pick(reached[trial])
            rows.append(row)
        return _frame(rows, PER_TRIAL)

    def searched(self, rule: str = "best") -> "pd.DataFrame":
        """The rows of `per_trial` that are draws of the search: all but those of phases that confirm."""
        trials = self.per_trial(rule)
        return trials[~trials["phase"].isin(self._confirming())]

    def confirmed(self, rule: str = "best") -> "pd.DataFrame":
        """The rows of `per_trial` from phases that confirm."""
        trials = self.per_trial(rule)
        return trials[trials["phase"].isin(self._confirming())]

    def rungs(self) -> "pd.DataFrame":
        """The study's metric, one row per trial (its index) and one column per rung, NaN where there is no score."""
        import pandas as pd

        rows = pd.DataFrame(self._selected(), columns=["trial", "rung", "value"])
        return rows.pivot(index="trial", columns="rung", values="value").astype("float64").sort_index(axis=1)

    def costs(self) -> "pd.DataFrame":
        """One row per trial: real images seen and seconds of training and evaluating it."""
        trials = self.per_trial()[["trial", "method", "status"]]
        spent = self.scores().groupby("trial")[["images", "seconds"]].max()
        trials = trials.join(spent, on="trial")
        pace = (trials["seconds"] / trials["images"]).where(trials["images"] > 0)
        pace = pace.fillna(pace.groupby(trials["method"]).transform("median"))
        heading = self.failures().query("final").groupby("trial")["rung"].max()
        charged = trials["trial"].map(heading).astype("float64").fillna(max(self.study.get("rungs") or [0]))
        failed = trials["status"] == "failed"
        trials["images"] = trials["images"].astype("float64").mask(failed, charged)
        trials["seconds"] = trials["seconds"].astype("float64").mask(failed, charged * pace)
        trials.loc[trials["status"] == "running", ["images", "seconds"]] = np.nan
        return trials[["trial", "images", "seconds"]]

    def defaults(self) -> set[str]:
        """The configs that are authors' settings of their method: what the study's definition lists as defaults."""
        found = set()
        for row in self._trials.values():
            space = self.study.get("methods", {}).get(row["method"], {})
            if any(_is(row["settings"], wanted) for wanted in space.get("defaults", [])):
                found.add(row["config"])
        return found

    def best(self) -> "pd.DataFrame":
        """The rows of `scores` that hold the lowest score so far, of unfinished trials too; empty when there is none.

        Ties give several rows. A trial that failed later is left out.
        """
        failed = {trial for trial, status in self._status().items() if status == "failed"}
        rows = [row for row in self._selected() if row["trial"] not in failed]
        lowest = min((row["value"] for row in rows), default=None)
        return _frame([self._trials[row["trial"]] | row for row in rows if row["value"] == lowest], SCORES)

    def _phases(self) -> list[dict]:
        """Name, searcher and rounds of every phase, in order."""
        searcher = self.study.get("searcher", "search")
        first = {"name": searcher, "searcher": searcher, "rounds": self.study.get("rounds", 1)}
        return [first, *self.study.get("phases", [])]

    def _phase(self, number: int) -> str:
        ends = np.cumsum([phase["rounds"] for phase in self._phases()])
        return self._phases()[min(int(np.searchsorted(ends, number, side="right")), len(ends) - 1)]["name"]

    def _confirming(self) -> list[str]:
        return [phase["name"] for phase in self._phases() if phase["searcher"] == CONFIRMING]

    def _selected(self) -> list[dict]:
        wanted = (self.study.get("metric"), self.study.get("protocol"))
        return [row for row in self._tables["scores"] if (row["metric"], row["protocol"]) == wanted]

    def _status(self) -> dict[str, str]:
        last = max(self.study.get("rungs") or [0])
        status = dict.fromkeys(self._trials, "running")
        status |= {row["trial"]: "failed" for row in self._tables["failures"] if row["final"]}
        return status | {row["trial"]: "done" for row in self._selected() if row["rung"] >= last}


def _is(settings: dict, wanted: dict) -> bool:
    spelled: dict = {}
    for name, value in wanted.items():
        both = name == "learning_rate" and name not in settings
        spelled |= dict.fromkeys(("g_lr", "d_lr"), value) if both else {name: value}
    shared = spelled.keys() & settings.keys()
    return bool(shared) and all(settings[name] == spelled[name] for name in shared)


def export(results: Results, path) -> Path:
    """Writes every score with the settings of its trial to a .csv or .parquet file, whole or not at all.

    Columns: those of `scores`, then round, status, rungs and one per setting. Floats keep every bit. A trial without
    any score has one row with an empty value, so that failures are not lost on the way.
    """
    path = Path(path)
    writers = {".csv": _write_csv, ".parquet": _write_parquet}
    if path.suffix not in writers:
        raise StoreError(f"cannot export to '{path.name}'; the name must end in one of: {', '.join(writers)}")
    trials = results.trials()
    collide = [name for name in trials.columns if name in SCORES and name not in TRIAL]
    trials = trials.rename(columns={name: f"setting_{name}" for name in collide})
    scores = results.scores().drop(columns=TRIAL[1:]).astype({"images": "Int64", "attempt": "Int64"})
    table = trials.merge(scores, on="trial", how="left")
    table = table[SCORES + [name for name in table.columns if name not in SCORES]]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        writers[path.suffix](table, unfinished)
        os.replace(unfinished, path)
    except OSError as error:
        raise StoreError(f"cannot write '{path}': {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _write_csv(table, path):
    table.to_csv(path, index=False)


def _write_parquet(table, path):
    # A setting that is a number in one trial and a word in another has no type in parquet: it is written as JSON.
    for name in [name for name in table.columns if table[name].dtype.kind == "O"]:
        kinds = {type(value) for value in table[name].dropna()}
        if len(kinds) > 1 or kinds & {list, dict}:
            table[name] = table[name].map(json.dumps, na_action="ignore")
    table.to_parquet(path, index=False)


def _frame(rows: list[dict], columns: list[str]) -> "pd.DataFrame":
    return _typed({name: [row.get(name) for row in rows] for name in columns})


def _typed(values: dict[str, list]) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.DataFrame(values, columns=pd.Index(list(values), dtype=object))
    return frame.astype({name: DTYPES[name] for name in values if name in DTYPES})
