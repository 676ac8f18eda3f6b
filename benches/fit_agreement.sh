#!/bin/sh
# What the plans of several fits of one sweep lead to, those of this commit beside those of another one:
#   benches/fit_agreement.sh COMMIT LODECAST OUT [SWEEPS [FITS [SEEDS]]]
#
# LODECAST is the command with its lab, OUT a folder that is added to: the same command goes on where it stopped. On MNIST-1D, with
# either optimizer, sweeps of 24 runs (4 families x 6 peaks, one seed) are fitted under so many seeds; each plan is trained
# under fresh seeds of the training. `fit_agreement/summary.py` says what came out.
set -eu
cd "$(dirname "$0")/.."
commit=$1 lodecast=$(realpath "$2") sweeps=${4:-3} fits=${5:-5} seeds=${6:-12}
mkdir -p "$3"
out=$(realpath "$3")
. benches/beside.sh
build fit_agreement
for optimizer in sgd adamw; do
    for number in $(seq 1 "$sweeps"); do
        sweep=$out/$optimizer-$number.parquet
        test -e "$sweep" || "$lodecast" lab sweep --quiet --optimizer "$optimizer" --seeds "$((7000 + number))-$((7000 + number))" --out "$sweep"
        for which in before now; do
            plans=$out/$optimizer-$number-$which.json
            if ! test -e "$plans"; then
                "$place/$which-target/release/fit_agreement" "$sweep" "$fits" >"$plans.part"
                sed -n 2p "$plans.part" >"$out/$optimizer-$number-$which.counts"
                sed -n 1p "$plans.part" >"$plans"
            fi
            trained=$out/$optimizer-$number-$which.csv
            test -e "$trained" || "$lodecast" lab sweep --quiet --optimizer "$optimizer" --schedules "$plans" \
                --seeds "$((number * 1000))-$((number * 1000 + seeds - 1))" --out "$trained"
        done
    done
done
