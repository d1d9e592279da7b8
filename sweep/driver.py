"""Runs a study from its plan to its last score: opens the store and the log, and hands the work to an executor."""

import importlib.metadata
import logging
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ganscape.results.store import STORE, check_rows, describe_growth, open_store, read_facts
from ganscape.sweep import pictures
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.executors import EXECUTORS, check_executor
from ganscape.sweep.generators import FOLDER, study_card
from ganscape.sweep.growth import united_plan
from ganscape.sweep.keeping import Keep, find_keep
from ganscape.sweep.log import logging_to
from ganscape.sweep.measuring.evaluation import GRID, WALK
from ganscape.sweep.outcomes import MAX_FAILURES, check_retries
from ganscape.sweep.plan import Plan
from ganscape.sweep.plugin_code import SHOWN
from ganscape.sweep.plugins import check_imported, loaded
from ganscape.sweep.program_cache import bound_cache
from ganscape.sweep.resources import ALONE, Cluster, Resources, check_address_space, cores

ONE_CORE = Resources()
logger = logging.getLogger(__name__)
NUMERICAL = ("ganscape", "jax", "jaxlib", "flax", "optax", "numpy", "scipy")
PACKAGES = ("ganscape", "jax", "jaxlib", "flax", "optax", "numpy", "scipy", "ray", "scikit-learn")


def run_study(
    plan: Plan,
    out: str | Path,
    *,
    executor: str = "local",
    workers: int | None = None,
    resources: Resources = ONE_CORE,
    cluster: Cluster = ALONE,
    max_failures: float = MAX_FAILURES,
    observe: Callable[[Backlog], None] = lambda backlog: None,
    verbose: bool = False,
    retry: Collection[str] = (),
    keep: Keep | None = None,
) -> Path:
    """Trains and scores every trial of the plan; returns the output folder.

    The same call again continues: what the store holds is not computed again.

    Args:
      plan: from `sweep.plan.plan`, made for this `out`.
      executor: a key of EXECUTORS. workers: processes; by default one per core, on a running cluster as many as fit.
      resources: what each worker gets. cluster: where Ray runs.
      max_failures: the share of trials that may crash or be lost before the sweep ends itself.
      observe: called in this process after every change, for progress.
      retry: causes of failures, such as "crashed" or "lost", whose trials are trained again, or "all".
      verbose: writes the lines of OUT/log.txt to stderr too.
      keep: how many trained generators are kept; by default what `keeping.find_keep` says.

    Raises:
      StoreError: if `out` holds another study, is foreign, is being written, or its disk is full.
      ExecutorError: if there is no such executor, it cannot give the resources, or most trials crash.
    """
    check_executor(executor, workers, resources, cluster)
    check_address_space()
    causes = check_retries(max_failures, retry)
    plan = united_plan(plan, out)
    check_rows(out)
    check_imported(out, plan.definition, changed_too=False)
    plan = plan._replace(workload=plan.workload._replace(plugins=loaded()))
    keep = find_keep(plan) if keep is None else keep
    plan = with_generators(plan, keep, out)
    with (
        EXECUTORS[executor](Path(out), workers, resources, cluster) as running,
        open_store(out) as store,
        logging_to(out, verbose),
    ):
        run = {"executor": executor, "workers": running.workers, "lanes": plan.workload.lanes} | resources._asdict()
        start = environment() | run
        logger.info("start: %s", start["command"])
        for change in changed_circumstances(out):
            logger.warning("%s", change)
        logger.info("%s, %s", start["platform"], ", ".join(f"{name} {v}" for name, v in start["versions"].items()))
        for warning in plan.warnings:
            logger.warning(warning)
        grown = describe_growth(store.study() or plan.definition, plan.definition)
        if grown:
            logger.info("the study is given more: %s", grown)
        store.begin(plan.definition, start["command"])
        for protocol in (plan.protocol, *plan.further):
            store.add_protocol(protocol.fingerprint, protocol.describe())
        pictures.save_grid(Path(out) / "samples" / "real.png", plan.workload.dataset.test[:GRID], WALK)
        if causes:
            logger.info("%d failed trials are tried again", store.retry(causes))
        backlog = Backlog(plan, store, running.workers, start, observe, max_failures, keep)
        try:
            bound_cache(Path(out) / "xla-cache")
            if not backlog.done():
                running.run(backlog, plan.workload)
        except BaseException as error:
            logger.error("ended early: %s", " ".join(f"{type(error).__name__} {error}".split()))
            raise
        backlog.remove_unknown_generators()
        logger.info("end: %d trials, %d failed", len(backlog.trials), backlog.outcomes.failed())
    return Path(out)


def with_generators(plan: Plan, keep: Keep, out: str | Path) -> Plan:
    """Returns the plan with the folder of generators, if any are kept, and with what each is saved with."""
    card = study_card(plan.definition, {"fingerprint": plan.protocol.fingerprint} | plan.protocol.describe())
    folder = str(Path(out).absolute() / FOLDER) if keep.any else ""
    return plan._replace(workload=plan.workload._replace(generators=folder, card=card))


def environment() -> dict:
    """Returns facts about this start: host, processor, versions, git commit of the project, flags of XLA, command."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": cores(),
        "host": platform.node(),
        "commit": _commit(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "command": shlex.join(["ganscape", *sys.argv[1:]]),
        "versions": versions,
        "plugins": {code.module: code.sha256 for code in loaded()},
    }


def changed_circumstances(out: str | Path) -> list[str]:
    """Returns what differs from the last start of the sweep in `out`, in words; scores on both sides of such a change
    may differ in their last digits. Empty for a folder without a sweep."""
    if not (Path(out) / STORE).exists():
        return []
    starts = read_facts(out)["environments"]
    return circumstances_between(starts[-1]["environment"], environment()) if starts else []


def circumstances_between(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns what differs between two starts that numbers may depend on, in words."""
    facts = [("processor", before.get("processor"), now["processor"])]
    facts += [("XLA_FLAGS", before.get("xla_flags"), now["xla_flags"])]
    plugins = before.get("plugins", {})
    changed = [
        f"module {name!r} is other code than before ({sha256[:SHOWN]} now, {plugins[name][:SHOWN]} then); scores on "
        "both sides of the change may differ, and the store has both starts"
        for name, sha256 in now.get("plugins", {}).items()
        if plugins.get(name, sha256) != sha256
    ]
    versions = before.get("versions", {})
    facts += [(name, versions.get(name), now["versions"].get(name)) for name in NUMERICAL]
    return changed + [
        f"continued on another {name}: {then or 'none'} before, {current or 'none'} now; scores may differ in their "
        "last digits, and the store has both starts"
        for name, then, current in facts
        if then is not None and then != current
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _commit() -> str | None:
    """Returns the commit of the checkout that this code runs from, with "+" if changed; None without one."""
    here = Path(__file__).resolve().parent

    def git(*words):
        command = ["git", "-C", str(here), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout

    try:
        if Path(git("rev-parse", "--show-toplevel").strip()) != here.parent:
            return None
        return git("rev-parse", "HEAD").strip() + ("+" if git("status", "--porcelain").strip() else "")
    except (OSError, subprocess.SubprocessError):
        return None
