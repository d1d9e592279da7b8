"""What to do next with a sweep, each as a command to copy."""

import shlex
from typing import NamedTuple

from ganscape.results.cautions import FEW_CONFIGS, FEW_SEEDS, at_the_edge
from ganscape.results.frames import Results
from ganscape.results.verdict import Verdict, best_configs
from ganscape.results.wording import count, join


class Step(NamedTuple):
    """Why something should be done, and the command that does it."""

    why: str
    command: str


MANY = 4  # methods that a sentence names


def next_steps(results: Results, decision: Verdict) -> list[Step]:
    """Returns what would make the answer surer, the most useful first; nothing before a configuration has worked.

    Every command but that which continues runs into a folder of its own, so that nothing recorded is touched.
    """
    words = command_words(results)
    table = best_configs(results)
    working = table[table["config"] != ""]
    if not words or results.trials().empty:
        return []
    if (results.trials()["status"] == "running").any():
        return [Step("Trials are left: the same command goes on where the sweep is.", shlex.join(words))]
    if working.empty:
        return []
    candidates = [str(method) for method in decision.candidates]
    every = len(candidates) == len(results.methods())
    names = join(candidates) if len(candidates) <= MANY else "each method" if every else "each that may be best"
    base = _without(words, "--out", "--set configs", "--set confirm", *([] if every else ["--methods"]))
    base += [] if every else ["--methods", ",".join(candidates)]
    folder, steps = _option(words, "--out") or str(results.folder), []
    if not working["confirmed"].all():
        why = f"Train the best configuration of {names} again on {FEW_SEEDS} fresh seeds, to know what it scores."
        steps.append(Step(why, _run(base, f"confirm={FEW_SEEDS}", f"{folder}-confirmed")))
    if len(candidates) > 1 and not results.learning():
        configs = max(FEW_CONFIGS, 2 * int(working["configs"].max()))
        why = f"Give {names} {count(configs, 'configuration')}, to tell them apart."
        steps.append(Step(why, _run(base, f"configs={configs}", f"{folder}-larger")))
    if edge := at_the_edge(results, working.iloc[0]):
        study = shlex.quote(str(results.study.get("study", "")))
        steps.append(Step(f"{edge} Change it in a file.", f"ganscape show {study} --toml > wider.toml"))
    return steps


def command_words(results: Results) -> list[str]:
    """Returns the words of the command that the environment recorded, else of one that the definition implies."""
    environments = results.environments()
    recorded = environments["command"].iloc[-1] if "command" in environments else None
    if isinstance(recorded, str):
        return shlex.split(recorded)
    if isinstance(recorded, list):
        return [str(word) for word in recorded]
    study = results.study
    if "study" not in study:
        return []
    options = [word for name, value in study.items() if name in ("data", "scale", "seed")
               for word in (f"--{name}", str(value))]  # fmt: skip
    return ["ganscape", "run", str(study["study"]), *options]


def _run(base: list[str], setting: str, folder: str) -> str:
    return shlex.join([*base, "--set", setting, "--out", folder])


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
