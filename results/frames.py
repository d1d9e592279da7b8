"""From the store to tidy frames, one consistent view per `load`; `results.columns` says what every column means."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ganscape.errors import check_name
from ganscape.results import store
from ganscape.results.columns import (
    BASELINES,
    FAILURES,
    PER_TRIAL,
    PROGRAMS,
    SCORES,
    SIGNS,
    TRIAL,
    TRIALS,
    frame_of_rows,
    make_frame,
)
from ganscape.results.costs import costs_of_trials
from ganscape.results.definition import (
    Definition,
    PhaseDefinition,
    are_listed,
    describe_protocol,
    phase_of_round,
    phases_of,
)
from ganscape.results.status import status_of_trials
from ganscape.results.store import StoreError

if TYPE_CHECKING:
    import pandas as pd

RECORDED = Path(__file__).parent / "recorded"
RULES = {"best": {"value": True, "rung": True}, "last": {"rung": False}}  # which score of a trial: ascending by what


def load(folder) -> "Results":
    """Returns what the output folder holds now, also while its sweep runs.

    Raises:
      StoreError: where there is no store, or one that is damaged.
    """
    tables = store.read_columns(folder)
    for definition in tables["study"]["definition"]:
        store.check_complete(folder, definition, store.TO_READ)
    return Results(Path(folder), tables)


def recorded(name: str) -> "Results":
    """Returns a small study that ships with the package, such as "equal_wide_digits"; raises StoreError for another
    name."""
    known = sorted(path.parent.name for path in RECORDED.glob(f"*/{store.STORE}"))
    check_name("recorded study", name, known, StoreError)
    return load(RECORDED / name)


class Results:
    """One view of an output folder: `folder`, `study` (the definition, {} before the sweep began) and frames."""

    def __init__(self, folder: Path, tables: dict[str, dict[str, list]], parts: "tuple[Results, ...]" = ()):
        self.folder = folder
        self._parts = parts
        definitions = tables["study"]["definition"]
        self.study = cast(Definition, definitions[0] if definitions else {})
        self._phases = phases_of(self.study)
        self._tables = dict(tables)
        self._made: dict[Hashable, Any] = {}  # what `remember` made
        self._ended: dict[str, str] | None = None
        asked = tables["trials"]
        self._methods = list(dict.fromkeys([*self.study.get("methods", {}), *asked["method"]]))
        if None in asked["phase"]:  # of a store without a definition
            phases = {number: phase_of_round(self._phases, number) for number in set(asked["round"])}
            self._tables["trials"] = asked = asked | {"phase": [phases[number] for number in asked["round"]]}
        self._place = {trial: place for place, trial in enumerate(asked["trial"])}
        self._settings = dict(zip(asked["config"], asked["settings"], strict=True))

    def tables(self) -> dict[str, dict[str, list]]:
        """Returns the store as it was read, tables of columns as `store.read_columns` gives them; not to be changed."""
        return self._tables

    def searches(self) -> "tuple[Results, ...]":
        """Returns the folders that were combined, each a search of its own; this one alone where there is one."""
        return self._parts or (self,)

    def trials(self) -> "pd.DataFrame":
        """Returns the trials, one row each, in the order in which the sweep asked for them."""
        return self._once("trials", self._all_trials)

    def _once(self, name: str, make: Callable) -> "pd.DataFrame":
        return self.remember(name, make).copy()

    def remember(self, name: Hashable, make: Callable[[], Any]) -> Any:
        """Returns what `make` returned when it was first called for this name; not to be changed."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _all_trials(self) -> "pd.DataFrame":
        import pandas as pd

        return pd.concat([self.progress_of_trials(), self.frame_of_settings(self._tables["trials"]["config"])], axis=1)

    def frame_of_settings(self, configs: "Sequence[str]") -> "pd.DataFrame":
        """Returns the columns of `trials` that are settings, one row for each of these configs."""
        names = self.remember("names", lambda: dict.fromkeys(chain.from_iterable(self._settings.values())))
        rows = [self._settings[config] for config in configs]
        return make_frame(
            {f"setting_{name}" if name in TRIALS else name: [row.get(name) for row in rows] for name in names}
        )

    def progress_of_trials(self) -> "pd.DataFrame":
        """Returns the columns of `trials` that are no settings: much faster where there are many trials."""
        return self._once("progress", self._progress_of_trials)

    def _progress_of_trials(self) -> "pd.DataFrame":
        asked, scores, status = self._tables["trials"], self._tables["scores"], self._status()
        rungs = Counter(trial for trial, _ in set(zip(scores["trial"], scores["rung"], strict=True)))
        columns = {name: asked[name] for name in (*TRIAL, "round", "phase")}
        columns |= {"status": [*status.values()], "rungs": [rungs[trial] for trial in asked["trial"]]}
        return make_frame(columns)

    def scores(self) -> "pd.DataFrame":
        """Returns the scores of all metrics at all rungs, one row each, in the order committed."""
        return self._once("scores", lambda: self._with_trial("scores", SCORES))

    def failures(self) -> "pd.DataFrame":
        """Returns the failures, one row each, in the order committed, lost attempts included."""
        return self._with_trial("failures", FAILURES)

    def signs(self) -> "pd.DataFrame":
        """Returns the diagnostics of trials, a row per quantity and rung; empty for stores of versions without them."""
        return self._once("signs", lambda: self._with_trial("signs", SIGNS))

    def _with_trial(self, table: str, columns: list[str]) -> "pd.DataFrame":
        """Returns a table whose rows belong to trials, beside the columns TRIAL of each."""
        rows, asked = self._tables[table], self._tables["trials"]
        places = [self._place[trial] for trial in rows["trial"]]
        shared = {name: [asked[name][place] for place in places] for name in TRIAL}
        return make_frame(shared | {name: rows[name] for name in columns if name not in TRIAL})

    def generators(self) -> "pd.DataFrame":
        """Returns the trained generators that are kept, one row each; empty for stores of versions that kept none."""
        if self._parts:
            import pandas as pd

            return pd.concat([part.generators() for part in self._parts], ignore_index=True)
        rows, asked = store.kept_generators(_rows(self._tables["generators"])), self._tables["trials"]
        places = [self._place[row["trial"]] for row in rows]
        columns = {name: [asked[name][place] for place in places] for name in TRIAL}
        columns |= {name: [row[name] for row in rows] for name in ("rung", "bytes")}
        folder = self.folder / "generators"
        columns["path"] = [str(folder / row["trial"] / f"{row['rung']}.safetensors") for row in rows]
        return make_frame(columns)

    def environments(self) -> "pd.DataFrame":
        """Returns host, devices, versions and options of every start of the sweep, one row each."""
        starts = self._tables["environments"]
        rows = [{"recorded": at} | each for at, each in zip(starts["recorded"], starts["environment"], strict=True)]
        return frame_of_rows(rows, list(dict.fromkeys(name for row in rows for name in row)) or ["recorded"])

    def protocols(self) -> "pd.DataFrame":
        """Returns the evaluation protocols, one row each: the fingerprint and what it stands for."""
        rows = [{"fingerprint": name} | says for name, says in self._described().items()]
        return frame_of_rows(rows, list(dict.fromkeys(name for row in rows for name in row)) or ["fingerprint"])

    def programs(self) -> "pd.DataFrame":
        """Returns what workers compiled or loaded from the cache, one row for each structure and worker."""
        made = self._tables["programs"]
        return make_frame({name: made[name] for name in PROGRAMS})

    def baselines(self) -> "pd.DataFrame":
        """Returns the scores of real images, noise and untrained generators by the study's protocol, one row each;
        empty for stores of versions without them.

        Folders that were put together drew the same real images and noise: each draw is one row.
        """
        rows, protocol = self._tables["baselines"], self.study.get("protocol")
        kept = [index for index, each in enumerate(rows["protocol"]) if each == protocol]
        return make_frame({name: [rows[name][index] for index in kept] for name in BASELINES}).drop_duplicates()

    def baseline_rows(self) -> list[dict]:
        """Returns the scores of real images, noise and untrained generators, a dict for each draw; see `baselines`."""
        return self.baselines().to_dict("records")

    def protocol(self) -> dict:
        """Returns the study's protocol: its fingerprint and what that stands for."""
        fingerprint = self.study.get("protocol", "")
        return {"fingerprint": fingerprint} | self._described().get(fingerprint, {})

    def protocol_label(self) -> str:
        """Returns the study's protocol in one phrase, such as "fd_digits, 797 samples against digits/test (797)"."""
        return describe_protocol(self.study, self._described())

    def methods(self) -> list[str]:
        """Returns the methods of the definition, then any other that has trials."""
        return list(self._methods)

    def settings(self, config: str) -> dict:
        """Returns the settings of one config, as the searcher proposed them."""
        return self._settings[config]

    def per_trial(self, rule: str = "best") -> "pd.DataFrame":
        """Returns one row per trial with its score under the study's metric and protocol.

        rule: "best" takes the lowest rung (a selection, as the studies do), "last" the last rung of the definition.
        A failed trial has +inf whatever it reached before, a stopped one what it had, a running one NaN.
        """
        check_name("rule", rule, RULES, StoreError)
        return self._once(rule, lambda: self._by_rule(RULES[rule]))

    def _by_rule(self, order: dict[str, bool]) -> "pd.DataFrame":
        trials = self.progress_of_trials()[[*TRIAL, "phase", "status"]]
        scores = self._selected()[["trial", "rung", "value"]]
        scores = scores.sort_values(list(order), ascending=list(order.values()), kind="stable")
        found = trials.merge(scores.drop_duplicates("trial"), on="trial", how="left", validate="one_to_one")
        scored = found["status"].isin(["done", "stopped"])
        found["rung"] = found["rung"].astype("Int64").where(scored)
        found["value"] = found["value"].where(scored).mask(found["status"] == "failed", np.inf)
        return found[PER_TRIAL]

    def searched(self, rule: str = "best") -> "pd.DataFrame":
        """Returns the rows of `per_trial` that are draws of the search: all but those of phases that confirm."""
        trials = self.per_trial(rule)
        return trials[~trials["phase"].isin(self._confirming())]

    def confirmed(self, rule: str = "best") -> "pd.DataFrame":
        """Returns the rows of `per_trial` from phases that confirm, of the configs that are the best by now.

        In a study that grew after it was confirmed, others may have been the best before.
        """
        trials = self.per_trial(rule)
        rows = trials[trials["phase"].isin(self._confirming())]
        configs = max((phase["configs"] for phase in self._phases if phase["confirms"]), default=0)
        chosen = {name: self._best_configs(name, configs) for name in set(rows["method"])}
        counts = rows.groupby("method")["config"].nunique().to_dict()
        pairs = zip(rows["method"], rows["config"], strict=True)
        current = [counts[method] <= configs or config in chosen[method] for method, config in pairs]
        return rows[np.array(current, bool)]

    def _best_configs(self, method: str, count: int) -> list[str]:
        """Returns the configs of a method with the lowest medians over seeds in the search, as the confirming phase has
        it."""
        trials = self.searched()
        medians = trials[trials["method"] == method].groupby("config", sort=False)["value"].median()
        return list(medians.sort_values(kind="stable").index[:count])

    def independent(self, rule: str = "best") -> "pd.DataFrame":
        """Returns the rows of `searched` whose configs were asked without looking at scores.

        None of a search in which trials were stopped early: their scores are of less training than those of others.
        """
        trials = self.searched(rule)
        if "stopped" in set(self._status().values()):
            return trials.iloc[:0]
        return trials[~trials["phase"].isin([phase["name"] for phase in self.learning()])]

    def search(self) -> list[PhaseDefinition]:
        """Returns the phases that search, in order: all but those that confirm."""
        return [phase for phase in self._phases if not phase["confirms"]]

    def learning(self) -> list[PhaseDefinition]:
        """Returns the phases of the search that choose configs by the scores of others."""
        return [phase for phase in self.search() if not phase["independent"]]

    def exchangeable(self) -> bool:
        """Returns whether no score of one trial had a say in another: none was chosen, or stopped, by what others
        scored."""
        return not self.learning() and "stopped" not in set(self._status().values())

    def begins_with_known(self) -> bool:
        """Returns whether the search tries settings known beforehand and then goes on, as Kurach et al. 2019 did."""
        first, *later = self.search()
        return first["only_defaults"] and bool(later)

    def rungs(self) -> "pd.DataFrame":
        """Returns the study's metric, one row per trial (its index) and one column per rung, NaN where there is no
        score."""
        rows = self._selected().pivot(index="trial", columns="rung", values="value")
        return rows.astype("float64").sort_index(axis=1)

    def costs(self) -> "pd.DataFrame":
        """Returns one row per trial: real images seen and seconds of training and evaluating it."""
        last = max(self.study.get("rungs") or [0])
        return costs_of_trials(self.per_trial(), self.scores(), self.failures(), last)

    def defaults(self) -> set[str]:
        """Returns the configs that the study's definition lists as the defaults of their method."""
        spaces, asked, found = self.study.get("methods", {}), self._tables["trials"], set()
        for method, config in dict.fromkeys(zip(asked["method"], asked["config"], strict=True)):
            defaults = spaces.get(method, {}).get("defaults", [])
            if any(are_listed(self._settings[config], listed) for listed in defaults):
                found.add(config)
        return found

    def best(self) -> "pd.DataFrame":
        """Returns the rows of `scores` that hold the lowest score so far, of unfinished trials too; empty when there is
        none.

        Ties give several rows. A trial that failed later is left out.
        """
        scores = self.lowest()
        return scores[scores["value"] == scores["value"].min()].reset_index(drop=True)

    def lowest(self) -> "pd.DataFrame":
        """Returns the rows of `scores` that hold the lowest score of a trial so far, best trial first; none of failed
        ones."""
        status = self._status()
        scores = self._selected().sort_values(["value", "rung"], kind="stable")
        kept = scores["trial"].map(status) != "failed"
        return scores[kept].drop_duplicates("trial").reset_index(drop=True)

    def scored_at(self) -> list[str]:
        """Returns when each score of the study's metric and protocol was committed, UTC in ISO format, in order."""
        scores, wanted = self._tables["scores"], (self.study.get("metric"), self.study.get("protocol"))
        rows = zip(scores["recorded"], scores["metric"], scores["protocol"], strict=True)
        return [recorded for recorded, *how in rows if (*how,) == wanted]

    def _confirming(self) -> list[str]:
        return [phase["name"] for phase in self._phases if phase["confirms"]]

    def _selected(self) -> "pd.DataFrame":
        """Returns the scores under the study's metric and protocol."""
        scores = self.scores()
        wanted = (scores["metric"] == self.study.get("metric")) & (scores["protocol"] == self.study.get("protocol"))
        return scores[wanted]

    def _described(self) -> dict[str, dict]:
        protocols = self._tables["protocols"]
        return dict(zip(protocols["fingerprint"], protocols["description"], strict=True))

    def _status(self) -> dict[str, str]:
        if self._ended is None:
            self._ended = status_of_trials(self._tables, self.study)
        return self._ended


def _rows(columns: dict[str, list]) -> list[dict]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
