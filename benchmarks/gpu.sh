#!/bin/sh
# Measures on one GPU, in about ten minutes, what was only ever measured on CPUs; writes OUT/rows.jsonl, OUT/log.txt
# and the page OUT/page.md.
#
#     benchmarks/gpu.sh [OUT]            # runs/gpu by default; the Python of .venv, or of $PYTHON
#     SIZE=tiny benchmarks/gpu.sh [OUT]  # the smallest of everything, to see that it runs, on CPUs too
#
# Each part has a limit of time; one that fails, or takes longer, is named on the page, and the others go on.
set -u
cd "$(dirname "$0")/.."
out=${1:-runs/gpu}
python=${PYTHON:-.venv/bin/python}
mkdir -p "$out"
rows=$out/rows.jsonl
: >"$rows"
: >"$out/log.txt"
: >"$out/failed.txt"
# The driver of a sweep may not claim the memory that its worker needs.
export XLA_PYTHON_CLIENT_PREALLOCATE=false

part() { # part SECONDS WORDS...: one benchmark, by its words
	seconds=$1
	shift
	echo "== $*" | tee -a "$out/log.txt"
	timeout "$seconds" "$python" "$@" >>"$out/log.txt" 2>&1 || echo "$*" >>"$out/failed.txt"
}

if [ "${SIZE:-full}" = tiny ]; then
	part 120 benchmarks/lanes.py --network mlp --lanes 1,2 --steps 2 --repeats 1 --out "$rows"
	part 120 benchmarks/grouped.py --members 2 --batch 2 --repeats 1 --out "$rows"
	part 120 benchmarks/encoding.py --metric fd_digits --images 64 --size 8x8x1 --out "$rows"
	study="--methods ns_gan,vae --set configs=1 --set images=1280 --set interval=1280 --set samples=100"
	accelerator=
else
	part 90 benchmarks/torch_step.py --threads 1 --networks infogan,sndcgan --repeats 3 --out "$rows"
	part 60 benchmarks/lanes.py --network mlp --lanes 1,8,64 --steps 500 --repeats 3 --out "$rows"
	part 60 benchmarks/lanes.py --network infogan --lanes 1,4,16,64 --steps 50 --repeats 3 --out "$rows"
	part 90 benchmarks/lanes.py --network sndcgan --lanes 1,4,16 --steps 20 --repeats 3 --out "$rows"
	part 60 benchmarks/lanes.py --network sndcgan --precision bfloat16 --lanes 1,4 --steps 20 --repeats 3 --out "$rows"
	part 60 benchmarks/lanes.py --network dcgan --lanes 1,4 --steps 5 --repeats 3 --out "$rows"
	part 60 benchmarks/grouped.py --members 1,8,32 --out "$rows"
	part 60 benchmarks/encoding.py --metric fid --images 10000 --out "$rows"
	study="--methods ns_gan,wgan_gp"
	accelerator="--gpus-per-worker 1 --workers 1 --lanes 8"
fi
# shellcheck disable=SC2086 - these are several words
part 180 benchmarks/study_time.py --out "$rows" -- $study $accelerator
"$python" benchmarks/gpu_page.py "$rows" "$out/failed.txt" >"$out/page.md"
echo "$out/page.md"
[ ! -s "$out/failed.txt" ]
