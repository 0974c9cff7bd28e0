# `make help` lists the commands. Each makes what it needs; PYTHON=/path/to/python names the Python to use.

.DEFAULT_GOAL := help
.NOTPARALLEL:
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV

BIN := .venv/bin
SCHEMA := docs/pipeline.schema.json
PYTEST_ARGS ?=
LOCK_ARGS ?=
RUN_ARGS ?=
DEMO := pipelines/support_triage.yaml
DEMO_ASKED := .venv/demo-asked# the model is asked once, though its answers are in recordings/; then they are recalled
EXAMPLES := $(sort $(wildcard pipelines/*.yaml))
# All but the one that asks an http service, which does not know every customer: a 404 is no answer to record.
RECORDED := $(filter-out pipelines/customer_reply.yaml,$(EXAMPLES))
# A log of its own, or what `make demo` asked anew would go before what is recorded, and change it.
RECORDING_LOG := sqlite:///build/record.db

# $(call step,COMMAND): says which command of a goal failed, and how.
step = $(1) || { code=$$?; echo "make $@: \`$(1)\` failed with exit code $$code; see above" >&2; exit $$code; }

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ready-demo ## set up, fetch the embedded model, run an example pipeline on it
	@$(call step,$(BIN)/promptlab models pull)
	@$(call step,$(BIN)/promptlab run $(if $(wildcard $(DEMO_ASKED)),,--fresh) $(DEMO))
	@touch $(DEMO_ASKED)

.PHONY: examples
examples: ready-demo ## run all other examples on that model, whole (RUN_ARGS=--fail-exit-code=0 lets gates fail)
	@$(call step,$(BIN)/promptlab models pull)
	@$(call step,$(BIN)/promptlab run --fresh $(RUN_ARGS) $(filter-out $(DEMO),$(EXAMPLES)))

.PHONY: replay
replay: ready-demo ## test the examples from their recordings, as CI does: nothing is called
	@$(call step,$(BIN)/promptlab test $(RECORDED))
	@$(call step,$(BIN)/promptlab recordings check $(RECORDED))

.PHONY: record
record: ready-demo ## record what a changed example asks, on the embedded model, and take away what is stale
	@$(call step,$(BIN)/promptlab models pull)
	@mkdir -p build && rm -f build/record.db*
	@$(call step,PROMPTLAB_DATABASE_URL=$(RECORDING_LOG) $(BIN)/promptlab recordings update $(RECORDED))
	@$(call step,$(BIN)/promptlab recordings prune --yes $(RECORDED))

.PHONY: test
test: ready-all ## set up and run the tests (PYTEST_ARGS="-k name")
	@$(call step,$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS))

.PHONY: test-all
test-all: ready-all ## run the tests and those that take long, as CI does
	@$(call step,$(BIN)/python -m pytest -n auto --dist worksteal -m '' $(PYTEST_ARGS))

.PHONY: test-again
test-again: ready-all ## run the tests that failed last, one at a time
	@$(call step,$(BIN)/python -m pytest -m '' --last-failed --last-failed-no-failures none $(PYTEST_ARGS))

.PHONY: torture
torture: ready-all ## kill, starve and disturb runs at every point that there is (TORTURE="crash-points --seed 7" narrows it)
	@$(call step,$(BIN)/python -m tests.torture $(TORTURE))

.PHONY: lint
lint: ready-all ## check style and formatting
	@$(call step,$(BIN)/ruff check .)
	@$(call step,$(BIN)/ruff format --check .)

.PHONY: types
types: ready-all ## check types
	@$(call step,$(BIN)/mypy)

.PHONY: layers
layers: ready-all ## check that imports point down only
	@$(call step,$(BIN)/lint-imports)

.PHONY: format
format: ready-all ## mend style and formatting where a tool can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

.PHONY: bench
bench: ready-all ## measure beside a bare loop and the peers that are there (BENCH="one-step start-up" narrows it)
	@$(call step,$(BIN)/python -m tests.bench $(BENCH))

.PHONY: peers
peers: ready-all ## install the rivals that `make bench` measures beside promptlab, into .peers
	@$(call step,sh scripts/install-peers.sh "$(BIN)/python" .peers)

.PHONY: picture
picture: ready-demo ## draw the result of the last whole run of the demo, for the README
	@$(call step,$(BIN)/python scripts/picture.py support-triage docs/result.svg)

.PHONY: schema
schema: ready-all ## write the JSON Schema of pipeline files
	@$(call step,$(BIN)/promptlab schema > $(SCHEMA))

.PHONY: pages
pages: ready-all ## write the pages of checks in docs/checks
	@$(call step,$(BIN)/python -m tests.check_pages)

.PHONY: lock
lock: ## resolve pyproject.toml into poetry.lock and the requirements (LOCK_ARGS=--regenerate takes newer versions)
	@$(call step,sh scripts/poetry.sh lock $(LOCK_ARGS))
	@$(MAKE) --no-print-directory requirements

.PHONY: requirements
requirements: ## export poetry.lock into the hashed requirements
	@$(call step,sh scripts/export-requirements.sh .)

.PHONY: lock-check
lock-check: ## check that lock and requirements are as Poetry would write them
	@$(call step,sh scripts/poetry.sh check --lock)
	@mkdir -p build/requirements
	@$(call step,sh scripts/export-requirements.sh build/requirements)
	@for name in demo all; do cmp requirements-$$name.txt build/requirements/requirements-$$name.txt \
	  || { echo "requirements-$$name.txt is not what poetry.lock says: run \`make requirements\`" >&2; exit 1; }; done

.PHONY: clean
clean: ## remove environments, caches and builds (not .promptlab: what was paid for stays)
	@rm -rf .venv .venv-poetry build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@rm -rf .coverage coverage.xml htmlcov bench-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: ready-demo ready-all
ready-demo ready-all: ready-%:
	@sh scripts/setup.sh $*
