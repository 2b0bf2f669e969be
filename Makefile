# Signoff: every target installs what it needs by itself. `make` alone lists them.

PYTHON ?= python3
PORT ?= 8000
SIGNOFF_LOCAL_DIR ?= .local
export PORT SIGNOFF_LOCAL_DIR

BIN := .venv/bin
PY := $(BIN)/python

# How many processes the tests run in: a number, or auto for one per core.
TEST_PROCESSES ?= auto

# What `make prove` runs, each as `python -m tests.campaigns.<name>`.
CAMPAIGNS := token_mutations histories pairs scanners one_clicks hostile kills feeds schemas replicas imports restores

# The parts that are covered, branches included, to at least 95 %, each by itself.
GUARDED := chalicelib/domain/* chalicelib/tokens.py chalicelib/store/*

.DEFAULT_GOAL := help
.PHONY: help install run test prove bench lint format types unit engine emulators chromium screenshots catalogues clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## make .venv and install the tools and the local engine, where they changed
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed: Signoff needs Python 3.11, 3.12 or 3.13." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 7))' || \
		{ echo "Signoff needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is older." >&2; exit 1; }
	@$(PYTHON) infra/bootstrap.py

run: install ## serve Signoff with a demo sender on 127.0.0.1:$PORT (8000), data in $SIGNOFF_LOCAL_DIR (.local)
	@$(PY) -m infra run

test: lint types engine emulators chromium unit ## lint, types and all the tests, with the coverage of branches

unit: install ## the tests alone, with the coverage of branches
	$(PY) -m pytest -n $(TEST_PROCESSES) --dist worksteal --cov --cov-report=term
	@set -ef; for part in $(GUARDED); do \
		echo "At least 95 % of $$part:"; $(BIN)/coverage report --include="$$part" --fail-under=95; \
	done

engine: install
	@$(PY) -m infra engine

emulators: install ## what stands in for AWS in the tests of the package, where it is missing
	@$(PY) infra/bootstrap.py --emulators

chromium: ## install Chromium from the distribution, where it is missing: the tests of the pages drive it
	@./.ci/chromium

screenshots: install chromium ## the main pages as they look, into docs/screenshots
	@$(PY) -m tests.browser.screenshots

catalogues: install ## bring the catalogues of the languages to what the pages say, and count what is to translate
	@$(PY) -m tests.web.catalogues

lint: install ## ruff's rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy, strict
	$(BIN)/mypy

format: install ## put the code into ruff's format and repair what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

prove: install engine ## the large campaigns, whole
	set -e; for campaign in $(CAMPAIGNS); do $(PY) -m tests.campaigns.$$campaign; done

bench: install engine emulators ## the benchmarks, each beside its anchor
	$(PY) -m bench

clean: ## remove what was installed and made, but not the data of the local runner
	rm -rf .venv .venv-emulators node_modules vendor .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
