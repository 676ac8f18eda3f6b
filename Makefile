# Needs a Rust toolchain, and Python for test-python and test-integration; what else is missing is installed or fetched.

CARGO ?= cargo
# Where the demonstration writes its results and its report.
DEMO ?= demo

.PHONY: demo test test-integration format lint document unit compiler components
.PHONY: test-python test-integration-python python-environment

## The whole path on real training: sweep, fit, forecast, schedule, and a report to open.
demo: compiler
	$(CARGO) build --release --package lodecast-cli
	$${CARGO_TARGET_DIR:-target}/release/lodecast demo --out $(DEMO)

## Everything that must hold: format, lints, documentation, tests.
test: format lint document unit

## Files, databases and servers made by the real tools, read as they read them. Takes minutes and Python packages.
test-integration: compiler test-python test-integration-python
	crates/lodecast-import/tests/integration/stores.sh
	$(CARGO) build --quiet --package lodecast-cli
	$(FRAMEWORKS)/bin/python crates/lodecast-import/tests/integration/frameworks.py $${CARGO_TARGET_DIR:-target}/debug/lodecast
	$(FRAMEWORKS)/bin/python python/examples/ray_sweep.py $${CARGO_TARGET_DIR:-target}/debug/lodecast

format: components
	$(CARGO) fmt --all --check

lint: compiler components
	$(CARGO) clippy --workspace --all-targets -- -D warnings

document: compiler
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

## The Python package: format, lints, types, and the tests that need no framework.
test-python: python-environment
	cd python && $(PYTHON_BIN)/ruff check . && $(PYTHON_BIN)/ruff format --check . && $(PYTHON_BIN)/mypy
	cd python && $(PYTHON_BIN)/pytest --quiet -m "not integration"

# The Python package with real frameworks, which take minutes to install.
test-integration-python: python-environment
	$(PYTHON_BIN)/pip install --quiet torch
	cd python && $(PYTHON_BIN)/pytest --quiet -m integration
	cd python && $(PYTHON_BIN)/python examples/torch_mnist1d.py

unit: compiler
	$(CARGO) test --workspace

# The package and its tools, in an environment of their own.
PYTHON_BIN = $(CURDIR)/target/python/bin
python-environment: compiler
	@python3 -c "import venv, ensurepip" 2> /dev/null || { \
		echo "The Python package needs Python 3.10 or newer: sudo apt-get install python3 python3-venv" >&2; exit 1; }
	@test -x $(PYTHON_BIN)/pip || python3 -m venv target/python
	MATURIN_PEP517_ARGS="--profile dev" $(PYTHON_BIN)/pip install --quiet "./python[test]"

# Rust links with the system's C compiler, and one compression library is built with it.
compiler:
	@command -v cc > /dev/null || { \
		sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$sudo apt-get update --quiet && $$sudo apt-get install --quiet --yes build-essential; }

# rustup's minimal profile comes without formatter and linter.
components:
	@if command -v rustup > /dev/null; then rustup --quiet component add rustfmt clippy; fi

# Environment with the frameworks that Python people train with: some gigabytes.
FRAMEWORKS ?= target/frameworks

.PHONY: test-frameworks
test-integration: test-frameworks

## lodecast in every framework: small real trainings, stopped and resumed, and the examples.
test-frameworks: compiler
	test -x $(FRAMEWORKS)/bin/python || python3 -m venv $(FRAMEWORKS)
	$(FRAMEWORKS)/bin/pip install --quiet --requirement python/tests/frameworks/requirements.txt ./python
	# Not from python/: Ray's workers would find the source tree there, whose package has no engine.
	$(FRAMEWORKS)/bin/pytest --quiet --config-file python/pyproject.toml python/tests/frameworks
	for example in python/examples/with_*.py; do $(FRAMEWORKS)/bin/python $$example || exit 1; done
