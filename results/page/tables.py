"""The tables of the page as rows for its template."""

import numpy as np

from ganscape.results import interquartile, lottery, verdict
from ganscape.results.claims import judge_sweep, shared_caveats
from ganscape.results.claims import rows as claim_rows
from ganscape.results.costs import measured_time
from ganscape.results.equal_settings import describe_ratios, ratios_at_equal_settings
from ganscape.results.frames import Results
from ganscape.results.overtuning import describe_leaders, overtuning
from ganscape.results.samples import data_url, grid
from ganscape.results.winners import further_scores
from ganscape.results.wording import duration, rounded, setting

BESIDE = ("precision", "recall")  # of a metric that is made of them
OF_THE_STUDY = (
    *("study", "source", "scale", "data", "data_fingerprint", "image_shape", "seed", "seeds", "configs"),
    *("images", "rungs"),
)


def methods(results: Results, shared: dict[str, str]) -> list[dict]:
    """Returns the best configuration of each method with the settings that are not `shared`, and the interquartile mean
    of all its trials."""
    rows = verdict.best_configs(results).to_dict("records")
    middle = interquartile.interquartile_means(results).set_index("method").to_dict("index")
    for row in rows:
        row["middle"] = middle.get(row["method"])
        settings = results.settings(row["config"]) if row["config"] else {}
        row["settings"] = {name: setting(value) for name, value in settings.items() if name not in shared}
        row["also"] = _medians(results, row["config"])
        row["scores"] = [rounded(score) if np.isfinite(score) else "failed" for score in row["scores"]]
    return rows


def _medians(results: Results, config: str) -> dict[str, float]:
    """Returns the medians over seeds of precision, recall and further metrics where a config scored its best."""
    values, scores = results.signs(), results.scores()
    values = values[values["quantity"].isin(BESIDE)][["config", "trial", "rung", "quantity", "value"]]
    others = scores[scores["metric"] != results.study.get("metric")].rename(columns={"metric": "quantity"})
    at = results.per_trial()[["trial", "rung"]]
    return {
        str(name): float(group["value"].median())
        for table in (values, others)
        for name, group in table[table["config"] == config].merge(at, on=["trial", "rung"]).groupby("quantity")
    }


def shared_settings(results: Results) -> dict[str, str]:
    """Returns the settings that are the same in every trial that has them."""
    shared: dict[str, object] = {}
    varied = set()
    for config in results.progress_of_trials()["config"].unique():
        for name, value in results.settings(config).items():
            if name not in varied and shared.setdefault(name, value) != value:
                varied.add(name)
    return {name: setting(value) for name, value in shared.items() if name not in varied}


def score_cell(value, percent: bool = False) -> str:
    """Returns four digits, or whole per cent; a dash where there is no number, "failed" for infinity."""
    if value is None or np.isnan(value):
        return "\N{EN DASH}"
    if np.isinf(value):
        return "failed"
    return f"{100 * value:.0f} %" if percent else rounded(value)


def leaders_on_fresh_seeds(results: Results) -> dict | None:
    """Returns how the configurations that led a search after a part of it did on fresh seeds: `rows`, a method and a
    length of its search each, and `sentences`; None where the study has no phase `leaders`."""
    if not any(phase.get("searcher") == "leaders" for phase in results.study.get("phases", [])):
        return None
    return {"rows": overtuning(results).to_dict("records"), "sentences": describe_leaders(results)}


def equal_settings(results: Results) -> dict | None:
    """Returns how methods compare with the first one at the settings that all are trained with: `rows`, a method each,
    `first` and a `sentence`; None where nothing can be told, see `ratios_at_equal_settings`."""
    table = ratios_at_equal_settings(results)
    if table.empty:
        return None
    first = results.methods()[0]
    return {"rows": table.to_dict("records"), "first": first, "sentence": describe_ratios(table, first)}


def variance_split(results: Results) -> dict | None:
    """Returns how much of a score is the config, the training seed and the draw of samples: `rows`, a method each, and
    `sentences`; None where `ganscape calibrate draws` has not scored the kept generators again."""
    draws = lottery.read_draws(results.folder)
    try:
        split = None if draws is None else lottery.split_variance(draws)
    except lottery.NothingToSplitError:
        return None
    return None if split is None else {"rows": split.to_dict("records"), "sentences": lottery.describe_split(split)}


def failures(results: Results) -> list[dict]:
    """Returns one row per method and cause, the most frequent first; trials that were stopped on purpose are none."""
    ends, rows = results.failures().query("cause != 'stopped'"), []
    for (method, cause, final), group in ends.groupby(["method", "cause", "final"], sort=False):
        steps, last = sorted(group["step"].dropna().unique()), group.iloc[-1]
        rows.append({
            "method": method, "cause": cause, "final": bool(final), "count": len(group), "trial": last["trial"],
            "steps": " to ".join(f"{step:,}" for step in dict.fromkeys([*steps[:1], *steps[-1:]])),
            "message": last["message"], "detail": last["detail"],
        })  # fmt: skip
    return sorted(rows, key=lambda row: -row["count"])


