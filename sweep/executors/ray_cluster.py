"""The Ray cluster that workers run on: one of this process's own, or one that runs already."""

import contextlib
import functools
import logging
import math
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants

from ganscape.environment import clean_ray_worker, cleaned
from ganscape.sweep.resources import ExecutorError, Resources, cores

MARK = "GANSCAPE_CLUSTER"
# Of a cluster of its own, which nobody asks for past tasks: its head would keep 6 MiB of them for 1,000 short trials.
SYSTEM = {"task_events_report_interval_ms": 0}
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 60.0


def start_cluster(workers: int, resources: Resources, variables: dict[str, str]) -> None:
    """Starts a cluster of one node that ends with this process, independent of others on this machine. Nobody else can
    use it: it listens on the loopback address, and asks for a token if Ray is 2.59 or later.

    Raises ExecutorError if Ray's processes do not start, such as on a machine too busy for them, or without room for
    their files.
    """
    cpus = max(cores(), math.ceil(workers * resources.cpus))
    try:
        with keep_sigterm(), cleaned(_token() | {MARK: _mark()}), _on_loopback():
            options = _init_options(variables) | {"include_dashboard": False, "_system_config": dict(SYSTEM)}
            ray.init(address="local", num_cpus=cpus, **options)
    except Exception as error:  # Ray raises no narrower class where a process of its own is late
        raise ExecutorError(f"Ray does not start on this machine: {_first_line(error)}; try again") from error


def end_cluster() -> None:
    """Disconnects from a cluster, and ends what is left of one that this process has started: an agent that still
    starts when its node ends would notice that only later."""
    ray.shutdown()
    mark = f"{MARK}={_mark()}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            if entry.name != str(os.getpid()) and mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


@functools.cache
def _mark() -> str:
    """Returns the value of MARK by which the processes of this process's cluster are known."""
    return secrets.token_hex(16)


@functools.cache
def _token() -> dict[str, str]:
    """Returns the variable with a token that Ray takes for a cluster of this process's own, unless the user's shell
    names one: Ray would make one itself, but keep it in the home folder. It reads a token once in a process."""
    if os.environ.keys() & {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}:
        return {}
    return {"RAY_AUTH_TOKEN": secrets.token_hex(32)}


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Has a cluster that starts in the block listen on 127.0.0.1 alone. Ray has no option for that: it is what this
    switch of its own does, on macOS and Windows by default. Processes of the cluster read it from the environment."""
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        with cleaned({ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0"}):
            yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def join_cluster(address: str, variables: dict[str, str]) -> None:
    """Connects this process to the cluster at the address. First checks that one answers, because `ray.init` tries
    for minutes."""
    try:
        _check_address(address)
        with keep_sigterm():
            ray.init(address=address, **_init_options(variables))
    except (OSError, RuntimeError, ValueError) as error:
        raise ExecutorError(f"cannot join a Ray cluster at {address!r}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@contextlib.contextmanager
def keep_sigterm() -> Iterator[None]:
    """Restores this process's SIGTERM handler after the block: `ray.init` installs one that exits at once."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def _init_options(variables: dict[str, str]) -> dict[str, Any]:
    """Returns arguments of `ray.init`: no output of Ray's own, and the workers' environment."""
    hook = f"{clean_ray_worker.__module__}.{clean_ray_worker.__qualname__}"
    runtime_env = {"env_vars": variables, "worker_process_setup_hook": hook}
    return {"log_to_driver": False, "logging_level": logging.ERROR, "runtime_env": runtime_env}


def _check_address(address: str) -> None:
    """Raises OSError or ValueError unless a Ray cluster answers at an address of host and port."""
    if address in ("auto", "local"):
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise ValueError("an address is HOST:PORT of the head node, or auto on a node of the cluster")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS):
        pass
    status = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address]
    try:
        subprocess.run(status, capture_output=True, timeout=ANSWER_SECONDS, check=True)
    except subprocess.TimeoutExpired:
        raise OSError("something listens there, but it does not answer like the head of a Ray cluster") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no answer"]
        raise OSError(lines[-1]) from None


def count_fitting(resources: Resources) -> int:
    """Returns how many workers fit into the cluster; ExecutorError for none, because Tune would wait for ever."""
    needed = resources.named()
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    fit = sum(min(int(node.get(name, 0) / amount + 1e-9) for name, amount in needed.items()) for node in nodes)
    if fit:
        return fit
    raise ExecutorError(
        f"no node of the Ray cluster has {_amounts(needed)} for a worker; it has "
        f"{'; '.join(f'{count} x {offered}' for offered, count in Counter(map(_offered, nodes)).items())}"
    )


def _offered(node: dict[str, float]) -> str:
    """Returns a node's resources in words, without those that Ray adds itself."""
    own = ("node:", "memory", "object_store_memory")
    return _amounts({name: amount for name, amount in node.items() if not name.startswith(own)}) or "nothing"


def _amounts(named: dict[str, float]) -> str:
    return ", ".join(f"{name}={amount:g}" for name, amount in sorted(named.items()))
