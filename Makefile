# Needs a Rust toolchain; what else is missing is installed or fetched.

CARGO ?= cargo
# Where the demonstration writes its results and its report.
DEMO ?= demo

# The command with all of its lab. Without features it is what `cargo install` gives: everything but the lab.
WITH_LAB = --features lodecast-cli/photographs
# Says how long a step took.
TIMED = .ci/timed

.PHONY: demo docs test test-integration test-nightly format budgets lint document unit compiler components
.PHONY: test-python test-frameworks test-recipes test-stores test-devices test-properties test-packages test-weight
.PHONY: workflows programs python python-environment frameworks-environment docs-environment

## The whole path on real training: sweep, fit, forecast, schedule, and a report to open.
demo: compiler
	$(CARGO) build --release --package lodecast-cli --no-default-features --features lab
	$${CARGO_TARGET_DIR:-target}/release/lodecast demo --out $(DEMO)

## The site of docs/, to be opened from target/site/index.html and read without a network. What it does not find it takes for a mistake.
docs: docs-environment
	$(TIMED) docs target/docs/bin/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going docs target/site
	@echo "the site: target/site/index.html"

## Everything that must hold: format, weight, lints, documentation, tests. Says how long each step took.
test: format budgets lint document unit

## lodecast beside the real tools: the Python package in every framework, and imports compared with the trackers' own readers.
## Takes minutes, and gigabytes of Python packages. The site is built, too.
test-integration: test-python test-frameworks test-stores docs

## What takes too long for every change, and is run before a release: the lab for GPUs compiled, properties on many more cases, the
## command as it is installed with its weight, the packages as they are published, and the recipes of the Python package.
test-nightly: test-properties test-weight test-packages test-devices test-recipes

format: components
	$(TIMED) format $(CARGO) fmt --all --check

## The crates that are compiled for the command, against what is written down in .ci/budgets.txt.
budgets:
	$(TIMED) budgets .ci/budgets

