# `make` alone lists what there is. Extra words for the program behind a target go into ARGS: make serve ARGS="--addr :5001"

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
export PYTHON
ARGS ?=
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.stamp: pyproject.toml constraints.txt
	scripts/setup

$(VENV)/.stamp-dev: pyproject.toml constraints.txt
	scripts/setup --dev

.PHONY: serve
serve: $(VENV)/.stamp ## set up, and run the registry
	$(BIN)/holdfast serve $(ARGS)

.PHONY: setup
setup: $(VENV)/.stamp-dev ## set up .venv with everything a developer needs

.PHONY: check
check: $(VENV)/.stamp-dev ## lint, types, and the rules of the house
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_house.py

.PHONY: test-tools
test-tools:
	@scripts/fetch-tools docker-registry || true
	@scripts/install-clients || true

.PHONY: test-services
test-services: ## fetch the object stores that the tests run against
	@scripts/install-stores || true

# What of the registry is tested on every object store each time; `make test-stores` takes everything.
STORE_TESTS := tests/conformance tests/registry/test_operations.py tests/registry/http/test_uploads.py \
	tests/registry/http/test_manifests.py tests/registry/http/test_referrers.py tests/registry/http/test_listings.py
STORES ?= all

.PHONY: test
test: check test-tools test-services ## check, then run all tests but the slow ones
ifdef ARGS
	scripts/run-tests $(ARGS)
else
	scripts/run-tests tests/storage -- tests --ignore tests/storage -- --stores $(STORES) $(STORE_TESTS)
endif

.PHONY: test-stores
test-stores: $(VENV)/.stamp-dev test-tools test-services ## run all tests of the registry on the object stores, STORES=ceph,azurite for some
	$(BIN)/python -m pytest --stores $(STORES) tests/registry tests/conformance $(ARGS)

.PHONY: format
format: $(VENV)/.stamp-dev ## format, and mend what the linter can mend by itself
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: bench
bench: $(VENV)/.stamp-dev ## measure against docker-registry and nginx, here and now
	scripts/fetch-tools docker-registry nginx wrk
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-s3
bench-s3: $(VENV)/.stamp-dev ## measure against docker-registry and obstore on one bucket of a real object store
	scripts/fetch-tools docker-registry wrk
	scripts/install-stores ceph
	$(BIN)/python -m benchmarks.s3 $(ARGS)

FUZZ_SECONDS ?= 60

.PHONY: fuzz
fuzz: $(VENV)/.stamp-dev ## give the HTTP interface and every parser odd input, FUZZ_SECONDS each
	nice -n 19 $(BIN)/python -m fuzz --seconds $(FUZZ_SECONDS) $(ARGS)

.PHONY: clean
clean: ## remove what was built, .venv and the fetched tools included (never the data folder)
	rm -rf $(VENV) .tools .cache build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
