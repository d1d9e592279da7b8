"""A small real sweep in a process of its own, to be killed.

    drive.py OUT EXECUTOR WORKERS SETTINGS [ADDRESS CALLBACK ...]

Three rounds of two configs, of which one is stopped: what is tried later depends on earlier scores.
"""

import json
import sys

from ganscape.sweep.driver import run_study
from ganscape.sweep.plan import plan
from ganscape.sweep.resources import Cluster

if __name__ == "__main__":
    out, executor, workers, settings, *rest = sys.argv[1:]
    address, *callbacks = rest or [None]
    study = plan(
        "equal/bandit",
        out=out,
        methods=("ns_gan",),
        scheduler="halving",
        settings=json.loads(settings),
        checkpoint_seconds=0.0,
    )
    run_study(
        study,
        out,
        executor=executor,
        workers=int(workers) if workers else None,
        cluster=Cluster(address, tuple(callbacks)),
    )
