"""Kills processes of a study at random, and checks that nothing changes.

    python benchmarks/kills.py [--what ray|keep|grow] [--kills 20] [--seed 0]

ray: driver, workers and nodes on a simulated Ray cluster. The study has a Gaussian-process searcher, whose rounds
depend on scores, and a scheduler that stops trials. If it finishes before all kills (with SIGKILL) are spent, another
one starts. Each must equal an undisturbed study on local workers: the same configs, the same scores to the last bit,
and the same stopped trials.

keep: driver and workers of a study on local workers that keeps generators. After each kill every generator that the
store says is kept is there and whole; at the end there are no others, and they are those of the undisturbed study.

grow: the same of a study that is asked for in four steps: two of configs, longer training, a confirmation.
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

from ganscape import load_generator, results
from ganscape.results.store import rows_written

SIZE = (
    *("configs=12", "rounds=4", "images=6400", "interval=3200", "samples=100"),
    *("disc_iters=1", "z_dim=8", "discriminator_normalization=none"),
)
KINDS = ("driver", "worker", "node")
LONGEST = 20.0  # seconds between two kills
LOCAL_SIZE = ("interval=640", "samples=100", "disc_iters=1", "z_dim=8", "discriminator_normalization=none")
# What is asked for: at once the last, in a study that grows one after the other.
STEPS = (
    "configs=1 images=1280",
    "configs=3 images=1280",
    "configs=3 images=2560",
    "configs=3 images=2560 confirm=2",
)
PER_STEP = 6  # kills


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


def local_command(out: Path, step: str) -> list[str]:
    settings = [part for setting in (*LOCAL_SIZE, *step.split()) for part in ("--set", setting)]
    study = ["equal/wide", "--methods", "ns_gan,vae", "--max-failures", "1", "--workers", "1", "--keep-top", "2"]
    return [sys.executable, "-W", "ignore", "-m", "ganscape", "run", *study, "--out", str(out), *settings]


def local_outcome(out: Path) -> tuple:
    """Returns trials by round, scores and kept generators of a study."""
    sweep = results.load(out)
    trials = sorted((row.round, row.phase, row.trial, row.status) for row in sweep.trials().itertuples())
    scores = sorted((row.trial, row.rung, row.value) for row in sweep.scores().itertuples())
    return trials, scores, kept(out)


def kept(out: Path) -> list[tuple[str, int]]:
    """Returns trial and rung of the generators that the store says are kept, each of which must be there and whole."""
    if not (out / "store.sqlite").exists():
        return []
    rows = results.load(out).generators()
    for path in rows["path"]:
        load_generator(path)
    return sorted(zip(rows["trial"], rows["rung"], strict=True))


def strike_local(driver: subprocess.Popen, out: Path, chance: random.Random) -> str:
    """Kills the driver or its worker at a random moment, or soon after a commit; returns which, "" if it ended before.

    The worker of a killed driver ends by itself; a killed worker is replaced by its driver.
    """
    if chance.random() < 0.5:
        time.sleep(chance.uniform(0, LONGEST / 2))
    else:
        before = rows_of(out)
        while rows_of(out) == before and driver.poll() is None:
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 0.3))
    if driver.poll() is not None:
        return ""
    children = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()
    own = [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    if own and chance.random() < 0.3:
        os.kill(own[-1], signal.SIGKILL)
        return "worker"
    driver.kill()
    driver.wait()
    return "driver"


def rows_of(out: Path) -> tuple[int, ...]:
    return rows_written(out) if (out / "store.sqlite").exists() else ()


def run_step(run: list[str], out: Path, kills: dict[str, int], left: int, chance: random.Random) -> None:
    """Runs one command to its end, with at most `left` kills on the way, and counts them in `kills`."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    driver = subprocess.Popen(run, **quiet)
    while left and driver.poll() is None:
        if kind := strike_local(driver, out, chance):
            kills[kind] += 1
            left -= 1
            if kind == "driver":
                kept(out)
                driver = subprocess.Popen(run, **quiet)
    if driver.wait():
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)


def kill_local(what: str, count: int, seed: int) -> None:
    """Runs studies until so many kills are spent, and prints what became of them."""
    chance, kills, studies, orphans, different = random.Random(seed), {"driver": 0, "worker": 0}, 0, 0, 0
    steps = STEPS if what == "grow" else STEPS[-1:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder / "cache")
        subprocess.run(local_command(folder / "whole", STEPS[-1]), check=True, capture_output=True)
        whole = local_outcome(folder / "whole")
        while sum(kills.values()) < count:
            studies += 1
            out = folder / f"broken{studies}"
            for number, step in enumerate(steps):
                share = (count - sum(kills.values())) // (len(steps) - number)
                run_step(local_command(out, step), out, kills, min(share, PER_STEP), chance)
            outcome = local_outcome(out)
            files = sorted((path.parent.name, int(path.stem)) for path in (out / "generators").glob("*/*.safetensors"))
            orphans += len(set(files) ^ set(outcome[2]))
            different += outcome != whole
            print(f"{sum(kills.values())} kills, {studies} studies", flush=True)
            assert outcome == whole, f"study {studies} differs from the undisturbed one"
    struck = ", ".join(f"{number} of a {kind}" for kind, number in kills.items())
    print(f"{what}: {struck}; {studies} studies, {different} different; rows without a whole file 0, "
          f"files without a row {orphans}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=("ray", "keep", "grow"), default="ray")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ["GANSCAPE_KILLS"] = str(os.getpid())
    if arguments.what == "ray":
        kill_on_ray(arguments.kills, arguments.seed)
    else:
        kill_local(arguments.what, arguments.kills, arguments.seed)


def kill_on_ray(count: int, seed: int) -> None:
    """Runs studies until so many kills are spent, and prints what became of them."""
    chance, kills, studies, lost = random.Random(seed), dict.fromkeys(KINDS, 0), 0, 0
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder / "cache")
        subprocess.run(command(folder / "whole", "local"), check=True, capture_output=True)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        cluster.others = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)]
        try:
            while sum(kills.values()) < count:
                studies += 1
                out = folder / f"broken{studies}"
                study(out, cluster, kills, count - sum(kills.values()), chance)
                assert outcome(out) == outcome(folder / "whole"), f"study {studies} differs from the undisturbed one"
                causes = results.load(out).failures()["cause"]
                lost += int((causes == "lost").sum())
                print(f"{sum(kills.values())} kills, {studies} studies equal to the undisturbed one", flush=True)
        finally:
            cluster.shutdown()
    print(f"{', '.join(f'{count} of a {kind}' for kind, count in kills.items())}; {lost} trials tried again")


if __name__ == "__main__":
    main()
