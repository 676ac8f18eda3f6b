#!/bin/sh
# Fits of this commit beside those of another one, in turn on one machine: benches/fit_speed.sh COMMIT SWEEP [TIMES]
#
# SWEEP is a sweep file, say that of `lodecast demo`: demo/sweep.parquet. Errors are of configurations that were kept from the whole
# fit, a fifth at a time.
set -eu
cd "$(dirname "$0")/.."
commit=$1 sweep=$(realpath "$2") times=${3:-3}
. benches/beside.sh
build fit_speed
for time in $(seq 0 $((times - 1))); do
    for which in before now; do
        echo "$which, seed $time: $("$place/$which-target/release/fit_speed" "$sweep" "$time")"
    done
done
