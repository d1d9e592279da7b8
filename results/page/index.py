"""The list of sweeps in a folder, one line each."""

from urllib.parse import quote

from ganscape.results import sentences
from ganscape.results.frames import Results
from ganscape.results.live import progress
from ganscape.results.page.templates import load_template, source
from ganscape.results.wording import rounded


def describe_sweep(results: Results, name: str) -> dict:
    """Returns one row of the list: a sweep's study, progress, best score and address, as the template names them."""
    state, lowest = progress(results), results.lowest()
    study = f"{results.study.get('study', '')} on {results.study.get('data', '')}" if results.study else "no study yet"
    best = f"{rounded(lowest['value'].iloc[0])} ({lowest['method'].iloc[0]})" if len(lowest) else "\N{EN DASH}"
    return {
        "name": name, "link": quote(name), "trouble": "", "study": study,
        "ended": sum(state.counts.values()) - state.counts["running"], "expected": state.expected,
        "failed": state.counts["failed"], "protocol": results.protocol_label(), "best": best,
        "headline": sentences.answer(results).headline,
    }  # fmt: skip


def render_index(title: str, sweeps: list[dict], seconds: int) -> str:
    """Returns the page that lists sweeps; seconds: after which a browser asks for it again."""
    page = load_template("index.html.jinja")
    return page.render(title=title or "Sweeps", sweeps=sweeps, seconds=seconds, css=source("style.css"))
