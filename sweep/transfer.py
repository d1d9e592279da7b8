"""Ranges transferred from one sweep to another: a study's spaces, cut to where an earlier sweep found its best."""

import math
from pathlib import Path

from ganscape.search_spaces import Study, StudyError, narrow

# Of the configs of a method, this share counts as good, and so many at least, of so many at least.
SHARE, GOOD, OF = 0.1, 5, 10


def with_ranges_from(study: Study, folder: str | Path) -> Study:
    """The study with each method's ranges cut to the box around the good configs of that method in an output folder.

    A config is as good as the median of its trials' lowest scores; failed ones count as the worst. The folder's sweep
    may be of other data, at another scale, scored by another metric: only the order of its configs is used. The
    question says where the ranges are from, so that whoever sees results of the study is told.

    Raises:
      StoreError: there is no store. StudyError: trials of it are running, or it has too few configs of a method.
    """
    from ganscape.results import load

    results = load(folder)
    label = f"{results.study.get('study', 'no study')} on {results.study.get('data', 'no data')}"
    trials = results.searched()
    if (trials["status"] == "running").any():
        raise StudyError(f"ranges from {folder}: its sweep ({label}) is not finished")
    methods = {}
    for method, space in study.methods.items():
        scores = trials[trials["method"] == method].groupby("config")["value"].median().sort_values(kind="stable")
        good = scores[scores < math.inf].head(max(GOOD, math.ceil(SHARE * len(scores))))
        if len(scores) < OF or len(good) < GOOD:
            held = ", ".join(dict.fromkeys(trials["method"])) or "none"
            raise StudyError(
                f"ranges from {folder}: of {len(scores)} configs of method {method!r} there {len(good)} are good; at "
                f"least {GOOD} of {OF} are needed; methods there: {held}"
            )
        found = [space.select_fields(results.settings(config)) for config in good.index]
        source = f"{space.source}; cut to the best {len(good)} of {len(scores)} configs of {label}"
        methods[method] = narrow(space, found, source)
    question = f"{study.question} Its ranges are cut to the best configs of {label}, whose cost is not counted here."
    return study._replace(question=question, methods=methods)
