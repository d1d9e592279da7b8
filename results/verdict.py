"""What the numbers of a study allow one to say, as data; `results.sentences` puts it into words."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ganscape.results import budget, ranking
from ganscape.results.frames import Results
from ganscape.results.ranking import Ranking

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    *("method", "config", "scores", "median", "mean", "sd", "low", "high"),
    *("configs", "trials", "finished", "failed", "confirmed", "stopped"),
]


class Verdict(NamedTuple):
    """Which methods may be the best, and by what rule that was decided.

    rule: "fresh seeds" (one configuration of each method, chosen before these seeds were drawn), "budget" (the expected
    best of `k` configurations), "search, then fresh seeds" (by the budget first, then by fresh seeds of those methods
    that it leaves), or "none" where none of these can be asked.
    candidates: the methods that may be best, the leader first; worse: those that are shown to be worse than the leader.
    contenders: the methods that the search leaves, whose configurations fresh seeds are for; all that work where the
      search decides nothing.
    search: the ranking by the budget, where the rule has that part.
    """

    rule: str
    ranking: Ranking
    k: int = 0
    contenders: tuple[str, ...] = ()
    search: Ranking | None = None

    @property
    def of_fresh_seeds(self) -> bool:
        """Whether `ranking` is of means over fresh seeds."""
        return self.rule in ("fresh seeds", "search, then fresh seeds")

    @property
    def candidates(self) -> tuple[str, ...]:
        return self.ranking.candidates

    @property
    def worse(self) -> tuple[str, ...]:
        return self.ranking.worse

    @property
    def winner(self) -> str:
        """The method that is shown to be better than every other one; "" where there is none."""
        return self.candidates[0] if len(self.candidates) == 1 and self.worse else ""


def best_configs(results: Results, rule: str = "best") -> "pd.DataFrame":
    """Returns one row per method, best first: its configuration with the lowest median over seeds.

    Columns: method config, scores (one per seed in seed order, +inf for a failed one), median mean sd low high of these
    (sd: between seeds, NaN for one seed), configs and trials (asked), finished (failed ones and those
    stopped early included), failed, confirmed, stopped (early). Only configurations with every seed finished take part;
    config is "" when none of a method worked.
    Where the search was followed by trials of the chosen configuration on fresh seeds (confirmed), and all of them
    are finished, the scores are theirs and no others.
    """
    import pandas as pd

    searched, fresh = (
        each.sort_values("seed", kind="stable") for each in (results.searched(rule), results.confirmed(rule))
    )
    rows = [
        _best_config(method, searched[searched["method"] == method], fresh[fresh["method"] == method])
        for method in results.methods()
    ]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("median", kind="stable", ignore_index=True)


def find_verdict(results: Results, rule: str = "best") -> Verdict:
    """Ranks the methods by fresh seeds where all that work have them, else by the expected best at a budget, and then
    those that this leaves by fresh seeds, where all of them have some.

    The budget is `budget.comparison_budget` of the method with the fewest finished configurations. By neither, and in
    the order of the best configurations, where searches learn from scores or begin with known settings.
    """
    table = best_configs(results, rule)
    working = table[np.isfinite(table["median"].astype(float))].set_index("method")
    methods = tuple(map(str, working.index))
    nothing = Verdict("none", Ranking((), methods, ()), contenders=methods)
    if len(working) < 2:
        return nothing
    again = working[working["confirmed"].astype(bool) & (working["scores"].map(len) > 1)]
    fresh = {str(method): np.asarray(row, dtype=np.float64) for method, row in again["scores"].items()}
    if len(fresh) == len(working):
        return Verdict("fresh seeds", ranking.by_seeds(fresh), contenders=methods)
    if results.begins_with_known() or not results.exchangeable():
        return nothing
    trials = results.searched(rule)
    scores = {method: budget.replicates(trials, method) for method in results.methods()}
    unfinished = tuple(method for method, rows in scores.items() if not len(rows))
    scores = {method: rows for method, rows in scores.items() if len(rows)}
    k = budget.comparison_budget(min(map(len, scores.values())))
    order = ranking.by_budget(scores, k)
    left = order.at_level(ranking.LEVEL / 2).candidates
    contenders = tuple(method for method in left + unfinished if method in methods)
    if len(contenders) > 1 and fresh.keys() >= set(contenders) and not unfinished:
        decided = ranking.by_search_then_seeds(order, {method: fresh[method] for method in contenders})
        return Verdict("search, then fresh seeds", decided, k, contenders, order)
    return Verdict("budget", order._replace(candidates=order.candidates + unfinished), k, contenders)


def _best_config(method, trials, fresh):
    counted = [*trials["status"], *fresh["status"]]
    failed, finished = counted.count("failed"), len(counted) - counted.count("running")
    groups = trials.groupby("config", sort=False)["value"]
    medians = groups.median()[groups.count() == groups.size()]
    config = medians.idxmin() if len(medians) and np.isfinite(medians.min()) else ""
    median = medians[config] if config else np.inf
    score = trials.loc[trials["config"] == config, "value"].to_numpy()
    again = fresh.loc[fresh["config"] == config, "value"].to_numpy()
    confirmed = bool(len(again)) and not np.isnan(again).any()
    if confirmed:
        median, score = float(np.median(again)), again
    finite = score[np.isfinite(score)]
    sd = finite.std(ddof=1) if len(finite) > 1 else np.nan
    mean, low, high = (score.mean(), score.min(), score.max()) if len(score) else (np.nan, np.nan, np.nan)
    amounts = len(groups), len(counted), finished, failed
    early = counted.count("stopped")
    return method, config, score.tolist(), median, mean, sd, low, high, *amounts, confirmed, early
