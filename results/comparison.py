"""Several output folders on one page: what differs between them, and which methods score lower in which."""

import os
from collections.abc import Sequence
from pathlib import Path

from ganscape.results import plots, sentences
from ganscape.results.folder_contrasts import check_folders, contrasts, definition_differences
from ganscape.results.frames import Results, load
from ganscape.results.page import figures, tables
from ganscape.results.page.templates import load_template, source, write_page
from ganscape.results.store import StoreError
from ganscape.results.verdict import best_configs
from ganscape.results.wording import count, join

PAGE = "comparison.html"


def write_comparison(folders: Sequence[str | Path], to: str | Path = PAGE) -> Path:
    """Writes one page about several folders that are scored alike, the first compared with each other one.

    Returns its path. Raises StoreError for fewer than two folders, one without a study, or others than `check_folders`
    lets pass.
    """
    if len(folders) < 2:
        raise StoreError("a comparison needs at least two output folders")
    parts, to = [load(folder) for folder in folders], Path(to)
    check_folders(parts)
    return write_page(to, render_comparison(parts, to.parent))


def render_comparison(parts: Sequence[Results], beside: Path) -> str:
    """Returns the page as text; beside: the folder that it will be in, for links to reports."""
    rivals = [_rival(parts[0], part) for part in parts[1:]]
    return load_template("comparison.html.jinja").render(
        title=f"Comparison of {len(parts)} sweeps",
        protocol=parts[0].protocol_label(),
        first=parts[0].folder.name,
        folders=[_folder(part, beside) for part in parts],
        rivals=rivals,
        methods=_methods(parts),
        figures=_figures(parts),
        css=source("style.css"),
    )


def _rival(one: Results, other: Results) -> dict:
    rows = contrasts(one, other)
    return {
        "name": other.folder.name,
        "headline": _headline(rows, one.folder.name, other.folder.name),
        "differences": definition_differences(one, other),
        "rows": rows,
    }


def _headline(rows: list, one: str, other: str) -> str:
    """Returns which methods score lower in which of two folders, in one sentence."""
    words = []
    for verdict in ("lower", "higher"):
        if names := [row.method for row in rows if row.verdict == verdict]:
            words.append(f"{join(names)} {'scores' if len(names) == 1 else 'score'} {verdict}")
    tested = [row for row in rows if row.verdict]
    if words:
        rest = sum(row.verdict == "not told apart" for row in rows)
        also = f"; {count(rest, 'other method')} not told apart" if rest else ""
        return f"In {other}, compared with {one}, {join(words)}{also}."
    if tested:
        return f"No method is told apart between {one} and {other}, of {count(len(tested), 'method')} tested."
    why = "the table says why" if rows else "they have no method in common"
    return f"Nothing is tested between {one} and {other}: {why}."


def _folder(results: Results, beside: Path) -> dict:
    """Returns one row of the table of folders."""
    page, trials = results.folder / "report.html", results.trials()
    cost = tables.cost(results)
    return {
        "name": results.folder.name,
        "link": os.path.relpath(page, beside) if page.exists() else "",
        "study": results.study.get("study", ""),
        "scale": results.study.get("scale", ""),
        "planned": tables.planned(results),
        "trials": len(trials),
        "failed": int((trials["status"] == "failed").sum()),
        "running": int((trials["status"] == "running").sum()),
        "cost": f"{cost['rows'][-1][3]} ({cost['unit']})",
        "headline": sentences.answer(results).headline,
    }


def _methods(parts: Sequence[Results]) -> list[dict]:
    """Returns the best configuration of each method in each folder, None where a folder does not have the method."""
    best = [best_configs(part).set_index("method").to_dict("index") for part in parts]
    names = dict.fromkeys(method for part in parts for method in part.methods())
    return [{"method": name, "best": [table.get(name) for table in best]} for name in names]


def _figures(parts: Sequence[Results]) -> list[tuple[str, str]]:
    """Returns each folder's name and figure of scores, all on one axis."""
    drawn = [(part, plots.score_distributions(part)) for part in parts]
    limits = [ax.get_xlim() for _, ax in drawn if ax.has_data()]
    for _, ax in drawn:
        if limits and ax.has_data() and len({other.get_xscale() for _, other in drawn if other.has_data()}) == 1:
            ax.set_xlim(min(low for low, _ in limits), max(high for _, high in limits))
    return [(part.folder.name, figures.svg(ax, f"scores-{index}")) for index, (part, ax) in enumerate(drawn)]
