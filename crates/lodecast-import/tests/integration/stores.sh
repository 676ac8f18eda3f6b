#!/bin/sh
# stores.sh [RECORDINGS]: RECORDINGS is this crate's example of that name, built here if it is not given.
# Compares what lodecast reads with what TensorBoard, W&B, MLflow and Optuna read, on runs made by them.
# Needs Python 3.11 or newer; the packages go into a virtual environment under target/integration, PostgreSQL is Debian's.
set -eu
cd "$(dirname "$0")/../../../.."
environment=${STORES:-target/integration/stores}
requirements=crates/lodecast-import/tests/integration/stores.txt
if ! cmp -s "$requirements" "$environment/requirements.txt"; then
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --requirement "$requirements"
    cp "$requirements" "$environment/requirements.txt"
fi
if ! ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1; then
    sudo=$(test "$(id -u)" = 0 || echo sudo)
    $sudo apt-get update --quiet && $sudo apt-get install --quiet --yes postgresql
fi
recordings=${1:-}
if [ -z "$recordings" ]; then
    cargo build --quiet --package lodecast-import --example recordings
    recordings=${CARGO_TARGET_DIR:-target}/debug/examples/recordings
fi
# PostgreSQL's user has to reach it, so it cannot lie below a home directory.
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
chmod 755 "$runs"
"$environment/bin/python" crates/lodecast-import/tests/integration/stores.py "$recordings" "$runs"