def planned(results: Results) -> str:
    """Returns configurations and seeds of every phase, such as "24 x 2, then 20 x 1"."""
    phases = [results.study, *results.study.get("phases", [])]
    return ", then ".join(f"{phase['configs']} x {phase['seeds']}" for phase in phases if "configs" in phase)


def signs(results: Results) -> dict:
    """Returns one row per method and cause: how many of the trials and rungs that were looked at show its sign."""
    values, rows = results.signs(), []
    looked = values.drop_duplicates(["trial", "rung"])
    shown = values[values["cause"].notna()].drop_duplicates(["trial", "rung", "cause"])
    for method in results.methods():
        at, of_method = looked[looked["method"] == method], shown[shown["method"] == method]
        for cause, group in of_method.groupby("cause", sort=False):
            ends = group.loc[group["rung"] == max(results.study.get("rungs") or [0]), "trial"]
            rows.append({"method": method, "cause": str(cause).replace("_", " "), "trials": group["trial"].nunique(),
                         "of_trials": at["trial"].nunique(), "rungs": len(group), "of_rungs": len(at),
                         "last": ends.nunique()})  # fmt: skip
    return {"looked": len(looked) > 0, "rows": sorted(rows, key=lambda row: -row["trials"])}


def stopped_by_method(results: Results) -> list[tuple[str, int]]:
    """Returns how many trials of each method were stopped early, for methods with any."""
    trials = results.progress_of_trials()
    amounts = trials.loc[trials["status"] == "stopped", "method"].value_counts()
    return [(method, int(amounts[method])) for method in results.methods() if method in amounts.index]


def samples(results: Results) -> dict | None:
    """Returns the grid of the best trial, at its best rung or the nearest with one, with real images; None without."""
    best = next(iter(results.best().to_dict("records")), None)
    if best is None:
        return None
    real = results.folder / "samples" / "real.png"
    stored = grid(results.folder, best["trial"], int(best["rung"]))
    if stored is None:
        return None
    path, rung = stored
    walks = path.with_name(f"{rung}_walks.png")
    return {
        "trial": best["trial"], "method": best["method"], "value": best["value"], "rung": rung,
        "scored": int(best["rung"]), "generated": data_url(path),
        "walks": data_url(walks) if walks.exists() else None,
        "completes": results.settings(best["config"]).get("family") == "completion",
        "real": data_url(real) if real.exists() else None,
    }  # fmt: skip


def further(results: Results) -> list[dict]:
    """Returns one row per kept generator that has scores by other protocols than the study's, the best trial first."""
    scores, kept = further_scores(results), set(results.generators()["trial"])
    rows = results.lowest()
    rows = rows[rows["trial"].isin(scores.keys() & kept)]
    return [
        {name: row[name] for name in ("trial", "method", "value")} | {"also": [s.words() for s in scores[row["trial"]]]}
        for row in rows.to_dict("records")
    ]


def cost(results: Results) -> dict:
    """Returns what trials cost up to their last score.

    unit: "CPU" time, or "wall" time for stores of versions that did not measure the former. rows: per method and in
    total, the trials, real images seen and the time.
    """
    scores = results.scores()
    spent = scores.groupby(["method", "trial"], sort=False)[["images", "seconds", "cpu_seconds"]].max()
    unit, column = measured_time(spent)
    trials = results.progress_of_trials()["method"].value_counts()
    rows = [("all", int(trials.sum()), int(spent["images"].sum()), duration(spent[column].sum()))]
    for method in results.methods():
        part = spent[spent.index.get_level_values("method") == method]
        time = duration(part[column].sum())
        rows.insert(-1, (method, int(trials.get(method, 0)), int(part["images"].sum()), time))
    return {"unit": unit, "rows": rows}


def provenance(results: Results) -> dict[str, list[tuple]]:
    """Returns named tables of (name, value) rows: study, protocol, environment, compilation."""
    study, environments, protocols = results.study, results.environments(), results.protocols()
    chosen = protocols[protocols["fingerprint"] == study.get("protocol")]
    tables = {"Study": [(name, value) for name, value in study.items() if name in OF_THE_STUDY]}
    tables["Protocol"] = _items(chosen.iloc[0]) if len(chosen) else []
    if len(environments):
        last = _items(environments.iloc[-1].dropna().drop("host", errors="ignore"))  # a page may be published
        tables["Environment"] = [("starts of the sweep", len(environments)), *last]
    tables["Compilation"] = _compilation(results.programs())
    return {name: [(str(key).replace("_", " "), value) for key, value in rows] for name, rows in tables.items() if rows}


def _items(row) -> list[tuple[str, object]]:
    return list(zip(map(str, row.index), row, strict=True))


def _compilation(programs):
    if programs.empty:
        return []
    return [
        ("programs compiled", int(programs["compiled"].sum())),
        ("read from the cache", int(programs["loaded"].sum())),
        ("structures", programs["structure"].nunique()),
        ("seconds", duration(programs["seconds"].sum())),
    ]


def claim_table(results: Results) -> dict:
    """Returns what the sweep says of published claims: rows, an answer each, and `shared`, the caveats of all."""
    answers = judge_sweep(results)
    return {"rows": claim_rows(answers), "shared": shared_caveats(answers)}
