# Every target works from a fresh clone: the first run builds .venv (needs a package index), later runs need no network.
#
#   make gate ARGS="--l4-stack=processes"      extra arguments for the command behind a target
#   make gate PYTHON=python3.12                another Python to build .venv from
#
# The targets run straight from .venv, not through tox: a gate that has to answer within seconds should not first
# check a packaging environment (docs/decisions/0005-make-calls-the-venv.md). tox.ini holds the same commands for CI.
#
# make itself exits 2 whenever a command fails. Where the gate's own exit code matters (10 HOLD, 20 ABORT), read it from
# the last line that make prints ("Error 10"), from reports/l4-verdict.json, or call the command without make.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

export PYTHON ?= python3
# Compiled modules are kept (and ignored by git), whatever the shell says: without them each Python compiles everything
# anew, which doubles the processor time of the gate and of the suite.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := .venv/bin/python -m pytest
L4GATE := .venv/bin/python -m l4gate
ARGS ?=

help: ## print this list
	@awk -F ' ?## ?' '/^[a-z0-9-]+:.*##/ { sub(/:.*/, "", $$1); printf "  make %-24s %s\n", $$1, $$2 }' Makefile

env: ## build .venv with everything that the gate and the tests need
	@scripts/dev/prepare.sh test

lint-env: ## build .venv with the linters
	@scripts/dev/prepare.sh test lint

gate: env ## GO, HOLD or ABORT: start the stack, run the real heartbeat, judge it
	@$(PYTEST) -m l4_gate $(ARGS)

# What takes longer than a few minutes has targets of its own, which the nightly workflow runs. The workers are more than the
# cores of a small machine, because most tests wait for a server most of the time.
test: env ## the whole test suite, on several workers
	@$(PYTEST) -n 4 --dist loadgroup -m "not (l4_gate or sandbox_smoke_60s or dr_rehearsal or faults or nightly or variants or mutants)" $(ARGS)

lowest: env ## the unit tests with the lowest version of each dependency, in .venv-lowest
	@scripts/dev/lowest.sh $(ARGS)

lint: lint-env ## code, shell, YAML and workflow linters
	@scripts/dev/lint.sh $(ARGS)

obs-lint: env ## required check: configuration and rules
	@$(L4GATE) lint --junit=reports/obs-lint.xml $(ARGS)

promtool-check: env ## only promtool's own check of configuration and rules
	@$(L4GATE) lint --only promtool $(ARGS)

promql-unit: env ## required check: promtool tests of every rule and alert
	@$(PYTEST) -m promql_unit tests/promql $(ARGS)

promql-test-heartbeat: env ## only the heartbeat's promtool tests
	@$(PYTEST) -m promql_unit -k heartbeat tests/promql $(ARGS)

# The whole gate with it: a gate that ran in part is HOLD.
sandbox-smoke-60s: env ## required check: cold machine to GO, ABORT, rollback, GO
	@$(PYTEST) -m "l4_gate or sandbox_smoke_60s" tests/gate $(ARGS)

canary-quorum-pass: env ## required check: canary sample size, agreement and failure ratio
	@$(PYTEST) -m canary_quorum_pass $(ARGS)

error-budget-burn-ok: env ## required check: share of the error budget used over 7 and 30 days
	@$(PYTEST) -m error_budget_burn_ok $(ARGS)

dr-rehearsal-24h-pass: env ## required check: a certified day and a real restore drill
	@$(PYTEST) -m dr_rehearsal_24h_pass $(ARGS)

faults: env ## the fault catalogue: break the stack in every way, be told the right thing
	@$(PYTEST) -m faults $(ARGS)

claims: env ## measure the claims about the system, with independent trials and bounds
	@.venv/bin/python -m benchmarks.claims $(ARGS)

bench: env ## measure how long things take, beside their floor
	@.venv/bin/python -m benchmarks $(ARGS)

nightly: env ## what is too long for every commit: a production day live, rollbacks in a row, a gate killed in every phase
	@$(PYTEST) -n 4 --dist loadgroup -m nightly $(ARGS)

variants: env ## the same rules and faults on other engines, at other time factors and for fleets
	@$(PYTEST) -n 4 --dist loadgroup -m variants $(ARGS)

mutants: env ## rules with one slip in them, which their tests or the lint must notice
	@$(PYTEST) -m mutants $(ARGS)

rehearsal: env ## the disaster-recovery rehearsal: a production day live, recorded days, restore drills in a row
	@$(PYTEST) -m dr_rehearsal $(ARGS)

examples: env ## generated input: 20,000 examples for every property
	@$(PYTEST) -n 2 -m hypothesis --hypothesis-profile=nightly --timeout=3300 $(ARGS)

docs: env ## write the pages of docs/ that are made from code
	@.venv/bin/python -m tests.support.pages $(ARGS)

pages: env ## the reports in a real browser; needs chromium
	@$(PYTEST) -m chromium $(ARGS)

hostile: env ## every command against everything hostile that is known: servers, folders, manifests, environments
	@.venv/bin/python -m tests.hostile $(ARGS)

factor: env ## whether the sandbox bears its time factor: 200 runs beside busy neighbours
	@.venv/bin/python -m benchmarks.factor $(ARGS)

clean: ## remove what the targets made here (not the cache of fetched programs)
	@rm -rf .venv .venv-lowest .tox reports build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help env lint-env gate test lowest lint obs-lint promtool-check promql-unit promql-test-heartbeat \
	sandbox-smoke-60s canary-quorum-pass error-budget-burn-ok dr-rehearsal-24h-pass faults claims bench nightly \
	variants mutants rehearsal examples docs pages hostile factor clean
