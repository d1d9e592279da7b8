"""What to do next with a sweep, each as a command to copy."""

import shlex
from typing import NamedTuple

from ganscape.results.cautions import FEW_CONFIGS, FEW_SEEDS, at_the_edge
from ganscape.results.definition import PhaseDefinition
from ganscape.results.frames import Results
from ganscape.results.verdict import Verdict, best_configs
from ganscape.results.wording import count, join

NAMED = 4  # methods that a sentence names; of more it tells the number


class Step(NamedTuple):
    """Why something should be done, and the command that does it."""

    why: str
    command: str


def next_steps(results: Results, decision: Verdict) -> list[Step]:
    """Returns what would make the answer surer, the most useful first; nothing before a configuration has worked.

    Every command goes on in the sweep's own folder, where nothing recorded is touched or trained again.
    """
    words = command_words(results)
    table = best_configs(results)
    working = table[table["config"] != ""]
    trials = results.progress_of_trials()
    if not words or trials.empty:
        return []
    if (trials["status"] == "running").any():
        return [Step("Trials are left: the same command goes on where the sweep is.", shlex.join(words))]
    if working.empty:
        return []
    folder, steps = folder_in_commands(results), []
    contending = working[working["method"].isin(decision.contenders)]
    if not contending["confirmed"].all():
        steps.append(_confirm(results, folder, decision))
    *earlier, last = results.search()
    configs = _more_configs(results, last)
    if len(decision.candidates) > 1 and results.exchangeable() and configs > last["configs"]:
        why = f"Grow the sweep to {count(configs, 'configuration')} of each method, to tell them apart."
        larger = [*_without(words, "--out", "--set configs"), "--set", f"configs={configs}", "--out", folder]
        if earlier:  # what is before a further search stays as it is
            why = f"Grow the last search to {count(configs, 'configuration')} of each method, to tell them apart."
            larger = ["ganscape", "search", folder, "--configs", str(configs), "--searcher", last["searcher"]]
            larger += ["--name", last["name"], "--seeds", str(last["seeds"])]
        steps.append(Step(why, shlex.join(larger)))
    if edge := at_the_edge(results, working.iloc[0]):
        study = shlex.quote(str(results.study.get("study", "")))
        steps.append(Step(f"{edge} Change it in a file.", f"ganscape show {study} --toml > wider.toml"))
    return steps


def _more_configs(results: Results, last: PhaseDefinition) -> int:
    """Returns how many configurations of each method a larger search has; of listed settings there are no more than
    the list."""
    configs = max(FEW_CONFIGS, 2 * last["configs"])
    if not last["only_defaults"]:
        return configs
    return min(configs, max(len(space.get("defaults", ())) for space in results.study["methods"].values()))


def _confirm(results: Results, folder: str, decision: Verdict) -> Step:
    """Returns the step that trains the best configuration of every method again that may be the best one."""
    words, methods = ["ganscape", "confirm", folder, "--seeds", str(FEW_SEEDS)], results.methods()
    chosen = [method for method in methods if method in decision.contenders]
    named = join(chosen) if len(chosen) <= NAMED else f"the {len(chosen)} methods that may be best"
    what = f"configuration{'s' if len(chosen) > 1 else ''} of {named}"
    if len(chosen) == len(methods):
        what = "configuration of each method" if len(methods) > 1 else "configuration found"
    else:
        words += ["--methods", ",".join(chosen)]
    why = f"Train the best {what} again on {FEW_SEEDS} fresh seeds, to know what it scores."
    return Step(why, shlex.join(words))


def folder_in_commands(results: Results) -> str:
    """Returns the output folder as the last `ganscape run` named it, else as it was opened."""
    return _option(command_words(results), "--out") or str(results.folder)


def command_words(results: Results) -> list[str]:
    """Returns the words of the last `ganscape run` that the environments recorded, else of one that the definition
    implies."""
    environments = results.environments()
    for recorded in reversed(list(environments["command"]) if "command" in environments else []):
        words = shlex.split(recorded) if isinstance(recorded, str) else [str(word) for word in recorded or ()]
        if "run" in words[:4]:
            return words
    study = results.study
    if "study" not in study:
        return []
    options = [word for name in ("data", "scale", "seed") if name in study for word in (f"--{name}", str(study[name]))]
    return ["ganscape", "run", str(study["study"]), *options, "--out", str(results.folder)]


def _option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1] if name in words[:-1] else ""


def _without(words: list[str], *options: str) -> list[str]:
    """Leaves out options with their values; "--set configs" stands for --set configs=ANYTHING."""
    kept, i = list[str](), 0
    while i < len(words):
        value = words[i + 1] if i + 1 < len(words) else ""
        if words[i] in options or f"{words[i]} {value.partition('=')[0]}" in options:
            i += 2
            continue
        kept.append(words[i])
        i += 1
    return kept
