#!/bin/sh
# Fits of this commit beside those of another one, in turn on one machine: benches/fit_speed.sh COMMIT SWEEP [TIMES]
#
# SWEEP is a sweep file, say that of `lodecast demo`: demo/sweep.parquet. Errors are of configurations that were kept from the whole
# fit, a fifth at a time.
set -eu
cd "$(dirname "$0")/.."
commit=$1 sweep=$(realpath "$2") times=${3:-3}
place=$(mktemp -d)
trap 'rm -rf "$place"; git worktree prune' EXIT
git worktree add --quiet --detach "$place/before" "$commit"
build() { # NAME CHECKOUT
    mkdir -p "$place/$1-bench/src"
    cp benches/fit_speed/main.rs "$place/$1-bench/src/main.rs"
    cp "$2/Cargo.lock" "$place/$1-bench/"
    flags=
    grep -q "pub fn with_training" -r "$2/crates/lodecast/src/fit" && flags="--cfg builders"
    cat >"$place/$1-bench/Cargo.toml" <<TOML
[package]
name = "fit_speed"
version = "0.0.0"
edition = "2024"
[dependencies]
lodecast = { path = "$2/crates/lodecast" }
lodecast-sweep-file = { path = "$2/crates/lodecast-sweep-file" }
[profile.release]
codegen-units = 4
[lints.rust]
unexpected_cfgs = "allow"
[workspace]
TOML
    RUSTFLAGS=$flags cargo build --quiet --release --manifest-path "$place/$1-bench/Cargo.toml" \
        --target-dir "$place/$1-target"
}
build before "$place/before"
build now "$PWD"
for time in $(seq 0 $((times - 1))); do
    for which in before now; do
        echo "$which, seed $time: $("$place/$which-target/release/fit_speed" "$sweep" "$time")"
    done
done
