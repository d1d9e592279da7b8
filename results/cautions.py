"""What weakens the answer of a sweep, one sentence per reason; "" where a reason does not apply."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ganscape.results.definition import PhaseDefinition, holes_of
from ganscape.results.frames import Results
from ganscape.results.wording import count, join, setting

if TYPE_CHECKING:
    import pandas as pd

FEW_CONFIGS = 20
FEW_SEEDS = 5
EDGE = 0.05  # of a range, at either end


def cautions(results: Results, table: "pd.DataFrame") -> list[str]:
    """Returns every caution that applies to a study; table: its best configurations, best first."""
    sentences = [few(table), winners_curse(table), *(write(results) for write in OF_THE_SWEEP)]
    working = table[table["config"] != ""]
    sentences += [at_the_edge(results, working.iloc[0])] if len(working) else []
    return [sentence for sentence in sentences if sentence]


def unfinished(table: "pd.DataFrame") -> list[str]:
    """Returns how many trials are finished and how many failed, where there are unfinished or failed ones."""
    trials, finished, failed = (int(table[name].sum()) for name in ("trials", "finished", "failed"))
    sentences = []
    if finished < trials:
        sentences.append(f"This is an intermediate view: {finished:,} of {count(trials, 'trial')} are finished.")
    if failed:
        sentences.append(
            f"{failed:,} of {count(finished, 'finished trial')} failed; each counts as worse than any score."
        )
    return sentences


def few(table: "pd.DataFrame") -> str:
    """Says that methods had few configurations, or configurations few seeds."""
    configs, seeds = table["configs"].max(), max(map(len, table["scores"]))
    little = [count(configs, "configuration") + " per method"] if configs < FEW_CONFIGS else []
    little += [count(seeds, "seed") + " per configuration"] if seeds < FEW_SEEDS else []
    if not little:
        return ""
    return f"This is little evidence ({' and '.join(little)}): take the order of the methods as provisional."


def winners_curse(table: "pd.DataFrame") -> str:
    """Says that the best score was chosen for being low, unless its configuration was trained again."""
    configs, chosen = table["configs"].max(), table[table["config"] != ""]
    if len(chosen) and chosen["confirmed"].all():
        return (
            "The best configuration of each method was chosen by the scores of the search and then trained again: its "
            f"numbers here are those of {count(max(map(len, chosen['scores'])), 'fresh seed')}."
        )
    again = list(chosen.loc[chosen["confirmed"].astype(bool), "method"])
    if again:
        whose = f"configuration of {again[0]} was" if len(again) == 1 else f"configurations of {join(again)} were"
        return (
            f"The best {whose} trained again on fresh seeds, whose scores stand here; the scores of other methods are "
            "those that their best configurations were chosen by, and look better than they are."
        )
    if configs == 1:
        return ""
    return (
        f"The best of {count(configs, 'configuration')} looks better than it is, because it was chosen by the same "
        "scores; train it again with fresh seeds before quoting its number."
    )


def at_the_edge(results: Results, best) -> str:
    """Names the settings of the best configuration within the outer twentieth of their range; best: its row.

    A study that trains nothing but the settings that it lists searches no range.
    """
    if all(phase["only_defaults"] for phase in results.search()):
        return ""
    dimensions = results.study.get("methods", {}).get(best["method"], {}).get("dimensions", {})
    settings, words = results.settings(best["config"]), []
    for name, dimension in dimensions.items():
        low, high = dimension.get("low", math.nan), dimension.get("high", math.nan)
        value = settings.get(name, settings.get("g_lr", math.nan) if name == "learning_rate" else math.nan)
        if not all(isinstance(bound, int | float) for bound in (low, high, value)) or not low < high:
            continue
        scale: Callable = math.log if dimension.get("kind") == "LogUniform" and low > 0 and value > 0 else float
        unit = (scale(value) - scale(low)) / (scale(high) - scale(low))
        if unit < EDGE or unit > 1 - EDGE:
            words.append(f"{name} {setting(value)} (range {setting(low)} to {setting(high)})")
    if not words:
        return ""
    return (
        f"The best configuration of {best['method']} lies at the edge of its range in {join(words)}: a wider range "
        "may hold a better one."
    )


def completed_images(results: Results) -> str:
    """Says with what the scores of completed images do not compare: the pixels around a hole are real."""
    by_method = holes_of(results.study)
    whole = [method for method, holes in by_method.items() if not holes]
    if len(whole) == len(by_method):
        return ""
    if whole:
        return (
            f"The scores of {join(whole)}, whole generated images, do not compare with the others, which are of real "
            "images whose holes were completed."
        )
    if len(set(by_method.values())) > 1:
        kinds = join([f"{method} ({holes})" for method, holes in by_method.items()])
        return f"Methods complete different holes, so that their scores do not compare: {kinds}."
    return (
        f"Scores are of images with completed {next(iter(by_method.values()))} and real pixels around: they do not "
        "compare with scores of whole generated images, nor of other holes."
    )


def order_of_search(results: Results) -> str:
    """Says that configurations were not drawn at random."""
    if results.learning():
        return (
            f"Configurations of {searchers(results.learning())} were chosen by the scores of earlier ones and not "
            "drawn at random: they tell what this search found and not what another would, and tests of pairs leave "
            "them out."
        )
    others = [phase for phase in results.search() if phase["searcher"] != "random"]
    if not others:
        return ""
    return (
        f"The configurations of {searchers(others)} were not drawn at random: read the budget curves as a description "
        "of these trials and not as what another search would find."
    )


def defaults_first(results: Results) -> str:
    """Says that the first configurations of a random search were the study's defaults."""
    spaces = results.study.get("methods", {}).values()
    first, *later = results.search()
    drawn = first["searcher"] == "random" and not later and results.exchangeable()
    if drawn and any(space.get("defaults") for space in spaces):
        return "Defaults of the study were tried first, though the curves treat them as random draws."
    return ""


def stopped(results: Results) -> str:
    """Says how many trials a scheduler stopped early."""
    amount = int((results.per_trial()["status"] == "stopped").sum())
    if not amount:
        return ""
    return f"{count(amount, 'trial')} stopped early, for what others scored: each counts with the score it had."


def searchers(phases: list[PhaseDefinition]) -> str:
    """Returns the searchers of some phases as words: the searchers 'random' and 'gp_bandit'."""
    names = list(dict.fromkeys(f"'{phase['searcher']}'" for phase in phases))
    return f"the {'searcher' if len(names) == 1 else 'searchers'} {join(names)}"


OF_THE_SWEEP: tuple[Callable[[Results], str], ...] = (completed_images, order_of_search, defaults_first, stopped)
