"""A small real sweep in a process of its own, to be killed: drive.py OUT EXECUTOR WORKERS [SCHEDULER]."""

import sys

from ganscape.sweep.driver import run_study
from ganscape.sweep.plan import plan

SETTINGS = {"configs": 2, "images": 9600, "interval": 3200, "samples": 200, "disc_iters": 1}

if __name__ == "__main__":
    out, executor, workers, *scheduler = sys.argv[1:]
    methods = ("ns_gan", "vae")
    planned = plan(
        "equal/wide",
        out=out,
        methods=methods,
        scheduler=scheduler[0] if scheduler else None,
        seeds=1,
        settings=SETTINGS,
        checkpoint_seconds=0.0,
    )
    run_study(planned, out, executor=executor, workers=int(workers))
