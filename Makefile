# Everything works from a bare clone: each target first brings the environment in .venv up to the lock.
#   make report SAMPLES="exports/monday exports/tuesday.json" REPORT=reports/tuesday
#   make test TESTS="tests/facts -k calls" WORKERS=0
#   make setup PYTHON=python3.13
#   make lab LAB="--no-browser --port 9000"
#   make lock UPGRADE=--upgrade

SHOP = data/samples/shop
SAMPLES = $(SHOP)/incident
# What the review is compared with; for other samples nothing, unless it is given.
BASELINE = $(if $(filter $(SHOP)/incident,$(SAMPLES)),$(SHOP)/before)
# What is known of the system: its teams, its limits. For other samples nothing, unless it is given.
CONFIG = $(if $(filter $(SHOP)/%,$(SAMPLES)),$(SHOP)/review.yml)
REPORT = reports/latest
TESTS =
# Processes that share the tests: one for each processor.
WORKERS = auto
LAB =
UPGRADE =
# The first of these that is 3.11 or later makes the environment.
PYTHON = python3 python3.13 python3.12 python3.11 python3.14

BIN = .venv/bin
# JupyterLab and papermill would otherwise prefer a kernel of the same name in the user's home.
export JUPYTER_PREFER_ENV_PATH = 1
# Images with Python set it: each of the hundreds of processes of the tests would compile the package anew, half a second.
unexport PYTHONDONTWRITEBYTECODE

# The stamps carry checksums, because git changes the times of files that it did not change. The folder is part of the
# first: the scripts in an environment name it, so that a moved checkout needs a new one.
LOCKED = .venv/locked-$(shell { cat requirements.lock; pwd -P; } | cksum | tr ' \t' '--')
EDITABLE = .venv/editable-$(shell cksum < pyproject.toml | tr ' \t' '--')
# An environment whose interpreter has since been removed is none.
BROKEN = $(if $(shell $(BIN)/python -c 'print("works")' 2>/dev/null),,broken)

.PHONY: help report test setup lab lint bench lock broken

help:
	@echo 'make report   review the sample shop (SAMPLES=..., BASELINE=..., CONFIG=...) into reports/latest (REPORT=...)'
	@echo 'make test     run the tests (TESTS=...)'
	@echo 'make lab      open the notebooks in JupyterLab'
	@echo 'make lint     check style, types, import layers and notebooks'
	@echo 'make bench    measure spans per CPU second'
	@echo 'make setup    only build the environment in .venv (PYTHON=...)'
	@echo 'make lock     resolve pyproject.toml into requirements.lock anew (UPGRADE=--upgrade)'

report: setup
	$(BIN)/archreview report $(SAMPLES) --out $(REPORT) $(if $(BASELINE),--baseline $(BASELINE)) \
		$(if $(CONFIG),--config $(CONFIG))

test: setup
	$(BIN)/python -m pytest --numprocesses $(WORKERS) $(TESTS)

lab: setup
	$(BIN)/jupyter lab --LabApp.news_url=None \
		--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate $(LAB) notebooks

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	find notebooks -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' -exec $(BIN)/nbstripout --verify --keep-id {} +
	$(BIN)/python -m pytest -q tests/test_notebook_style.py

bench: setup
	$(BIN)/python -m tests.benchmarks

lock: $(LOCKED)
	$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command 'make lock' $(UPGRADE) --output-file requirements.lock

setup: $(EDITABLE)

broken:

# --clear: what the lock no longer names must not stay. --only-binary: building from source would fetch what no hash pins.
$(LOCKED): $(BROKEN)
	@python=$$(for candidate in $(PYTHON); do \
		if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then echo "$$candidate"; break; fi; done); \
	if [ -z "$$python" ]; then \
		echo 'No Python 3.11 or later with its venv module among: $(PYTHON) (see make setup PYTHON=...)' >&2; exit 1; fi; \
	echo "Building .venv with $$("$$python" --version) from requirements.lock: a minute or two, once"; \
	"$$python" -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
		--requirement requirements.lock
	@touch $@

# setuptools is in the lock, so that the build needs nothing from an index.
$(EDITABLE): $(LOCKED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation \
		--editable .
	@rm -f .venv/editable-*
	@touch $@
