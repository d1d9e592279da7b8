"""A small real sweep in a process of its own, to be killed.

    drive.py OUT EXECUTOR WORKERS SETTINGS [ADDRESS CALLBACK ...]

Three rounds of two configs, of which one is stopped: what is tried later depends on earlier scores.
"""

import json
import sys

from ganscape.sweep.driver import run_study
from ganscape.sweep.plan import plan
from ganscape.sweep.resources import Cluster


def drive(out, executor, workers, settings, address=None, *callbacks):
    """Runs the sweep, or what is missing of it. All are words of the command line."""
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
        cluster=Cluster(address, callbacks),
    )


if __name__ == "__main__":
    drive(*sys.argv[1:])
