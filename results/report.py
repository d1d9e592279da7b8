"""One output folder -> one self-contained HTML page that opens anywhere, offline and on a phone."""

import base64
import io
import os
import re
import shlex
from pathlib import Path

import numpy as np

from results import comparisons, importance, plots, statistics, verdict
from results.frames import Results, load
from results.store import StoreError

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
        "Every trial that finished, each seed a point; point at one to see its config and seed. Bar and box: median "
        "and quartiles of the method, a failed trial counting as worse than any score. Star: the authors' settings. "
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
# Searches whose configs are no draws at random from the space: their budget curve is the incumbent in order.
LEARNS = ("gp_bandit", "gp_ei", "skopt")
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
    shared = _shared_settings(results)
    return environment.get_template("report.html.jinja").render(
        study=dict.fromkeys(("question", "data", "scale", "rungs", "configs", "seeds")) | results.study,
        title=results.study.get("study", results.folder.name),
        sentences=verdict.sentences(results),
        protocol=results.protocol_label(),
        figures=_figures(results),
        seeds=_seeds(results),
        pairs=_pairs(results),
        importance=_importance(results),
        methods=_methods(results, shared),
        shared_settings=shared,
        failures=_failures(results),
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
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    # The size comes from the page, the proportions from the viewBox; matplotlib's metadata names outside addresses.
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return Markup(text)


def _figures(results):
    figures = dict(FIGURES)
    if results.study.get("searcher") in LEARNS:
        figures["budget-curves"] = (
            plots.incumbent_curves,
            "The best score so far, in the order in which the searcher asked. Its configurations are no independent "
            "draws, and there is one search per method: no interval can be given.",
        )
    found = [(name, svg(draw(results), name), caption) for name, (draw, caption) in figures.items()]
    return [(name, _titled(picture, results), caption) for name, picture, caption in found]


def _titled(picture, results):
    """The picture with the config and seed of each point of the distributions as its title."""
    from markupsafe import Markup, escape

    text = str(picture)
    for lane, rows in enumerate(plots.points(results).values()):
        start = text.find(f'-points-{lane}"')
        end = text.find("</g>", text.find("<use", start)) if start >= 0 else -1
        parts = re.split(r"(?<=/>)", text[start:end]) if end >= 0 else []
        places = [i for i, part in enumerate(parts) if "<use" in part]
        if len(places) != len(rows):
            continue
        for i, row in zip(places, rows.to_dict("records"), strict=True):
            title = escape(f"{row['method']} {row['config']} seed {row['seed']}: {verdict.number(row['value'])}")
            parts[i] = parts[i].replace("/>", f"><title>{title}</title></use>")
        text = text[:start] + "".join(parts) + text[end:]
    return Markup(text)


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
    return {"found": found, "figure": picture, "caption": IMPORTANCE, "trusted": importance.TRUSTED}


def _methods(results, shared):
    rows = verdict.best_configs(results).to_dict("records")
    for row in rows:
        settings = results.settings(row["config"]) if row["config"] else {}
        row["settings"] = {name: _text(value) for name, value in settings.items() if name not in shared}
        row["scores"] = [verdict.number(score) if np.isfinite(score) else "failed" for score in row["scores"]]
    return rows


def _shared_settings(results) -> dict[str, str]:
    """The settings that are the same in every trial that has them."""
    every = [results.settings(config) for config in results.trials()["config"].unique()]
    first = {name: value for settings in reversed(every) for name, value in settings.items()}
    return {name: _text(value) for name, value in first.items() if all(row.get(name, value) == value for row in every)}


def _shown(value, percent: bool = False) -> str:
    """Four digits, or whole per cent; a dash where there is no number, "failed" for infinity."""
    if value is None or np.isnan(value):
        return "\N{EN DASH}"
    if np.isinf(value):
        return "failed"
    return f"{100 * value:.0f} %" if percent else verdict.number(value)


def _text(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _failures(results):
    """One row per method and cause, the most frequent first."""
    rows = []
    for (method, cause, final), group in results.failures().groupby(["method", "cause", "final"], sort=False):
        steps, last = sorted(group["step"].dropna().unique()), group.iloc[-1]
        rows.append({
            "method": method, "cause": cause, "final": bool(final), "count": len(group), "trial": last["trial"],
            "steps": " to ".join(f"{step:,}" for step in dict.fromkeys([*steps[:1], *steps[-1:]])),
            "message": last["message"], "detail": last["detail"],
        })  # fmt: skip
    return sorted(rows, key=lambda row: -row["count"])


def _samples(results):
    """The grid of the best trial at its best rung, or the nearest that has one, beside real images; else None."""
    folder = results.folder / "samples"
    best = results.best()
    if best.empty:
        return None
    best = best.iloc[0]
    grids = {int(path.stem): path for path in (folder / best["trial"]).glob("*.png") if path.stem.isdecimal()}
    if not grids:
        return None
    rung = min(grids, key=lambda rung: abs(rung - int(best["rung"])))
    real = folder / "real.png"
    return {
        "trial": best["trial"], "method": best["method"], "value": best["value"], "rung": rung,
        "scored": int(best["rung"]), "generated": _embedded(grids[rung]),
        "walks": _embedded(walks) if (walks := grids[rung].with_name(f"{rung}_walks.png")).exists() else None,
        "real": _embedded(real) if real.exists() else None,
    }  # fmt: skip


def _embedded(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


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
