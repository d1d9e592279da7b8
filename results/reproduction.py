"""One page about a paper: its claims, its table of best scores beside what was found, and links to the reports."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganscape.errors import check_name
from ganscape.results.claims import judge, rows, shared_caveats, write_csv
from ganscape.results.claims.claim import Paper
from ganscape.results.claims.equal import PAPER as EQUAL
from ganscape.results.claims.landscape import PAPER as LANDSCAPE
from ganscape.results.costs import measured_time
from ganscape.results.frames import Results, load
from ganscape.results.page.papers import paper_figures
from ganscape.results.page.templates import load_template, source, write_page
from ganscape.results.sentences import answer
from ganscape.results.store import StoreError
from ganscape.results.verdict import best_configs
from ganscape.results.wording import duration

PAGE, TABLE = "reproduction.html", "claims.csv"


class Reproduction(NamedTuple):
    """The studies of a paper that its claims need, in the order in which they are run.

    published: method -> the paper's best score in words, for the table beside ours.
    """

    paper: Paper
    studies: tuple[str, ...]
    published: dict[str, str]


# The search of equal/seeds is that of equal/wide. Published: Table 3, mean and deviation of 50 seeds, as other papers
# quote it.
REPRODUCTIONS = {
    "equal": Reproduction(
        EQUAL,
        ("equal/seeds", "equal/narrow", "equal/f1"),
        {
            "mm_gan": "MNIST 9.8 ± 0.9, CIFAR10 72.7 ± 3.6",
            "ns_gan": "MNIST 6.8 ± 0.5, CIFAR10 58.5 ± 1.9",
            "lsgan": "MNIST 7.8 ± 0.6, CIFAR10 87.1 ± 47.5",
            "wgan": "MNIST 6.7 ± 0.4, CIFAR10 55.2 ± 2.3",
            "wgan_gp": "MNIST 20.3 ± 5.0, CIFAR10 55.8 ± 0.9",
            "dragan": "MNIST 7.6 ± 0.4, CIFAR10 69.8 ± 2.0",
            "began": "MNIST 13.1 ± 1.0, CIFAR10 71.4 ± 1.6",
            "vae": "MNIST 23.8 ± 0.6, CIFAR10 155.7 ± 11.6",
        },
    ),
    "landscape": Reproduction(
        LANDSCAPE,
        ("landscape/reg-norm", "landscape/loss", "landscape/both", "landscape/combined", "landscape/architecture"),
        {},
    ),
}


def find_reproduction(name: str) -> Reproduction:
    """Returns the reproduction of a paper by its name; raises StoreError that lists the choices for another."""
    check_name("paper", name, sorted(REPRODUCTIONS), StoreError)
    return REPRODUCTIONS[name]


def write_reproduction(reproduction: Reproduction, out: str | Path, folders: Sequence[Path]) -> Path:
    """Writes OUT/reproduction.html and OUT/claims.csv from the folders of the paper's studies; returns the page's path.

    Raises:
      StoreError: if a folder holds no sweep, or there is no room.
    """
    out = Path(out)
    answers = [one for one in judge(folders) if one.claim.paper is reproduction.paper]
    studies = [load(folder) for folder in folders]
    page = load_template("reproduction.html.jinja").render(
        paper=reproduction.paper,
        rows=rows(answers),
        shared=shared_caveats(answers),
        studies=[_study(results, out) for results in studies],
        published=bool(reproduction.published),
        tables=[_table(results, reproduction) for results in studies],
        table=TABLE,
        css=source("style.css"),
    )
    write_csv(answers, out / TABLE)
    return write_page(out / PAGE, page)


def _study(results: Results, out: Path) -> dict:
    """Returns one row of the table of studies."""
    costs = results.costs()
    kind, column = measured_time(costs)
    return {
        "name": results.study["study"],
        "question": results.study["question"],
        "scale": results.study["scale"],
        "data": results.study["data"],
        "protocol": results.protocol_label(),
        "headline": answer(results).headline,
        "trials": len(results.trials()),
        "failed": int((results.trials()["status"] == "failed").sum()),
        "duration": f"{duration(float(np.nansum(costs[column])))} {kind}",
        "report": str((results.folder / "report.html").relative_to(out)),
        "figures": paper_figures(results),
    }


def _table(results: Results, reproduction: Reproduction) -> dict:
    """Returns the best config of each method of one study, beside the paper's score."""
    best = best_configs(results)
    return {
        "study": results.study["study"],
        "metric": results.study["metric"],
        "rows": [
            {
                "method": method,
                "median": median,
                "seeds": len(scores),
                "confirmed": confirmed,
                "published": reproduction.published.get(method, ""),
            }
            for method, median, scores, confirmed in zip(
                best["method"], best["median"], best["scores"], best["confirmed"], strict=True
            )
        ],
    }
