# Needs a Rust toolchain; what else is missing is installed, and cargo fetches the rest.

CARGO ?= cargo
# Where the demonstration writes its results and its report.
DEMO ?= demo

.PHONY: demo test test-integration format lint document unit compiler components

## The whole path on real training: sweep, fit, forecast, schedule, and a report to open.
demo: compiler
	$(CARGO) build --release --package lodecast-cli
	$${CARGO_TARGET_DIR:-target}/release/lodecast demo --out $(DEMO)

## Everything that must hold: format, lints, documentation, tests.
test: format lint document unit

## Files, databases and servers made by the real tools, read as they read them. Takes minutes and Python packages.
test-integration: compiler
	crates/lodecast-import/tests/integration/stores.sh

format: components
	$(CARGO) fmt --all --check

lint: compiler components
	$(CARGO) clippy --workspace --all-targets -- -D warnings

document: compiler
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

unit: compiler
	$(CARGO) test --workspace

# Rust links with the system's C compiler, and one compression library is built with it.
compiler:
	@command -v cc > /dev/null || { \
		sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$sudo apt-get update --quiet && $$sudo apt-get install --quiet --yes build-essential; }

# rustup's minimal profile comes without formatter and linter.
components:
	@if command -v rustup > /dev/null; then rustup --quiet component add rustfmt clippy; fi
