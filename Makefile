# `make` alone lists the commands. Each sets up what it needs, once, in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PIP_TORCH ?=
WORKERS ?= 2
BIN := $(VENV)/bin
RUN := $(BIN)/python
STAMP := $(VENV)/.setup-$(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
TORCH := $(shell grep '^torch==' constraints.txt)

export OMP_WAIT_POLICY := PASSIVE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-weather test test-unit lint docs bench clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP)  ## make .venv with the pinned packages (PIP_TORCH="--index-url ..." chooses another torch build)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, and this is " + sys.version.split()[0] + "; name one: make PYTHON=/path/to/python3.11")'
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet $(PIP_TORCH) '$(TORCH)'
	$(RUN) -m pip install --quiet -c constraints.txt -e '.[dev]'
	@rm -f $(VENV)/.setup-* && touch $@

demo: $(STAMP)  ## fine-tune an embedded model on real data, score it, draw it
	$(RUN) -m humboldt demo

demo-weather: $(STAMP)  ## the same with real analyses of the weather: scores, maps, storm tracks, a CF forecast
	$(RUN) -m humboldt demo --science weather

test: $(STAMP)  ## run every test: unit, integration and parity
	OMP_NUM_THREADS=1 $(RUN) -m pytest -m '' -n $(WORKERS) --session-timeout=3000

test-unit: $(STAMP)  ## run the unit tests alone
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(WORKERS)

lint: $(STAMP)  ## check style, types and the laws of import
	$(BIN)/ruff check .
	$(BIN)/mypy humboldt tests
	$(BIN)/lint-imports

docs: $(STAMP)  ## run the tutorials and build the site in docs/_build/html
	$(RUN) -m sphinx --fail-on-warning --keep-going --quiet -b html docs docs/_build/html

bench: $(STAMP)  ## time ourselves against peers and rewrite docs/benchmarks.md
	$(RUN) benchmarks/run_all.py

clean:  ## remove what was built, but not .venv
	rm -rf build dist runs docs/_build docs/reference/_generated .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
