#!/bin/bash
# How long cold builds take, wall clock and processor: what `make demo` compiles, the command as
# `cargo install` builds it, and the command with its lab. Give names to build only those.
#   benches/build_time.sh [demonstration] [command] [command+lab]
# Dependencies are downloaded first; compiler caches are not used. On a machine that does other work, only the processor's time compares.
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A options=(
    [demonstration]="--no-default-features --features lab"
    [command]=""
    [command+lab]="--features photographs"
)
export RUSTC_WRAPPER="" CARGO_INCREMENTAL=0
TIMEFORMAT="%R s on the clock, %U s + %S s of processor"
cargo fetch --locked --quiet
test $# -gt 0 || set -- demonstration command command+lab
for name; do
    target=$(mktemp -d)
    echo "== $name"
    # shellcheck disable=SC2086 # several options in one word
    time cargo build --quiet --locked --release --package lodecast-cli ${options[$name]} --target-dir "$target"
    echo "$(strip -o /dev/stdout "$target/release/lodecast" | wc -c) bytes, stripped"
    rm -r "$target"
done
