"""Transfers ranges from one sweep to another: cuts a study's spaces to where an earlier sweep has its best configs."""

import math
from pathlib import Path

from ganscape.search_spaces import Study, StudyError, narrow

# Good configs of a method: SHARE of all, at least GOOD; a method needs at least OF configs.
SHARE, GOOD, OF = 0.1, 5, 10


def with_ranges_from(study: Study, folder: str | Path) -> Study:
    """Returns the study with each method's ranges cut to the box around its good configs in an output folder.

    A config is as good as the median of its trials' lowest scores; failed ones count as the worst. The folder's sweep
    may be of other data, at another scale, scored by another metric: only the order of its configs is used. The
    question says where the ranges are from, so that reports of the study say it too.

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
            present = ", ".join(dict.fromkeys(trials["method"])) or "none"
            raise StudyError(
                f"ranges from {folder}: of {len(scores)} configs of method {method!r} there {len(good)} are good; at "
                f"least {GOOD} of {OF} are needed; methods there: {present}"
            )
        settings = [space.select_fields(results.settings(config)) for config in good.index]
        source = f"{space.source}; cut to the best {len(good)} of {len(scores)} configs of {label}"
        methods[method] = narrow(space, settings, source)
    question = f"{study.question} Its ranges are cut to the best configs of {label}, whose cost is not counted here."
    return study._replace(question=question, methods=methods)
