# Needs a Rust toolchain; what else is missing is installed or fetched.

CARGO ?= cargo
# Where the demonstration writes its results and its report.
DEMO ?= demo

.PHONY: demo test test-integration format lint document unit compiler components
.PHONY: test-python test-devices test-frameworks test-stores programs python python-environment frameworks-environment

## The whole path on real training: sweep, fit, forecast, schedule, and a report to open.
demo: compiler
	$(CARGO) build --release --package lodecast-cli
	$${CARGO_TARGET_DIR:-target}/release/lodecast demo --out $(DEMO)

## Everything that must hold: format, lints, documentation, tests.
test: format lint document unit

## lodecast beside the real tools: the Python package in every framework, imports compared with the trackers' own readers,
## and the lab for GPUs compiled. Takes minutes, and gigabytes of Python packages.
test-integration: test-python test-devices test-frameworks test-stores

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

## The lab for GPUs, compiled but not run. A crate behind burn's `cuda` fetches LLVM when it is built, but for documentation.
test-devices: compiler
	DOCS_RS=1 $(CARGO) check --package lodecast-cli --features cuda,wgpu

## The Python package in every framework: small real trainings, stopped and resumed, and the examples.
test-frameworks: frameworks-environment programs
	cd python && $(FRAMEWORKS)/bin/pytest --quiet -m integration
	for example in python/examples/torch_mnist1d.py python/examples/with_*.py; do $(FRAMEWORKS)/bin/python $$example || exit 1; done
	$(FRAMEWORKS)/bin/python python/examples/ray_sweep.py $(PROGRAMS)/lodecast

## What is imported beside what the tools that wrote it read: files, databases and servers.
test-stores: frameworks-environment programs
	crates/lodecast-import/tests/integration/stores.sh $(PROGRAMS)/examples/recordings
	$(FRAMEWORKS)/bin/python crates/lodecast-import/tests/integration/frameworks.py $(PROGRAMS)/lodecast

unit: compiler
	$(CARGO) test --workspace

# The command and the examples as `unit` builds them: built by themselves, their dependencies would have other features
# and be compiled again, which takes minutes.
programs: compiler
	$(CARGO) test --quiet --workspace --no-run

# The package with its tools, and the package with the frameworks (some gigabytes), in environments of their own.
PYTHON_BIN = $(CURDIR)/target/python/bin
PROGRAMS = $(or $(CARGO_TARGET_DIR),target)/debug
FRAMEWORKS ?= $(CURDIR)/target/frameworks

python-environment: compiler python
	@test -x $(PYTHON_BIN)/pip || python3 -m venv target/python
	MATURIN_PEP517_ARGS="--profile dev" $(PYTHON_BIN)/pip install --quiet "./python[test]"

frameworks-environment: compiler python
	@test -x $(FRAMEWORKS)/bin/pip || python3 -m venv $(FRAMEWORKS)
	MATURIN_PEP517_ARGS="--profile dev" $(FRAMEWORKS)/bin/pip install --quiet \
		--requirement python/tests/frameworks/requirements.txt ./python

# Debian's python3 comes without what makes environments.
python:
	@python3 -c "import venv, ensurepip" 2> /dev/null || { \
		sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$sudo apt-get update --quiet && $$sudo apt-get install --quiet --yes python3 python3-venv; }

# Rust links with the system's C compiler, and one compression library is built with it.
compiler:
	@command -v cc > /dev/null || { \
		sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$sudo apt-get update --quiet && $$sudo apt-get install --quiet --yes build-essential; }

# rustup's minimal profile comes without formatter and linter.
components:
	@if command -v rustup > /dev/null; then rustup --quiet component add rustfmt clippy; fi
