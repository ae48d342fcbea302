# Everything a person or a machine does with this repository. `make` alone tells what there is.

BIN := .venv/bin
READY := .venv/ready
BROWSER := .venv/browser

.DEFAULT_GOAL := help
.PHONY: help setup run test check lint format lock bench pictures clean

help:
	@echo "make setup   create .venv with everything pinned, and a browser for the browser test"
	@echo "make run     start the exchange with a chat page, on an embedded PostgreSQL and Valkey"
	@echo "make test    run all tests"
	@echo "make check   lint, format, types, import rules and tests: what every commit must pass"
	@echo "make format  put every file into the house's format"
	@echo "make bench   measure, each figure beside its reference"
	@echo "make pictures  take the pictures of the README anew"
	@echo "make lock    resolve the pinned versions anew"
	@echo "make clean   remove what the other targets made, but no data"

setup: $(READY) $(BROWSER)

run: $(READY)
	@exec $(BIN)/betjee sandbox

test: setup
	$(BIN)/python -m pytest $(ARGS)

check: lint test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)
	$(BIN)/python -m benchmarks.hunters
	$(BIN)/python -m benchmarks.bots
	$(BIN)/python -m benchmarks.kill
	$(BIN)/python -m benchmarks.relay
	$(BIN)/python -m benchmarks.limits
	$(BIN)/python -m benchmarks.charts
	$(BIN)/python -m benchmarks.leaderboards

pictures: setup
	$(BIN)/python -m benchmarks.screenshots

# An interpreter is suitable when it is new enough and can make an environment with pip in it;
# a version manager's shim or a distribution's stripped python3 may be neither.
$(READY): requirements-dev.lock pyproject.toml
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14; do \
	    if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        found=$$python; break; \
	    fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "BetJee needs Python 3.11 or newer with its venv module (on Debian: apt-get install python3-venv)." >&2; \
	    exit 1; \
	fi; \
	echo "Setting up .venv with $$($$found --version) ..."; \
	[ -x $(BIN)/pip ] || $$found -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The browser test says itself why it is skipped, so a machine that cannot have a browser is fine.
$(BROWSER): $(READY)
	@if ! command -v chromium >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "Installing chromium for the browser test ..."; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    { apt-get update --quiet=2 \
	        && apt-get install --quiet=2 --yes --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 \
	        || echo "Chromium could not be installed; the browser test will be skipped."; \
	fi
	@touch $@

LOCK_OPTIONS := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# The resolver lives in its own throwaway environment: it is not needed to build, run or test.
lock:
	@python3 -m venv build/lock
	@build/lock/bin/pip install --quiet uv
	@build/lock/bin/uv pip compile pyproject.toml --group build --output-file requirements.lock $(LOCK_OPTIONS)
	@build/lock/bin/uv pip compile pyproject.toml --group build --all-extras --output-file requirements-dev.lock $(LOCK_OPTIONS)

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
