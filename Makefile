# Two commands do everything: make run, make test.
# A distribution's Python is built with profile-guided optimization, others often are not;
# through it mail goes up to a fifth faster. Decide otherwise by `make venv PYTHON=...`.
# An environment that is there stays as it is: remove .venv to have it made by another.
SYSTEM = /usr/bin/python3
FITS = $(shell $(SYSTEM) -c 'import ensurepip, sys; print(sys.version_info >= (3, 11))' 2>&1)
PYTHON ?= $(if $(filter True,$(FITS)),$(SYSTEM),python3)
VENV ?= .venv
# The share of the long fault runs that make proof takes; 0.05 is a quick look.
PROOF ?= 1
BIN = $(VENV)/bin

.PHONY: run test lint bench proof venv clean

$(BIN)/.ready: setup.cfg pyproject.toml
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --editable '.[test]' --config-settings editable_mode=compat
	touch $(BIN)/.ready

venv: $(BIN)/.ready

run: venv
	$(BIN)/mailsuite demo --dir var/demo

test: venv
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder --max-worker-restart 0 tests

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/codespell mailsuite tests docs etc README.rst HACKING.rst CHANGES.rst

bench: venv
	$(BIN)/python bench/all.py

proof: venv
	MAILSUITE_PROOF=$(PROOF) $(BIN)/python -m pytest -s --timeout 0 tests/proof.py \
	    tests/crash/test_damage.py tests/crash/test_store_crash.py \
	    tests/whole/test_pigeonhole.py

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
