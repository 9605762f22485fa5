# Lineside. `make help` lists what there is; a fresh clone needs git, Python 3.11 or newer and make, no more.

export UV_PYTHON_DOWNLOADS ?= never
# Processes are started hundreds of times: what is imported is compiled once, whatever the caller's shell says.
export PYTHONDONTWRITEBYTECODE :=
PYTHON ?= python3
TOOLS := .lineside/tools
# A uv that works, or one of our own.
UV := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),$(TOOLS)/bin/uv)
# Journeys wait more than they work, so three of each core.
WORKERS ?= 6
# In the order of tests/support/marks.py: what takes minutes begins first.
SPREAD := -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
# --frozen where the default package index is another than the lock's (docs/decisions/0002-packaging.md)
LOCK ?= --locked
# Passed on: make test PYTEST_ARGS="tests/build -x", make bench BENCH_ARGS=--quick
PYTEST_ARGS ?=
BENCH_ARGS ?=
DEMO_ARGS ?=
# What another Python version can get wrong: wire formats, loops and threads, sockets, start and stop; not SQL, screens and peers.
QUICK := -m "not long and not journey and not browser and not postgres" --hypothesis-profile=brief
QUICK_PATHS := $(addprefix tests/,standards mes/kernel mes/access/test_rules.py mes/equipment mes/ingest web/live \
  $(addprefix web/test_,main.py site.py security.py crossroads.py templates.py) \
  $(addprefix opcua_bridge/test_,journal.py decoder.py uplink.py channel.py values.py blocks.py lasting.py tag_map.py))
IN_ENVIRONMENT := $(UV) run $(LOCK)

READERS = tests/fuzz tests/mes/ingest/test_any_batch.py tests/mes/exchange/test_b2mml_any.py tests/standards/test_b2mml.py \
	tests/standards/test_ooxml.py tests/standards/test_labels.py tests/mes/exchange/test_source.py \
	tests/mes/exchange/table_files/test_reading.py
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-long test-fuzz lint bench api conformance install prepare test-other-pythons audit sbom clean

help:  ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(UV)  ## Start a simulated factory, the bridge and the server; prints the address and how to sign in
	@$(UV) run $(LOCK) --compile-bytecode --no-dev --extra bridge --extra server lineside demo $(DEMO_ARGS)

# Beside lint, which is one process: what the tests need is prepared, they are compiled once and not by every worker,
# and another Python tries what it can get wrong.
test: install  ## Everything that has to be green: checks, then all but the long tests
	@{ $(MAKE) --no-print-directory prepare && { $(IN_ENVIRONMENT) pytest -q --collect-only >/dev/null || true; }; } & preparing=$$!; \
	  $(MAKE) --no-print-directory test-other-pythons & others=$$!; \
	  $(MAKE) --no-print-directory lint; checked=$$?; \
	  wait $$preparing || checked=1; wait $$others || checked=1; exit $$checked
	$(IN_ENVIRONMENT) pytest $(SPREAD) $(PYTEST_ARGS)

test-long: install prepare  ## The tests that take minutes: soaks, many seeds, many kills
	$(IN_ENVIRONMENT) pytest -m long $(SPREAD) $(PYTEST_ARGS)

test-fuzz: install prepare  ## Ask every operation of the API, and every reader of others' bytes, much and at random (FUZZ=100)
	LINESIDE_FUZZ=$(or $(FUZZ),100) $(IN_ENVIRONMENT) pytest tests/web/openapi/test_fuzz.py $(READERS) $(PYTEST_ARGS)

lint: install  ## Style, types, and who may import whom
	$(IN_ENVIRONMENT) ruff check
	$(IN_ENVIRONMENT) ruff format --check
	$(IN_ENVIRONMENT) mypy
	$(IN_ENVIRONMENT) lint-imports

bench: install prepare  ## Run every benchmark; each prints its figures as one JSON line
	@failed=; for script in benchmarks/[!_]*.py; do \
	  echo "== $$script"; \
	  PYTHONPATH=. $(IN_ENVIRONMENT) python $$script $(BENCH_ARGS) || failed="$$failed $$script"; \
	done; test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

install: $(UV)  ## Put exactly what uv.lock names into .venv, browser libraries included
	@$(UV) sync $(LOCK) --quiet --compile-bytecode

api: install  ## Record what was added to the REST API in docs/api/openapi.json; refuses what breaks callers
	$(IN_ENVIRONMENT) python -m tests.support.contract

audit: install  ## Known weaknesses of everything that is locked; 2 where the advisories cannot be asked
	@$(IN_ENVIRONMENT) python -m tests.support.supply_chain audit

sbom: install  ## Bills of materials (CycloneDX) of the packages and browser libraries, into dist/
	@$(IN_ENVIRONMENT) python -m tests.support.supply_chain sbom

conformance: install  ## Write docs/standards/conformance.md out of the tests that others judge
	$(IN_ENVIRONMENT) python -m tests.support.conformance

prepare: install
	@$(IN_ENVIRONMENT) python -m tests.support.prepare

# The whole suite runs on the Python of .venv; the oldest and the newest other one at hand get the quick part.
test-other-pythons: install
	@for python in $$($(IN_ENVIRONMENT) python -m tests.support.interpreters); do \
	  echo "== $$($$python -VV)"; \
	  UV_PROJECT_ENVIRONMENT=.lineside/$$(basename $$python) \
	    $(IN_ENVIRONMENT) --python $$python pytest -q -n 2 $(QUICK) $(if $(findstring tests/,$(PYTEST_ARGS)),,$(QUICK_PATHS)) $(PYTEST_ARGS) || exit 1; \
	done

clean:  ## Remove what was built, keep the code
	rm -rf .venv .lineside build dist web/static/vendor .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(TOOLS)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is missing: $(PYTHON) is older or not there. Name another: make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv $(TOOLS) || { rm -rf $(TOOLS); \
	  echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@$(TOOLS)/bin/pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14' || { rm -rf $(TOOLS); \
	  echo "uv could not be installed: pip cannot reach a package index." >&2; exit 1; }
