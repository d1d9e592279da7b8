#!/bin/bash
# A sweep on the hosts of a TPU pod slice; run this on every one of them with the same HEAD:
#   gcloud compute tpus tpu-vm ssh NAME --worker=all --command="HEAD=10.0.0.2 bash docs/cluster/tpu.sh"
# HEAD is the internal address of one host. OUT is on storage that all hosts mount, such as a Filestore share.
set -euo pipefail

: "${HEAD:?the internal address of the host that writes the store}"
STUDY=${STUDY:-equal/wide}
OUT=${OUT:-/mnt/runs/$(basename "$STUDY")}
CHIPS=${CHIPS:-4} # of a host
HOSTS=${HOSTS:-4} # of the slice
export RAY_AUTH_MODE=${RAY_AUTH_MODE:-disabled} RAY_USAGE_STATS_ENABLED=0

ray stop --force >/dev/null 2>&1 || true
if [[ " $(hostname -I) " != *" $HEAD "* ]]; then
  until ray status --address "$HEAD:6379" >/dev/null 2>&1; do sleep 2; done
  exec ray start --address="$HEAD:6379" --resources="{\"TPU\": $CHIPS}" --disable-usage-stats --block
fi
ray start --head --port=6379 --resources="{\"TPU\": $CHIPS}" --disable-usage-stats
until [[ $(ray status | grep -c ' node_') -ge $HOSTS ]]; do sleep 2; done
ganscape run "$STUDY" --scale paper --executor ray --address auto \
  --cpus-per-worker 4 --tpus-per-worker 1 --lanes 16 --out "$OUT"
ray stop
