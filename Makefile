# Everything runs in an environment of its own, made from the lock file; a second run finds it ready.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports unit proto proto-check proto-baseline stubs bench simulate deaths mutants fuzz mutate lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(STAMP) ## Make real media, drop them, watch them being imported, analysed and delivered
	$(BIN)/automation-engine demo

test: lint types proto-check imports unit ## Everything that has to hold: style, types, protos, import rules, tests

lint: $(STAMP) ## Ruff, and its formatter
	ruff check .
	ruff format --check .

types: $(STAMP) ## mypy, strict
	mypy

proto-check: $(STAMP) ## buf lint and format; nothing on the wire breaks; generated code is what the protos say
	buf breaking proto --against proto/baseline.binpb
	proto/generate.sh --check

imports: $(STAMP) ## The import rules of docs/architecture.md
	lint-imports --no-cache

unit: $(STAMP) ## The tests alone, some files at a time
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

proto: $(STAMP) ## Regenerate the stubs from the protos
	proto/generate.sh

proto-baseline: $(STAMP) ## Promise the protos as they are now: proto-check compares with them from now on
	buf build proto --exclude-source-info --output proto/baseline.binpb

stubs: $(STAMP) ## Clients in Python, Go, Java and TypeScript, under build/stubs: docs/clients.md
	$(BIN)/python proto/stubs/generate.py

bench: $(STAMP) ## Ratios, side by side in one run
	$(BIN)/python -m tests.bench

simulate: $(STAMP) ## Seeds of virtual time, faults and deaths, judged by an oracle: SEEDS=1000
	$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),1000)

deaths: $(STAMP) ## Short stories, with a death at every statement, commit and storage call, one after the other
	$(BIN)/python -m tests.simulation --deaths --twice $(or $(TWICE),200)

mutants: $(STAMP) ## Broken engines, each of which the simulator must catch
	$(BIN)/python -m pytest -m slow

fuzz: $(STAMP) ## schemathesis, for longer than the tests run it: EXAMPLES=50 SEED=1
	FUZZ_EXAMPLES=$(or $(EXAMPLES),50) FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest tests/openapi/test_fuzz.py

mutate: $(STAMP) ## Change the rules one small thing at a time: their tests have to notice at least 95 %
	$(BIN)/python -m tests.mutation

lock: $(STAMP) ## Resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group dev --output-file requirements.lock pyproject.toml

clean: ## Remove the environment and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build examples/typescript/node_modules
