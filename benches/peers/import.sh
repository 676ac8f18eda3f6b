#!/bin/sh
# A tree of event files, 1.2 million points in 20 runs, read by lodecast and by TensorBoard's own Python reader, one core each,
# RUNS times (3). Processor time counts: it is the same on a machine that is busy.
# Needs Python 3.11 or newer; TensorBoard goes into a virtual environment under target/peers-import.
set -eu
cd "$(dirname "$0")/../.."
environment=target/peers-import
if [ ! -x "$environment/bin/python" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet tensorboard==2.21.0
fi
tree=target/peers-import/tree
if [ ! -d "$tree" ]; then
    "$environment/bin/python" benches/peers/tensorboard_tree.py "$tree" 20 20000
fi
cargo build --quiet --release --package lodecast-import --example count_points
measure() { taskset 1 "$environment/bin/python" benches/peers/processor_time.py "$@"; }
points() { sed 's/^[^:]*: \([0-9]*\) points.*/\1/'; }
for _ in $(seq "${RUNS:-3}"); do
    ours=$(measure "${CARGO_TARGET_DIR:-target}/release/examples/count_points" tensorboard "$tree")
    theirs=$(measure "$environment/bin/python" benches/peers/tensorboard_read.py "$tree")
    printf '%s\n%s\n' "$ours" "$theirs"
    if [ "$(echo "$ours" | points)" != "$(echo "$theirs" | points)" ]; then
        echo "they read different numbers of points" >&2
        exit 1
    fi
done
