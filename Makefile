# Every target starts from a bare Python 3.11+ and make: what it needs is installed into .venv from
# the locks. Bare `make` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The Python that starts the tools; the environments then choose among all that are installed.
BOOT := $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
# Set PYTHON_VERSION=3.11 (or 3.12, 3.13) to run tests and checks on that version.
PYTHON_VERSION ?=
VERSIONED := $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))
DEV := .venv/dev$(if $(PYTHON_VERSION),-$(PYTHON_VERSION))/bin
ARGS ?=

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: boot dev
boot:
	@test -n "$(BOOT)" || { echo "Python 3.11 or newer is needed and none was found on PATH (Debian: apt-get install python3 python3-venv)" >&2; exit 1; }
dev: boot
	@$(BOOT) tools/environments.py dev $(VERSIONED) >/dev/null

.PHONY: run local local-stack
run: local-stack ## see it work: deploy into an AWS emulator, push, pull, be refused; ARGS=--json
	@.venv/local/bin/python -m local run $(ARGS)
local: local-stack ## the same stack, left running; ARGS="--env-file F", --port N, --json
	@exec .venv/local/bin/python -m local serve $(ARGS)
local-stack: boot
	@$(BOOT) tools/environments.py local >/dev/null

.PHONY: deploy-test
deploy-test: local-stack ## sam build, deploy, update, roll back and delete on the emulator; ARGS=--json
	@.venv/local/bin/python -m local.deployment $(ARGS)

.PHONY: test
test: dev ## run every test; ARGS="-k name" narrows, PYTHON_VERSION=3.11 chooses
	@$(DEV)/python -m pytest $(ARGS)

.PHONY: coverage
coverage: dev ## run every test and print which lines and branches none of them ran
	@$(DEV)/python -m pytest --cov --cov-report=term-missing $(ARGS)

.PHONY: bench archive-bench
bench: dev ## speed and size beside the peers, and what auditing costs; ARGS="--rounds 30", --auditing
	@PYTHONPATH=functions:client/src:. $(DEV)/python -m tests.bench $(ARGS)
archive-bench: dev ## how long archiving and sealing a busy hour take; ARGS="--vends 360000" are 100 a second
	@PYTHONPATH=functions:. $(DEV)/python -m tests.bench.archive $(ARGS)

.PHONY: cost scale
cost: dev ## what a million vends cost, counted from the code; ARGS="--price name=value", --json
	@PYTHONPATH=functions:client/src:. $(DEV)/python -m tools.estimates.cost $(ARGS)
scale: dev ## what fleets of runners ask of AWS, and which quota breaks first; ARGS="--runners 500", --json
	@PYTHONPATH=functions:client/src:. $(DEV)/python -m tools.estimates.scale $(ARGS)

.PHONY: load
load: dev ## hundreds of callers while AWS fails: the books must balance; ARGS="--callers 400 --seed 7"
	@PYTHONPATH=functions:client/src:. $(DEV)/python -m tests.load $(ARGS)

.PHONY: check
check: dev ## format, lint, types, architecture, locks, template, pins, workflows: everything cheap
	@$(DEV)/ruff format --check .
	@$(DEV)/ruff check .
	@$(DEV)/mypy functions vendctl client/src local tools tests
	@PYTHONPATH=functions:client/src:. $(DEV)/lint-imports
	@$(DEV)/shellcheck --severity=warning $$(git grep -lE --untracked '^#! ?/(usr/)?bin/(env )?(ba)?sh' -- ':!*.py' ':!*.md')
	@$(BOOT) tools/locks.py --check
	@$(DEV)/cfn-lint template.yaml stacks/archive.yaml stacks/registry.yaml
	@$(BOOT) tools/pins.py --check
	@$(BOOT) tools/lint.py
	@echo "checked: nothing is wrong that a check finds"

.PHONY: pin pins-check lint pythons
pin: boot ## pin the actions and base image that are not yet; ARGS=--upgrade refreshes all
	@$(BOOT) tools/pins.py $(ARGS)
pins-check: boot ## fail where two places disagree on a version; ARGS=--release where a pin is missing
	@$(BOOT) tools/pins.py --check $(ARGS)
lint: boot ## actionlint, zizmor and hadolint over the workflows and the Dockerfile
	@$(BOOT) tools/lint.py
pythons: boot ## print the supported versions of Python as JSON
	@$(BOOT) tools/environments.py --supported

FILE ?= policy/policy.yaml
VENDCTL = $(BOOT) bin/vendctl
.PHONY: policy-check policy-test vendctl
policy-check: boot ## say every mistake in a policy, with its line and cure; FILE=policy/policy.yaml
	@$(VENDCTL) policy check $(FILE)
policy-test: boot ## run the tests inside a policy, as its deployment does; FILE=policy/policy.yaml
	@$(VENDCTL) policy test $(FILE)
vendctl: boot ## the platform team's command, all of it; ARGS="policy --help"
	@$(VENDCTL) $(ARGS)

.PHONY: format
format: dev ## put the code into the one format, and fix what the linter can
	@$(DEV)/ruff check --fix --exit-zero --quiet .
	@$(DEV)/ruff format .

.PHONY: build build-host bundle
build: boot ## build/lambda and build/lambda.zip: the functions as they are released (arm64, python3.13)
	@$(BOOT) tools/artefacts/bundle.py lambda
build-host: boot ## build/host: the same functions for this machine and the embedded stack
	@$(BOOT) tools/artefacts/bundle.py host