lint: compiler components python
	.ci/circles crates/*/src python/rust/src
	$(TIMED) lint $(CARGO) clippy --workspace $(WITH_LAB) --all-targets -- -D warnings

document: compiler
	RUSTDOCFLAGS="-D warnings" $(TIMED) document $(CARGO) doc --workspace $(WITH_LAB) --no-deps

# Random cases are the same at every run, so that a change is judged by what it changes; `test-properties` draws new ones.
unit: export PROPTEST_RNG_SEED = 20261129
unit: compiler
	$(TIMED) "build the tests" $(CARGO) test --quiet --workspace $(WITH_LAB) --no-run
	$(TIMED) unit $(CARGO) test --workspace $(WITH_LAB)

## The Python package: format, lints, types, and the tests that need no framework.
test-python: python-environment workflows
	cd python && $(PYTHON_BIN)/ruff check . && $(PYTHON_BIN)/ruff format --check . && $(PYTHON_BIN)/mypy
	cd python && $(CURDIR)/$(TIMED) python $(PYTHON_BIN)/pytest --quiet -m "not integration"

## The workflows of continuous integration and releases, against GitHub's schema, which the checker brings along.
workflows: python-environment
	$(TIMED) workflows $(PYTHON_BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

## The Python package in every framework: small real trainings, stopped and resumed, and the examples.
test-frameworks: frameworks-environment programs
	$(TIMED) frameworks \
		$(FRAMEWORKS)/bin/pytest --quiet --config-file python/pyproject.toml -m integration --durations 15 python/tests
	# Those ran with JAX behind Keras.
	KERAS_BACKEND=torch $(TIMED) "Keras on torch" \
		$(FRAMEWORKS)/bin/pytest --quiet --config-file python/pyproject.toml python/tests/frameworks/test_keras.py
	for example in python/examples/torch_mnist1d.py python/examples/with_*.py; do \
		$(TIMED) $$example $(FRAMEWORKS)/bin/python $$example || exit 1; done
	$(TIMED) ray_sweep.py $(FRAMEWORKS)/bin/python python/examples/ray_sweep.py $(PROGRAMS)/lodecast

## The recipes of the Python package, whole, and the notebook in a kernel: it still shows what its text says.
test-recipes: frameworks-environment
	for recipe in $(RECIPES); do $(TIMED) $$recipe $(FRAMEWORKS)/bin/python $$recipe || exit 1; done
	$(TIMED) whole_story.ipynb \
		$(FRAMEWORKS)/bin/pytest --quiet --config-file python/pyproject.toml -m integration python/tests/test_notebook.py

## What is imported beside what the tools that wrote it read: files, databases and servers.
test-stores: frameworks-environment programs
	$(TIMED) stores crates/lodecast-import/tests/integration/stores.sh $(PROGRAMS)/examples/recordings
	$(TIMED) "frameworks' files" \
		$(FRAMEWORKS)/bin/python crates/lodecast-import/tests/integration/frameworks.py $(PROGRAMS)/lodecast
	$(TIMED) "logged back" \
		$(or $(STORES),target/integration/stores)/bin/python crates/lodecast-live/tests/integration/log_back.py $(PROGRAMS)/lodecast
	for environment in $(or $(STORES),target/integration/stores) $(FRAMEWORKS); do \
		$(TIMED) "followed ($$environment)" \
			$$environment/bin/python crates/lodecast-live/tests/integration/follow.py $(PROGRAMS)/lodecast || exit 1; done

## Properties of parsers and numerics on so many random cases each, and the tests that are too slow for every change.
test-properties: compiler
	PROPTEST_CASES=4096 $(TIMED) properties $(CARGO) test --workspace $(WITH_LAB)
	$(TIMED) "slow tests" $(CARGO) test --workspace $(WITH_LAB) -- --ignored

## The command as `cargo install` builds it, and with its lab: how large they are, and what the one says of the other.
test-weight: compiler
	$(TIMED) "build the command" $(CARGO) build --release --package lodecast-cli
	.ci/budgets command $(RELEASE)/lodecast
	$(RELEASE)/lodecast lab tasks 2>&1 | grep --quiet "cargo install lodecast-cli --features lab"
	$(TIMED) "build the command with its lab" $(CARGO) build --release --package lodecast-cli --features photographs
	.ci/budgets command+lab $(RELEASE)/lodecast

## The crates as they would be published, built from what is in their packages.
test-packages: compiler
	$(TIMED) packages $(CARGO) publish --dry-run --workspace --allow-dirty

## The lab for GPUs, compiled but not run. A crate behind burn's `cuda` fetches LLVM when it is built, but for documentation.
test-devices: compiler
	DOCS_RS=1 $(TIMED) devices $(CARGO) check --package lodecast-cli --features cuda,wgpu

# The command and the examples as `unit` builds them: built by themselves, their dependencies would have other features
# and be compiled again, which takes minutes.
programs: compiler
	$(TIMED) programs $(CARGO) test --quiet --workspace $(WITH_LAB) --no-run

# The package with its tools, and the package with the frameworks (some gigabytes), in environments of their own.
PYTHON_BIN = $(CURDIR)/target/python/bin
RELEASE = $(or $(CARGO_TARGET_DIR),target)/release
PROGRAMS = $(or $(CARGO_TARGET_DIR),target)/debug
FRAMEWORKS ?= $(CURDIR)/target/frameworks
# What they train on is no recipe.
RECIPES = $(filter-out %/digits.py,$(wildcard python/recipes/*.py))

python-environment: compiler python
	@test -x $(PYTHON_BIN)/pip || python3 -m venv target/python
	MATURIN_PEP517_ARGS="--profile dev" $(TIMED) "build the package" $(PYTHON_BIN)/pip install --quiet "./python[test]"

frameworks-environment: compiler python
	@test -x $(FRAMEWORKS)/bin/pip || python3 -m venv $(FRAMEWORKS)
	MATURIN_PEP517_ARGS="--profile dev" $(TIMED) "frameworks' environment" $(FRAMEWORKS)/bin/pip install --quiet \
		--requirement python/tests/frameworks/requirements.txt ./python

# What builds the site, in an environment of its own.
docs-environment: python
	@test -x target/docs/bin/pip || python3 -m venv target/docs
	$(TIMED) "docs' environment" target/docs/bin/pip install --quiet --requirement docs/requirements.txt

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
