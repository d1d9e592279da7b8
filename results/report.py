"""One output folder -> one self-contained HTML page that opens anywhere, offline and on a phone."""

import io
import os
import re
import shlex
from functools import partial
from pathlib import Path

import numpy as np

from ganscape.results import comparisons, importance, plots, statistics, verdict
from ganscape.results.frames import Results, load
from ganscape.results.interactive import Points, data_url, grid, text
from ganscape.results.store import StoreError

FIGURES = {
    "budget-curves": (
        plots.budget_curves,
        "Expected best score of k configurations drawn at random from the method's space, each trained once. Every "
        "seed of a configuration belongs to a separate replicate of the whole search; the line averages the "
        "replicates. Solid: up to half of the configurations, with the 95 % jackknife-t interval of the expectation "
        "over configurations as a bar or band. Dashed: beyond, where no interval can be trusted. Dotted with open "
        "markers: the median best, while failures leave no finite expectation.",
    ),
    "score-distributions": (
        plots.score_distributions,
        "Every trial that finished, each seed a point (of many an even sample, as told at the right); point at one to "
        "see its config and seed, click for its settings and samples. Bar and box: median and quartiles of the method, "
        "a failed trial counting as worse than any score. Star: the study's default settings. "
        "The vertical position within a lane carries no meaning.",
    ),
}
SEEDS = (
    plots.seeds_versus_configs,
    "How much scores differ between seeds of one config (filled, with the 95 % interval of the deviation) and between "
    "configs (open). A difference between two configs that is not well above the seeds' deviation can be luck. "
    "Failed trials are left out here.",
)
IMPROVEMENT = (
    plots.improvement_matrix,
    "The probability that a trial of the row's method scores lower than one of the column's, both drawn from all that "
    "finished, and its 95 % interval over configs. Bold: the interval leaves out 50 %, for this pair by itself.",
)
IMPORTANCE = (
    "Bars: the share of the forest's variance over the whole space that a setting, or a pair beyond its two settings, "
    "explains (functional analysis of variance), lines: one sd between trees. Diamonds: how much worse held-out trials "
    "are predicted when the setting is shuffled."
)
INCUMBENTS = (
    plots.incumbent_curves,
    "The best score so far, in the order in which the searcher asked. Its configurations are no independent draws, and "
    "there is one search per method: no interval can be given.",
)
PRACTITIONER = (
    plots.mixed_budget_curves,
    "The best score of a practitioner who first tries settings known beforehand, in any order, and then goes on with "
    "those of the searcher, in the order in which it asked: the mean over all ways to choose among the known ones and "
    "over seeds. What the searcher asked depends on what it was told, and there is one search per method: no interval "
    "can be given.",
)
COST = (
    partial(plots.cost_curves, unit="images"),
    "The median best score against the real images that were seen, over random orders of the configurations at "
    "their recorded costs; band: 5 to 95 % of the orders, which is what one search may find and no confidence "
    "interval. Dashed: beyond half of what the method spent.",
)
TOP = (
    plots.top_distributions,
    "The best twentieth of each method's trials, failed ones counted among all. Bar: their median. How good they are "
    "depends on how much of a search space is hopeless.",
)
PAIRS_SHOWN = 28