BUNDLE ?= lambda
bundle: boot ## what `sam build` calls: build/lambda alone, unless it is up to date
	@$(BOOT) tools/artefacts/bundle.py $(BUNDLE) --unpacked >/dev/null

# sam wants a region even where it calls nobody; a deployment goes to yours.
SAM = SAM_CLI_TELEMETRY=0 .venv/sam/bin/sam
ENV ?= dev
STACK ?= ecr-vend
.PHONY: validate scan live-check deploy
validate: boot ## sam's own validation of its templates, linted; needs no AWS account
	@$(BOOT) tools/environments.py sam >/dev/null
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-west-1} $(SAM) validate --lint
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-west-1} $(SAM) validate --lint --template stacks/archive.yaml
scan: boot ## checkov over template.yaml; what is suppressed, and why: .checkov.yaml
	@$(BOOT) tools/environments.py checkov >/dev/null
	@.venv/checkov/bin/checkov --config-file .checkov.yaml
live-check: dev ## prove on a deployed stack what only an account can show; STACK=ecr-vend, ARGS="--list", --yes
	@PYTHONPATH=functions:client/src:. $(DEV)/python -m tools.live_check --stack $(STACK) $(ARGS)
deploy: boot ## deploy to AWS; ENV=prod takes that section of samconfig.toml (default: dev)
	@$(BOOT) tools/environments.py sam >/dev/null
	@$(SAM) build --config-env $(ENV)
	@$(SAM) deploy --config-env $(ENV)

.PHONY: vend-schema
vend-schema: dev ## write the JSON Schema of a vend's record, and its fields into docs/auditing.md
	@$(DEV)/python -m tools.vend_schema
.PHONY: policy-schema
policy-schema: dev ## write the JSON Schema of a policy, and its keys into docs/policy-reference.md
	@$(DEV)/python -m tools.policy_schema
.PHONY: report-pictures
report-pictures: dev ## draw the audit report of made-up vends: docs/report-*.png; needs a Chromium
	@PYTHONPATH=functions:client/src:. $(DEV)/python -m tools.report_pictures
.PHONY: dashboard
dashboard: dev ## draw the dashboard of template.yaml with made-up figures: docs/dashboard.svg
	@$(DEV)/python -m tools.dashboard

.PHONY: lock
lock: boot ## resolve every lock again; ARGS=--upgrade takes the newest of everything
	@$(BOOT) tools/locks.py $(ARGS)

.PHONY: audit
audit: boot ## ask the advisory databases about every package in the locks; needs the network
	@$(BOOT) tools/audit.py

.PHONY: dist verify-reproducible durations
dist: boot ## build all that a release consists of into dist/; ARGS=--json
	@$(BOOT) tools/release/dist.py $(ARGS)
verify-reproducible: boot ## build HEAD twice, in ways that must not show, and compare every byte
	@$(BOOT) tools/release/reproducible.py
durations: boot ## compare the last build with those before it; ARGS="--keep --page", --json
	@$(BOOT) tools/release/durations.py $(ARGS)
.PHONY: release-check
release-check: boot ## do all that a release does, short of publishing, from a clean clone; BASE=local, ARGS=--json
	@$(BOOT) tools/release/check.py $(if $(BASE),--base $(BASE)) $(ARGS)
.PHONY: publish-index
publish-index: boot ## upload the packages of a verified release to the Python index; DIR=dist
	@$(BOOT) tools/release/publish_index.py "$(or $(DIR),dist)"

# Signing and verifying need sigstore, which is in the environment `release`.
DIR ?= dist
.PHONY: provenance sign verify-release release-environment
provenance: boot ## write where dist/ comes from into dist/ecr-vend.intoto.json
	@$(BOOT) tools/release/provenance.py $(ARGS)
sign: release-environment ## sign dist/ as the release workflow; nobody else can
	@.venv/release/bin/python tools/release/sign.py $(ARGS)
verify-release: release-environment ## verify a downloaded release; DIR=folder, ARGS="--only FILE"
	@.venv/release/bin/python tools/release/verify.py $(DIR) $(ARGS)
# TAG and REASON reach the tool by the environment, where no shell reads them.
.PHONY: publish promote withdraw
publish: boot ## put a signed dist/ into the channel next, a GitHub pre-release; ARGS=--dry-run
	@$(BOOT) tools/release/channels.py publish $(ARGS)
promote: boot ## verify what is in next again and make it stable; TAG=v1.2.0, ARGS=--dry-run
	@$(BOOT) tools/release/channels.py promote $(ARGS)
withdraw: boot ## take a bad release back; TAG=v1.2.0, REASON="why", ARGS=--dry-run
	@$(BOOT) tools/release/channels.py withdraw $(ARGS)
release-environment: boot
	@$(BOOT) tools/environments.py release >/dev/null

BASE ?=
.PHONY: image
image: boot ## build the client's container image into build/image; BASE=local makes a base here, ARGS=--json
	@$(BOOT) tools/artefacts/image/build.py $(if $(BASE),--base $(BASE)) $(ARGS)

.PHONY: matrix
matrix: boot ## install dist/ into other systems and try it there; ARGS="--list", "--cell NAME"
	@$(BOOT) -m tools.matrix $(ARGS)

.PHONY: clean
clean: ## remove all that was built or installed here
	rm -rf .venv build dist .dist.* .aws-sam .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
