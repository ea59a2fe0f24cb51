# demo, test, lint, fix, bench. Each makes what it needs: the virtual environment, Python packages, and
# Debian packages where they are missing (as root or with sudo).

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One numerical thread per process: tests run two processes, and timings are per thread.
export OPENBLAS_NUM_THREADS := 1
# Debian packages are fetched while pip works: two goals of one make at a time.
MAKEFLAGS += -j2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint fix proof bench docs clean

help: ## say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 20

demo: $(VENV)/run.stamp ## make a flawed multitrack song, diagnose it, print the report
	$(BIN)/mixdiagnose demo

test: lint test-plugin ## lint, then all tests, two at a time
	MIXDIAGNOSE_TEST_PLUGIN=$(CURDIR)/$(VENV)/test-plugin $(BIN)/pytest -n 2 --dist worksteal

.PHONY: test-plugin
test-plugin: hosts $(VENV)/dev.stamp # the plugin and its hosts for the tests, compiled beside the linters
	$(BIN)/python -m render_tests.plugin_hosts.built $(VENV)/test-plugin

lint: $(VENV)/dev.stamp ## ruff, mypy --strict, import contracts, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --verbose > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	$(BIN)/python docs/generate.py --check
	$(BIN)/pytest -q -p no:randomly tests/test_docs.py

fix: $(VENV)/dev.stamp ## format, mend what can be mended, write generated docs
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python docs/generate.py

.PHONY: hosts
hosts: # real hosts, and what the plugin is compiled with
	@missing=; \
	for file in /usr/lib/ardour7/luasession /usr/share/dpf /usr/include/cairo/cairo.h /usr/include/X11/extensions/XTest.h; \
	do test -e $$file || missing=1; done; \
	for command in g++ cmake make pkg-config qtractor lv2info Xvfb; do command -v $$command > /dev/null || missing=1; done; \
	test -z "$$missing" || $(call apt,ardour g++ cmake make pkg-config dpf-source libcairo2-dev libx11-dev libxtst-dev qtractor lilv-utils xvfb)

proof: $(VENV)/dev.stamp ## the proofs on real songs, with all draws (half an hour)
	PROOF=all $(BIN)/pytest -n 2 --dist worksteal render_tests/test_fix.py \
	  render_tests/test_fix_alone.py render_tests/test_injections_alone.py tests/test_phase.py

bench: $(VENV)/dev.stamp ## ratios against libebur128 and ffmpeg, in one run
	@command -v ffmpeg > /dev/null || $(call apt,ffmpeg)
	$(BIN)/python -m benchmarks.speed

clean: ## remove what the other verbs made
	rm -rf $(VENV) build dist demo-song

# $(call apt,PACKAGES): install Debian packages, or say in one line what is needed.
define apt
{ if [ "$$(id -u)" = 0 ]; then as=; elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then as=sudo; \
  else echo "Please install these packages first (root or sudo is needed): $(1)" >&2; exit 1; fi; \
  flock Makefile $$as apt-get update -q > /dev/null && \
  flock Makefile $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o DPkg::Lock::Timeout=600 $(1) > /dev/null; }
endef

# DawDreamer and pedalboard are linked against these, which a desktop has and a bare machine lacks.
define libraries
$(BIN)/python -c 'import dawdreamer, pedalboard' 2> /dev/null || $(call apt,libatomic1 libgl1 libglib2.0-0 libx11-6)
endef

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || $(call apt,python3 python3-venv)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || $(call apt,python3-venv)
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e .
	@$(libraries)
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q 'pip>=25.1'
	$(BIN)/python -m pip install -q -e '.[opinions]' --group dev
	@$(libraries)
	@touch $@ $(VENV)/run.stamp
