#!/bin/sh
# The same fit step in lodecast and in JAX (diffrax, equinox, optax), one after the other on the same machine.
# Needs Python 3.11 or newer; JAX goes into a virtual environment under target/peers.
set -eu
cd "$(dirname "$0")/../.."
environment=target/peers
if [ ! -x "$environment/bin/python" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet jax diffrax equinox optax
fi
cargo build --quiet --release --package lodecast --example fit_step
for points in 100 600; do
    "${CARGO_TARGET_DIR:-target}/release/examples/fit_step" "$points"
    for precision in f32 f64; do
        "$environment/bin/python" benches/peers/jax_fit_step.py "$points" "$precision"
    done
done
