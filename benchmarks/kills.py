"""Kills driver, workers and nodes of a study on a simulated Ray cluster at random, and checks that nothing changes.

    python benchmarks/kills.py [--kills 20] [--seed 0]

The study has a Gaussian-process searcher, whose rounds depend on scores, and a scheduler that stops trials. If it
finishes before all kills (with SIGKILL) are spent, another one starts. Each must equal an undisturbed study on local
workers: the same configs, the same scores to the last bit, the same stopped trials.
"""

import os

os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
os.environ.setdefault("RAY_worker_niceness", "0")

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ganscape import results

SIZE = (
    *("configs=12", "rounds=4", "images=6400", "interval=3200", "samples=100"),
    *("disc_iters=1", "z_dim=8", "discriminator_normalization=none"),
)
KINDS = ("driver", "worker", "node")
LONGEST = 20.0  # seconds between two kills


def command(out: Path, executor: str, *options: str) -> list[str]:
    settings = [part for setting in SIZE for part in ("--set", setting)]
    study = ["equal/bandit", "--methods", "ns_gan", "--scheduler", "halving", "--max-failures", "1"]
    head = [sys.executable, "-W", "ignore", "-m", "ganscape", "run", *study]
    return [*head, "--executor", executor, "--out", str(out), *settings, *options]


def outcome(out: Path) -> tuple:
    """Returns the configs by round, the scores, and the stopped trials of a study."""
    sweep = results.load(out)
    trials = sorted((row.round, row.trial, row.g_lr, row.beta1) for row in sweep.trials().itertuples())
    scores = sorted((row.trial, row.rung, row.value) for row in sweep.scores().itertuples())
    failures = sweep.failures()
    return trials, scores, sorted(failures.loc[failures["cause"] == "stopped", "trial"])


def workers() -> list[int]:
    """Returns the process ids of Ray workers that this script started."""
    mark = f"GANSCAPE_KILLS={os.environ['GANSCAPE_KILLS']}".encode()
    numbers = []
    for entry in Path("/proc").iterdir():
        try:
            own = entry.name.isdigit() and mark in (entry / "environ").read_bytes()
            if own and (entry / "cmdline").read_bytes().startswith(b"ray::ImplicitFunc"):
                numbers.append(int(entry.name))
        except OSError:
            continue
    return numbers


def strike(kind: str, driver: subprocess.Popen, cluster, chance: random.Random) -> bool:
    """Kills one process of this kind once a worker is running. Returns False if the driver ended before."""
    while not (busy := workers()):
        if driver.poll() is not None:
            return False
        time.sleep(0.1)
    if kind == "driver":
        driver.kill()
        driver.wait()
    elif kind == "worker":
        os.kill(chance.choice(busy), signal.SIGKILL)
    else:
        cluster.remove_node(cluster.others.pop(0), allow_graceful=False)
        cluster.others.append(cluster.add_node(num_cpus=1))
    return True


def study(folder: Path, cluster, kills: dict[str, int], left: int, chance: random.Random) -> None:
    """Runs one study to its end, with at most `left` kills on the way, and counts them in `kills`."""
    run = command(folder, "ray", "--address", cluster.address)
    driver = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = sum(kills.values())
    while sum(kills.values()) - began < left:
        time.sleep(chance.uniform(0, LONGEST))
        if driver.poll() is not None:
            break
        kind = chance.choice(KINDS)
        kills[kind] += strike(kind, driver, cluster, chance)
        if driver.poll() is not None:
            driver = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    driver.wait()
    while driver.returncode:
        driver = subprocess.Popen(run)
        driver.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ["GANSCAPE_KILLS"] = str(os.getpid())
    chance, kills, studies, lost = random.Random(arguments.seed), dict.fromkeys(KINDS, 0), 0, 0
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder / "cache")
        subprocess.run(command(folder / "whole", "local"), check=True, capture_output=True)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        cluster.others = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)]
        try:
            while sum(kills.values()) < arguments.kills:
                studies += 1
                out = folder / f"broken{studies}"
                study(out, cluster, kills, arguments.kills - sum(kills.values()), chance)
                assert outcome(out) == outcome(folder / "whole"), f"study {studies} differs from the undisturbed one"
                causes = results.load(out).failures()["cause"]
                lost += int((causes == "lost").sum())
                print(f"{sum(kills.values())} kills, {studies} studies equal to the undisturbed one", flush=True)
        finally:
            cluster.shutdown()
    print(f"{', '.join(f'{count} of a {kind}' for kind, count in kills.items())}; {lost} trials tried again")


if __name__ == "__main__":
    main()
