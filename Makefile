# Needs a Rust toolchain (rustup or a distribution's) and nothing else; cargo fetches the rest.

CARGO ?= cargo
# Where the demonstration writes its results and its report.
DEMO ?= demo

.PHONY: demo test format lint document unit clean-demo components

## The whole path on real training: sweep, fit, forecast, schedule, and a report to open.
demo:
	$(CARGO) build --release --package lodecast-cli
	$${CARGO_TARGET_DIR:-target}/release/lodecast demo --out $(DEMO)

## Everything that must hold: format, lints, documentation, tests.
test: format lint document unit

format: components
	$(CARGO) fmt --all --check

lint: components
	$(CARGO) clippy --workspace --all-targets -- -D warnings

document:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

unit:
	$(CARGO) test --workspace

# rustup's minimal profile comes without formatter and linter.
components:
	@if command -v rustup > /dev/null; then rustup --quiet component add rustfmt clippy; fi

clean-demo:
	rm -rf $(DEMO)
