.PHONY: setup demo test lint bench lock clean

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

setup: $(VENV)/.done

$(VENV)/.done: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Checks the bundled example calls, shows what a supervisor sees, and why one sentence is flagged.
demo: setup
	$(BIN)/jiyu scan examples/calls.jsonl --format table
	$(BIN)/jiyu check 你有完没完 --customer 我的货到底什么时候到

test: setup
	$(BIN)/python -m pytest -n auto

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/jiyu lint lexicons

bench: setup
	$(BIN)/python benchmarks/scan.py

# Needs uv: writes exact versions and hashes of everything, for every platform.
lock:
	uv pip compile pyproject.toml --group dev --universal --generate-hashes \
	    --no-header --no-emit-index-url --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
