"""How far every trial of a store is."""

from ganscape.results.definition import Definition


def status_of_trials(tables: dict[str, dict[str, list]], study: Definition) -> dict[str, str]:
    """Returns trial -> status, in the order of the trials: "done" (has the study's metric by its protocol at the last
    rung), "failed" (a final failure), "stopped" (early, by a scheduler), or "running" (none of these).

    Args:
      tables: of a store, as columns. study: its definition.
    """
    trials, failures, scores = tables["trials"], tables["failures"], tables["scores"]
    status = dict.fromkeys(trials["trial"], "running")
    ends = zip(failures["trial"], failures["cause"], failures["final"], strict=True)
    status |= {trial: "stopped" if cause == "stopped" else "failed" for trial, cause, final in ends if final}
    last = max(study.get("rungs") or [0])
    wanted = (study.get("metric"), study.get("protocol"))
    rows = zip(scores["trial"], scores["rung"], scores["metric"], scores["protocol"], strict=True)
    return status | {trial: "done" for trial, rung, *how in rows if rung >= last and (*how,) == wanted}
