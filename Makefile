# Countersign: `make run` needs nothing but Python 3.12 or later.
.DEFAULT_GOAL := help
.PHONY: help run setup seed test test-core soak bench lint fmt lock canvas canvas-test

VENV := .venv
# Tests wait for servers and pages about a third of their time: one process more than there are cores.
# Each has a database, a broker and a browser of its own, so four are enough anywhere.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$n -lt 3 ] || n=3; expr $$n + 1)
BENCH := .venv-bench
PYTHON_NEEDED := Python 3.12 or later with its venv module is needed and was not found. \
	Debian and Ubuntu: apt-get install python3 python3-venv. Others: python.org, or set PYTHON=/path/to/python3.

# Each candidate is run, not only looked up: a version manager's shim exists and may still fail.
define find_python
for candidate in "$(PYTHON)" python3.14 python3.13 python3.12 python3 \
    "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python \
    "$$HOME"/.pyenv/versions/3.1[2-9]*/bin/python /opt/homebrew/bin/python3 /usr/local/bin/python3; do \
  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' \
    >/dev/null 2>&1; then found="$$candidate"; break; fi; \
done; \
if [ -z "$$found" ]; then echo '$(PYTHON_NEEDED)' >&2; exit 1; fi
endef

# $(1): the environment, $(2): the lock file. uv is quick; pip does the same where uv cannot run.
# Everything is compiled once, so that no start has to, also where Python may not keep what it compiles.
define install
$(1)/bin/uv pip install --quiet --compile-bytecode --python $(1)/bin/python --require-hashes -r $(2) || \
  $(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
endef

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: $(VENV)/run.ok  ## Start everything and print where; Ctrl-C stops it
	@exec $(VENV)/bin/python manage.py serve

setup: $(VENV)/dev.ok  ## Install what running and testing need, in .venv

seed: $(VENV)/run.ok  ## Fill the running installation with runs in every state and a full inbox
	@$(VENV)/bin/python manage.py seed_demo

test: $(VENV)/dev.ok  ## Run every test, on real servers and a real browser
	@sh .ci/browser
	$(VENV)/bin/python -m pytest -q -n $(JOBS) --dist loadfile || { [ $$? -eq 1 ] && \
	  echo 'What failed beside the others runs once more, one at a time; what fails again is broken.' && \
	  $(VENV)/bin/python -m pytest -q --last-failed --last-failed-no-failures none; }

test-core: $(VENV)/dev.ok  ## Run the tests of the pure core only
	$(VENV)/bin/python -m pytest -q tests/workflows_app/core tests/approvals_app/core

soak: $(VENV)/dev.ok  ## Play very many random runs of the core; WORLDS=50000 for more
	WORLDS=$(or $(WORLDS),5000) $(VENV)/bin/python -m pytest -q \
	  tests/workflows_app/core/engine/test_whole_properties.py

bench: $(VENV)/dev.ok $(BENCH)/bench.ok  ## Measure the engine beside others; ONLY=map,chain for a part
	$(VENV)/bin/python -m tests.bench --others $(BENCH)/bin/python $(if $(ONLY),--only $(ONLY))

lint: $(VENV)/dev.ok  ## Check style, types, layers and migrations
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python -W 'ignore:Got an error checking:RuntimeWarning' manage.py makemigrations --check --dry-run

fmt: $(VENV)/dev.ok  ## Format, and repair what can be
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

lock: $(VENV)/run.ok  ## Pin the newest versions that the .in files allow
	@for name in requirements requirements-dev requirements-bench; do \
	  $(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header $$name.in -o $$name.lock && \
	  { echo '# Made by `make lock`; do not edit.'; cat $$name.lock; } > $$name.tmp && mv $$name.tmp $$name.lock; \
	done

# Only who changes static/canvas/src needs Node: the bundle is part of the sources.
canvas: static/canvas/node_modules  ## Build the graph canvas again from static/canvas/src (needs Node 20)
	cd static/canvas && npx tsc && node build.mjs

canvas-test: static/canvas/node_modules  ## Run the unit tests of the graph canvas (needs Node 20)
	cd static/canvas && node test.mjs

static/canvas/node_modules: static/canvas/package-lock.json
	cd static/canvas && npm ci --no-audit --no-fund
	@touch $@

$(VENV)/run.ok: requirements.lock $(VENV)/uv.ok
	@echo 'Installing (once, about half a minute) ...'
	@$(call install,$(VENV),requirements.lock)
	@$(VENV)/bin/python -m compileall -q project workflows_app approvals_app
	@touch $@

$(VENV)/dev.ok: requirements-dev.lock $(VENV)/run.ok
	@$(call install,$(VENV),requirements-dev.lock)
	@touch $@

$(BENCH)/bench.ok: requirements-bench.lock $(BENCH)/uv.ok
	@$(call install,$(BENCH),requirements-bench.lock)
	@touch $@

# An environment with the pinned uv in it; without uv, pip installs the rest.
%/uv.ok:
	@$(find_python); echo "Python: $$found"; rm -rf $*; "$$found" -m venv $*
	@awk '/^[^ ]/ {on = 0} /^uv==/ {on = 1} on' requirements.lock > $*/uv.lock
	@$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $*/uv.lock || true
	@touch $@
