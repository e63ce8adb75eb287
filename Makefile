# Each target prints what it does: `make` lists them.
PYTHON ?= python3
BIN := .venv/bin
POT := locales/vestibule.pot
DOMAIN := vestibule
WHEELS := --require-hashes --only-binary :all:
PEERS := .venv/peers
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --no-emit-index-url --no-emit-find-links --no-annotate --no-header

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test tests lint format types imports check unit cov crash replicas fuzz bench audit licences messages lock diagrams build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed; $(PYTHON) is not there. Try: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "making .venv with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing what the bot needs, from requirements.lock"
	@$(BIN)/pip install --quiet $(WHEELS) -r requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing what the tests need, from requirements-dev.lock"
	@$(BIN)/pip install --quiet $(WHEELS) -r requirements-dev.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch .venv/run.stamp $@

$(PEERS)/stamp: requirements-peers.lock | .venv/dev.stamp
	@echo "installing what the bench compares with, from requirements-peers.lock"
	@$(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/pip install --quiet $(WHEELS) -r requirements-peers.lock
	@touch $@

venv: .venv/dev.stamp ## .venv with everything the tests need

demo: .venv/run.stamp ## the whole thing in a browser, with a simulated Telegram (ARGS="--port 8090" for another port)
	@$(BIN)/vestibule demo $(ARGS)

test: lint types imports check tests ## all that must be green before a change goes in
	@$(BIN)/python -m tests.missing "make test: everything is green"

lint: .venv/dev.stamp ## ruff: faults, manners and layout
	@echo "ruff"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "not formatted; try: make format"; exit 1; }

format: .venv/dev.stamp ## put the code into its layout
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

types: .venv/dev.stamp ## mypy, strict
	@echo "mypy --strict flows bot"
	@$(BIN)/mypy --strict flows bot

imports: .venv/dev.stamp ## who may import whom
	@echo "import contracts"
	@$(BIN)/lint-imports

check: .venv/dev.stamp ## faults in the scripts and the catalogues
	@echo "vestibule check"
	@$(BIN)/vestibule check

unit: .venv/dev.stamp ## the quick tests: no processes, no browser
	@echo "quick tests"
	@$(BIN)/pytest -q -n 2 -m "not slow and not browser"

tests: .venv/dev.stamp $(PEERS)/stamp ## all tests
	@echo "all tests"
	@$(BIN)/pytest -q -n 2

cov: .venv/dev.stamp $(PEERS)/stamp ## all tests, with coverage of lines and branches: at least 90 % (takes half as long again)
	@echo "all tests, counting what they reach"
	@rm -rf .coverage
	@$(BIN)/pytest -q -n 2 --cov --cov-report=term

crash: .venv/dev.stamp ## kill it everywhere and at random (ARGS="--runs 200 --kills 10 --seed 1" for less)
	@$(BIN)/python -m tests.campaign $(ARGS)

replicas: .venv/dev.stamp ## replicas on PostgreSQL killed while hundreds answer (ARGS="--seconds 60 --participants 60 --kills-every 5 --seed 1" for less)
	@$(BIN)/python -m tests.campaign.replicas $(ARGS)

fuzz: .venv/dev.stamp ## 100,000 random and malformed updates, then the parsers (ARGS="--updates 5000 --seed 1" for less)
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: .venv/dev.stamp $(PEERS)/stamp ## taps a second beside the peers (ARGS="--participants 50 --taps 2000 --open-loop 30", or "replicas"; --help says more)
	@$(BIN)/python -m benchmarks $(ARGS)

licences: .venv/dev.stamp ## what each locked package is licensed under, into docs/licences.md
	@$(BIN)/python -m tests.licences

audit: .venv/dev.stamp ## known weaknesses of what is locked, where a database of them is reachable
	@$(BIN)/python -m tests.weaknesses

messages: .venv/dev.stamp ## read the texts anew and bring the catalogues up to date
	@echo "texts into $(POT), and from there into locales/*/LC_MESSAGES/$(DOMAIN).po"
	@$(BIN)/pybabel --quiet extract --mapping babel.cfg --no-wrap --sort-by-file --no-location \
		--project vestibule --output $(POT) .
	@$(BIN)/pybabel --quiet update --domain $(DOMAIN) --input-file $(POT) --output-dir locales \
		--no-wrap --previous --ignore-obsolete --ignore-pot-creation-date

lock: .venv/dev.stamp ## resolve the locks anew (UPGRADE=--upgrade for newer versions)
	@echo "resolving requirements.lock, requirements-dev.lock and requirements-peers.lock"
	@$(LOCK) pyproject.toml $(UPGRADE) --group build --output-file requirements.lock
	@$(LOCK) pyproject.toml $(UPGRADE) --group dev --constraints requirements.lock --output-file requirements-dev.lock
	@$(LOCK) $(UPGRADE) --group peers --output-file requirements-peers.lock
	@echo "make licences says under what they are, once they are installed"

diagrams: .venv/run.stamp ## draw the scripts from their machines into docs/diagrams
	@echo "drawing docs/diagrams"
	@$(BIN)/vestibule diagram --write docs/diagrams

build: .venv/dev.stamp ## wheel and source archive into dist
	@echo "building into dist"
	@$(BIN)/python -m build --no-isolation --outdir dist .

clean: ## remove what can be made again (not the data)
	@echo "removing .venv, dist and caches"
	@rm -rf .venv dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