def write_report(folder) -> Path:
    """Writes OUT/report.html, whole or not at all, from what the store and OUT/samples hold now; returns its path.

    Raises StoreError when there is no store or no space. Works at any moment of a sweep.
    """
    path = Path(folder) / "report.html"
    page = render(load(folder))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(page, encoding="utf-8")
        os.replace(unfinished, path)
    except OSError as error:
        raise StoreError(f"cannot write '{path}': {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def render(results: Results) -> str:
    """The page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(
        loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": verdict.number, "shown": _shown}
    shared, points = _shared_settings(results), Points(results)
    return environment.get_template("report.html.jinja").render(
        study=dict.fromkeys(("question", "data", "scale", "rungs", "configs", "seeds")) | results.study,
        title=results.study.get("study", results.folder.name),
        sentences=verdict.sentences(results),
        protocol=results.protocol_label(),
        figures=_figures(results, points),
        seeds=_seeds(results),
        logarithmic=statistics.log_scale(results.per_trial()["value"]) is np.log,
        pairs=_pairs(results),
        importance=_importance(results),
        methods=_methods(results, shared),
        shared_settings=shared,
        failures=_failures(results),
        signs=_signs(results),
        stopped=_stopped(results),
        facts=points.facts(shared),
        learns=bool(results.learning()),
        planned=_planned(results),
        samples=_samples(results),
        cost=_cost(results),
        provenance=_provenance(results),
        command=_command(results),
        infinity=np.inf,
    )


def svg(ax, name: str) -> str:
    """The figure of these Axes as an <svg> element; its ids begin with `name`, so several fit on one page."""
    from markupsafe import Markup
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        ax.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    page = buffer.getvalue()
    page = page[page.index("<svg") :]
    page = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", page)
    # The size comes from the page, the proportions from the viewBox; matplotlib's metadata names outside addresses.
    page = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", page, count=1)
    page = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", page, count=1)
    return Markup(re.sub(r"<metadata>.*?</metadata>", "", page, flags=re.DOTALL))


def _figures(results, points):
    """[(name, picture, caption)]; the points of two of them are marked and collected."""
    figures = dict(FIGURES)
    if results.begins_with_known():
        figures |= {"budget-curves": PRACTITIONER, "top-distributions": TOP}
    elif not results.exchangeable():
        figures["budget-curves"] = INCUMBENTS
    else:
        figures["cost-curves"] = COST
    drawn = {"score-distributions": plots.points, "top-distributions": plots.top_points}
    found = []
    for name, (draw, caption) in figures.items():
        ax = draw(results)
        picture = svg(ax, name)
        picture = points.mark(picture, drawn[name](results)) if name in drawn else picture
        found.append((name, picture, caption if ax.has_data() else ""))
    return found


def _seeds(results):
    """Seed variance and the fate of the selected best, None where no config has two finished seeds."""
    table = statistics.seed_variance(results)
    if not table["seed"].notna().any():
        return None
    kept = statistics.selection(results).set_index("method")
    rows = [row | kept.loc[row["method"]].to_dict() for row in table.to_dict("records")]
    draw, caption = SEEDS
    return {"rows": rows, "figure": svg(draw(results), "seeds-versus-configs"), "caption": caption}


def _pairs(results):
    """Probability of improvement, None for fewer than two methods with finished configs."""
    table = comparisons.pairs(results)
    if table.empty:
        return None
    shown = table.sort_values("p", kind="stable").head(PAIRS_SHOWN).to_dict("records")
    draw, caption = IMPROVEMENT
    return {"rows": shown, "count": len(table), "figure": svg(draw(results), "improvement"), "caption": caption}


def _importance(results):
    found = importance.importance(results)
    picture = svg(plots.importance_bars(found), "importance") if found.interpretable else None
    return {"found": found, "figure": picture, "caption": IMPORTANCE, "most": importance.MOST}


def _methods(results, shared):
    rows = verdict.best_configs(results).to_dict("records")
    for row in rows:
        settings = results.settings(row["config"]) if row["config"] else {}
        row["settings"] = {name: text(value) for name, value in settings.items() if name not in shared}
        row["scores"] = [verdict.number(score) if np.isfinite(score) else "failed" for score in row["scores"]]
    return rows


def _shared_settings(results) -> dict[str, str]:
    """The settings that are the same in every trial that has them."""
    shared: dict[str, object] = {}
    varied = set()
    for config in results.trials()["config"].unique():
        for name, value in results.settings(config).items():
            if shared.setdefault(name, value) != value:
                varied.add(name)
    return {name: text(value) for name, value in shared.items() if name not in varied}


def _shown(value, percent: bool = False) -> str:
    """Four digits, or whole per cent; a dash where there is no number, "failed" for infinity."""
    if value is None or np.isnan(value):
        return "\N{EN DASH}"
    if np.isinf(value):
        return "failed"
    return f"{100 * value:.0f} %" if percent else verdict.number(value)


def _failures(results):
    """One row per method and cause, the most frequent first; trials that were stopped on purpose are none."""
    failures, rows = results.failures().query("cause != 'stopped'"), []
    for (method, cause, final), group in failures.groupby(["method", "cause", "final"], sort=False):
        steps, last = sorted(group["step"].dropna().unique()), group.iloc[-1]
        rows.append({
            "method": method, "cause": cause, "final": bool(final), "count": len(group), "trial": last["trial"],
            "steps": " to ".join(f"{step:,}" for step in dict.fromkeys([*steps[:1], *steps[-1:]])),
            "message": last["message"], "detail": last["detail"],
        })  # fmt: skip
    return sorted(rows, key=lambda row: -row["count"])


def _planned(results) -> str:
    """Configurations and seeds of every phase, such as "24 x 2, then 20 x 1"."""
    phases = [results.study, *results.study.get("phases", [])]
    return ", then ".join(f"{phase['configs']} x {phase['seeds']}" for phase in phases if "configs" in phase)


def _signs(results):
    """One row per method and cause: how many of the trials and rungs that were looked at show its sign."""
    signs, rows = results.signs(), []
    looked = signs.drop_duplicates(["trial", "rung"]).groupby("method")["trial"].agg(["nunique", "size"])
    shown = signs[signs["cause"].notna()].drop_duplicates(["trial", "rung", "cause"])
    for (method, cause), group in shown.groupby(["method", "cause"], sort=False):
        ends = group.loc[group["rung"] == max(results.study.get("rungs") or [0]), "trial"]
        rows.append({"method": method, "cause": cause.replace("_", " "), "trials": group["trial"].nunique(),
                     "of_trials": int(looked.loc[method, "nunique"]), "rungs": len(group),
                     "of_rungs": int(looked.loc[method, "size"]), "last": ends.nunique()})  # fmt: skip
    return {"looked": len(looked) > 0, "rows": sorted(rows, key=lambda row: -row["trials"])}


def _stopped(results):
    """[(method, trials stopped early)], those with any."""
    trials = results.trials()
    amounts = trials.loc[trials["status"] == "stopped", "method"].value_counts()
    return [(method, int(amounts[method])) for method in results.methods() if method in amounts.index]


def _samples(results):
    """The grid of the best trial at its best rung, or the nearest that has one, beside real images; else None."""
    best = results.best()
    if best.empty:
        return None
    best, real = best.iloc[0], results.folder / "samples" / "real.png"
    found = grid(results.folder, best["trial"], int(best["rung"]))
    if found is None:
        return None
    path, rung = found
    walks = path.with_name(f"{rung}_walks.png")
    return {
        "trial": best["trial"], "method": best["method"], "value": best["value"], "rung": rung,
        "scored": int(best["rung"]), "generated": data_url(path),
        "walks": data_url(walks) if walks.exists() else None,
        "real": data_url(real) if real.exists() else None,
    }  # fmt: skip


def _cost(results):
    """Per method and in total: trials, real images seen and seconds up to the last score of each trial."""
    spent = results.scores().groupby(["method", "trial"], sort=False)[["images", "seconds"]].max()
    trials = results.trials()["method"].value_counts()
    rows = [("all", len(results.trials()), int(spent["images"].sum()), spent["seconds"].sum())]
    for method in results.methods():
        part = spent[spent.index.get_level_values("method") == method]
        rows.insert(-1, (method, int(trials.get(method, 0)), int(part["images"].sum()), part["seconds"].sum()))
    return [(method, count, images, _duration(seconds)) for method, count, images, seconds in rows]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _provenance(results):
    """Named tables of (name, value) rows."""
    study, environments, protocols = results.study, results.environments(), results.protocols()
    chosen = protocols[protocols["fingerprint"] == study.get("protocol")]
    names = (
        "study",
        "source",
        "scale",
        "data",
        "data_fingerprint",
        "image_shape",
        "seed",
        "seeds",
        "configs",
        "images",
        "rungs",
    )
    tables = {"Study": [(name, study[name]) for name in names if name in study]}
    tables["Protocol"] = list(chosen.iloc[0].items()) if len(chosen) else []
    if len(environments):
        tables["Environment"] = [("starts of the sweep", len(environments)), *environments.iloc[-1].dropna().items()]
    tables["Compilation"] = _compilation(results.programs())
    return {name: [(key.replace("_", " "), value) for key, value in rows] for name, rows in tables.items() if rows}


def _compilation(programs):
    if programs.empty:
        return []
    return [
        ("programs compiled", int(programs["compiled"].sum())),
        ("read from the cache", int(programs["loaded"].sum())),
        ("structures", programs["structure"].nunique()),
        ("seconds", _duration(programs["seconds"].sum())),
    ]


def _command(results) -> str:
    """The command the environment recorded, else the one that the definition implies."""
    environments = results.environments()
    if "command" in environments:
        command = environments["command"].iloc[-1]
        return command if isinstance(command, str) else shlex.join(map(str, command))
    study = results.study
    options = [part for name in ("data", "scale", "seed") if name in study for part in (f"--{name}", str(study[name]))]
    return shlex.join(["ganscape", "run", str(study["study"]), *options]) if "study" in study else ""
