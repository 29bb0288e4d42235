PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo dev test check format bench lock licences audit sbom clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/runtime ## Show the whole main job on this machine (ONCE=1: print the summary and exit)
	@$(BIN)/tenon demo $(if $(ONCE),--once)

dev: $(VENV)/runtime ## Serve on http://127.0.0.1:8000 with the embedded database, empty
	@$(BIN)/tenon serve

test: $(VENV)/dev check ## Run everything that CI runs
	@$(BIN)/pytest -n 2 --dist loadgroup

check: $(VENV)/dev ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/dev ## Rewrite the code in the house format
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

bench: $(VENV)/dev ## Run the benchmarks, each as a ratio to its limit
	@$(BIN)/python -m bench

lock: $(VENV)/dev ## Resolve the dependencies anew, with hashes
	@$(PIP) install uv
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header pyproject.toml \
		--extra embedded --group build -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header pyproject.toml \
		--extra embedded --extra traces --group build --group dev -c requirements.lock -o requirements-dev.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header pyproject.toml \
		--extra traces -c requirements-dev.lock -o requirements-image.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header \
		--group build -c requirements.lock -o requirements-build.lock

licences: $(VENV)/dev ## Write docs/licences.md from the locked dependencies, and check each licence
	@$(BIN)/python -m tools.licences

audit: $(VENV)/dev ## Ask for known vulnerabilities of the locked dependencies (OSV_URL=: another service)
	@$(BIN)/pip-audit --require-hashes --disable-pip --progress-spinner off \
		--vulnerability-service osv $(if $(OSV_URL),--osv-url $(OSV_URL)) \
		--requirement requirements-image.lock --requirement requirements.lock

sbom: $(VENV)/dev ## Write the image's bill of materials, CycloneDX, into dist/sbom.json
	@mkdir -p dist
	@$(BIN)/cyclonedx-py requirements requirements-image.lock --pyproject pyproject.toml \
		--output-reproducible --output-file dist/sbom.json

clean: ## Remove what the other targets made, the demo's data included
	@rm -rf $(VENV) .tenon .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tenon needs Python 3.11 or newer.")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing Tenon into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.lock | $(VENV)/runtime
	@echo "Installing the test tools into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
