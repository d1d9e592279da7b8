"""One output folder -> one self-contained HTML page that opens anywhere, offline and on a phone."""

import shlex
from pathlib import Path

import numpy as np

from ganscape.garbage import uncollected
from ganscape.results import sentences, statistics
from ganscape.results.frames import Results, load
from ganscape.results.page import figures, tables
from ganscape.results.page.next_steps import command_words, folder_in_commands, next_steps
from ganscape.results.page.templates import load_template, source, write_page
from ganscape.results.page.trials import trials_json
from ganscape.results.verdict import find_verdict

SCRIPTS = ("core", "filter", "tables", "figures", "trials", "charts", "dialog", "start")  # in the order they run
OF_THE_STUDY = ("question", "data", "scale", "rungs", "configs", "seeds")


def write_report(folder) -> Path:
    """Writes OUT/report.html, whole or not at all, from what the store and OUT/samples hold now; returns its path.

    Raises StoreError when there is no store or no space. Works at any moment of a sweep.
    """
    with uncollected():
        return write_page(Path(folder) / "report.html", render(load(folder)))


def render(results: Results) -> str:
    """Returns the page as text."""
    shared, decision = tables.shared_settings(results), find_verdict(results)
    pairs, seeds = figures.pairs_figure(results), figures.seeds(results)
    data = figures.data_tables(results, ("improvement", pairs), ("seeds-versus-configs", seeds))
    return load_template("report.html.jinja").render(
        study=dict.fromkeys(OF_THE_STUDY) | results.study,
        title=results.study.get("study", results.folder.name),
        answer=sentences.answer(results, decision=decision),
        protocol=results.protocol_label(),
        figures=figures.main_figures(results),
        seeds=seeds,
        logarithmic=statistics.log_scale(results.per_trial()["value"]) is np.log,
        pairs=pairs,
        claims=tables.claim_table(results),
        importance=figures.importance_figure(results),
        methods=tables.methods(results, shared),
        shared_settings=shared,
        equal_settings=tables.equal_settings(results),
        leaders=tables.leaders_on_fresh_seeds(results),
        variance=tables.variance_split(results),
        failures=tables.failures(results),
        signs=tables.signs(results),
        stopped=tables.stopped_by_method(results),
        facts=trials_json(results, shared, data, folder_in_commands(results)),
        script=source(*(f"{name}.js" for name in SCRIPTS)),
        css=source("style.css"),
        next_steps=next_steps(results, decision),
        learns=bool(results.learning()),
        planned=tables.planned(results),
        samples=tables.samples(results),
        further=tables.further(results),
        cost=tables.cost(results),
        provenance=tables.provenance(results),
        command=shlex.join(command_words(results)),
        infinity=np.inf,
    )
