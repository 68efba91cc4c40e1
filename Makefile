# make demo | serve | test | lint | bench | constraints | clean
#
# Everything lives in .venv and in node_modules; nothing is installed outside this folder.
# The first run installs, the following ones only start.

PYTHON ?= python3
PORT ?= 8000
PYTEST_ARGS ?= -n auto --dist loadfile

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
BENCH := $(VENV)/.installed-bench
NODE_PEERS := $(patsubst %/package.json,%/node_modules/.package-lock.json,$(wildcard tests/peers/*/package.json))
BENCH_PEERS := benchmarks/graphql/peers/node

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint format bench constraints clean

help:
	@echo "make demo    run Gatepost on SQLite with example people and a test identity provider (PORT=$(PORT))"
	@echo "make serve   run Gatepost with the GATEPOST_* settings of the environment (PORT=$(PORT))"
	@echo "make test    run the tests"
	@echo "make lint    check style, types and the direction of imports"
	@echo "make format  apply what lint can repair by itself"
	@echo "make bench   run the benchmarks"
	@echo "make clean   remove the environment, caches and local databases"

demo: $(RUNTIME)
	@$(BIN)/gatepost demo --port $(PORT)

serve: $(RUNTIME)
	@$(BIN)/gatepost serve --port $(PORT)

test: $(DEV) node-peers clairvoyance
	@echo "Running the tests ..."
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(DEV)
	@echo "Checking style ..."
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "Checking types ..."
	@$(BIN)/mypy
	@echo "Checking the direction of imports ..."
	@$(BIN)/lint-imports --no-logo

format: $(DEV)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(BENCH) bench-peers
	@$(BIN)/python -m benchmarks.graphql $(BENCH_ARGS)
	@$(BIN)/python -m benchmarks.access $(if $(findstring --quick,$(BENCH_ARGS)),--quick)
	@$(BIN)/python -m benchmarks.audit $(if $(findstring --quick,$(BENCH_ARGS)),,--full)
	@for file in $(or $(wildcard benchmarks/bench_*.py),none); do \
		if [ $$file = none ]; then echo "There are no benchmarks/bench_*.py yet."; exit 0; fi; \
		echo "== $$file"; \
		$(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; \
	done

# Resolves the newest versions that pyproject.toml allows, in a fresh environment.
constraints:
	@echo "Resolving dependencies into constraints.txt ..."
	@rm -rf build/constraints-venv && $(PYTHON) -m venv build/constraints-venv
	@build/constraints-venv/bin/pip install --quiet --disable-pip-version-check -e '.[dev,bench]'
	@build/constraints-venv/bin/pip freeze --exclude-editable | LC_ALL=C sort -f > constraints.txt
	@rm -rf build/constraints-venv
	@echo "constraints.txt has $$(wc -l < constraints.txt) versions."

clean:
	rm -rf $(VENV) build dist var *.egg-info tests/peers/*/node_modules $(BENCH_PEERS)/node_modules
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Gatepost needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "python3 -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Gatepost into $(VENV) (a minute on the first run) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Gatepost and its test tools into $(VENV) (a minute on the first run) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(RUNTIME)

$(BENCH): $(DEV)
	@echo "Installing the Python servers that Gatepost is measured beside ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	@touch $@

.PHONY: bench-peers
bench-peers: $(BENCH_PEERS)/node_modules/.package-lock.json

$(BENCH_PEERS)/node_modules/.package-lock.json: $(BENCH_PEERS)/package.json $(BENCH_PEERS)/package-lock.json
	@echo "Installing the Node.js servers that Gatepost is measured beside ..."
	@cd $(BENCH_PEERS) && npm ci --loglevel=error --no-audit --no-fund --ignore-scripts > /dev/null
	@touch $@

.PHONY: node-peers
node-peers:
	@if command -v npm > /dev/null && node -e 'process.exit(URL.parse ? 0 : 1)' 2> /dev/null; then \
		$(MAKE) --no-print-directory $(NODE_PEERS); \
	else \
		echo "There is no Node.js 20.20 or newer: the tests against programs on Node are skipped."; \
	fi

tests/peers/%/node_modules/.package-lock.json: tests/peers/%/package.json tests/peers/%/package-lock.json
	@echo "Installing $* for the tests ..."
	@cd tests/peers/$* && npm ci --loglevel=error --no-audit --no-fund --ignore-scripts > /dev/null
	@touch $@

# In an environment of its own: it needs older libraries than we do.
.PHONY: clairvoyance
clairvoyance: build/clairvoyance/bin/clairvoyance

build/clairvoyance/bin/clairvoyance:
	@echo "Installing clairvoyance, which the tests attack the schema with ..."
	@$(PYTHON) -m venv build/clairvoyance
	@build/clairvoyance/bin/pip install --quiet --disable-pip-version-check clairvoyance==2.5.5
