# make run    start the service on this machine
# make test   the suite on the embedded parts
# make help   the rest

PYTHON ?= python3
# From the environment, or from .env as every other setting.
PORT ?= $(or $(shell sed -n 's/^PORT=//p' "$${LINNET_ENV_FILE:-.env}" 2>/dev/null),8000)
BIN := $(CURDIR)/.venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

export PORT
export PYTHONUNBUFFERED = 1

.PHONY: help run test test-e2e test-browser test-production test-faults bench lint lock

help:
	@grep -E '^# make' Makefile | sed 's/^# //'
	@echo 'make test-e2e          the service as it runs: real web processes and workers, killed and started again'
	@echo 'make test-browser      the panel and the client module in Chromium (CHROMIUM=/usr/bin/chromium)'
	@echo 'make test-production   what needs real PostgreSQL, Redis, RabbitMQ and nginx'
	@echo 'make test-faults       kill everything at random for a minute, and prove that nothing was lost (KILLS=1000)'
	@echo 'make bench             ratios against baselines of the same run, into var/bench.json'
	@echo 'make lint   ruff, mypy and the import contracts'
	@echo 'make lock   resolve the pinned dependencies anew (needs uv)'

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: set PYTHON.")'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.made requirements.txt
	@echo 'Installing the pinned dependencies into .venv (once)'
	@$(PIP) -r requirements.txt
	@touch $@

.venv/.dev: .venv/.made requirements-dev.txt
	@echo 'Installing the pinned dependencies and the test tools into .venv (once)'
	@$(PIP) -r requirements-dev.txt
	@touch $@ .venv/.runtime

run: .venv/.runtime
	@$(BIN)/python manage.py bootstrap --port '$(PORT)'
	@# Ctrl-C is for honcho, which then ends with 130: this shell waits for it, so that make has nothing to complain about.
	@trap : INT; PATH="$(BIN):$$PATH" $(BIN)/honcho --env /dev/null start --port '$(PORT)' || [ $$? -eq 130 ]

test: .venv/.dev
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --quiet

test-e2e: .venv/.dev
	@$(BIN)/python -m pytest tests/e2e -m e2e --numprocesses 3 --dist loadfile --no-loadscope-reorder --quiet

test-browser: .venv/.dev
	@$(BIN)/python -m pytest tests/browser -m browser --numprocesses 2 --dist loadfile --no-loadscope-reorder --quiet

test-production: .venv/.dev
	@$(BIN)/python -m pytest tests/production -m production --quiet

test-faults: .venv/.dev
	@$(BIN)/python -m tests.faults $(if $(KILLS),--kills $(KILLS),--seconds $(or $(BUDGET),60)) $(if $(SEED),--seed $(SEED))

bench: .venv/.dev
	@$(BIN)/python -m tests.benchmarks $(FIGURES)

lint: .venv/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run

lock:
	@uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command 'make lock' -o requirements.txt
	@uv pip compile --quiet pyproject.toml --group dev --constraint requirements.txt --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
		-o requirements-dev.txt
