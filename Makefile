# `make` lists the targets. All that is installed goes into .venv and .venv-2.11; nothing else on the machine changes.
#
#   PYTHON=/path/to/python3     the Python to set up with, in place of the one that is found
#   PYTEST_ARGS='-k tokens -x'  further arguments for pytest

SHELL := bash
VENV := .venv
VENV_2_11 := .venv-2.11
NEWEST := constraints/airflow-3.3.2.txt
OLDEST := constraints/airflow-2.11.2.txt
PYTEST_ARGS ?=

# Whatever changes what is installed.
SOURCES := pyproject.toml airflow_provider_yeastar/__init__.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.installed  ## Make .venv with the newest Airflow and all tools

.PHONY: test
test: $(VENV)/.installed  ## Set up if need be, and run the tests
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

.PHONY: test-2.11
test-2.11: $(VENV_2_11)/.installed  ## Run the tests on the oldest supported Airflow (Python 3.11 or 3.12)
	$(VENV_2_11)/bin/python -m pytest -o cache_dir=.pytest_cache/airflow-2.11 $(PYTEST_ARGS)

.PHONY: coverage
coverage: $(VENV)/.installed  ## Run the tests and report which lines and branches they leave out
	$(VENV)/bin/python -m coverage run -m pytest $(PYTEST_ARGS)
	$(VENV)/bin/python -m coverage combine --quiet
	$(VENV)/bin/python -m coverage report

.PHONY: lint
lint: $(VENV)/.installed  ## Check style and formatting
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .

.PHONY: format
format: $(VENV)/.installed  ## Format the code and mend what can be mended
	$(VENV)/bin/python -m ruff check --fix .
	$(VENV)/bin/python -m ruff format .

.PHONY: types
types: $(VENV)/.installed  ## Check the types, strictly
	$(VENV)/bin/python -m mypy

.PHONY: build
build: $(VENV)/.installed  ## Build the distributions and check what is in them
	rm -rf dist
	$(VENV)/bin/python -m build --no-isolation
	$(VENV)/bin/python -m twine check --strict dist/*
	@$(VENV)/bin/python -c "$$CHECK_WHEEL"

# The wheel holds the package and its metadata, and nothing that this checkout only happens to contain.
define CHECK_WHEEL
import pathlib, sys, zipfile
(wheel,) = pathlib.Path("dist").glob("*.whl")
names = zipfile.ZipFile(wheel).namelist()
strays = [name for name in names if not name.startswith("airflow_provider_yeastar")
          or not (name.endswith((".py", "/py.typed")) or ".dist-info/" in name)]
missing = {"airflow_provider_yeastar/py.typed"} - set(names)
print(f"{wheel}: {len(names)} files, no tests, no strays" if not strays and not missing
      else f"{wheel}: strays {strays}, missing {sorted(missing)}")
sys.exit(bool(strays or missing))
endef
export CHECK_WHEEL

.PHONY: demo
demo: $(VENV)/.installed  ## Run the example DAG with a real Airflow against a simulated PBX
	$(VENV)/bin/python example_dags/run_demo.py

.PHONY: bench
bench: $(VENV)/.installed  ## Measure what is promised, each figure side by side with its like
	@set -e; for file in benchmarks/bench_*.py; do printf '\n=== %s\n' "$$file"; $(VENV)/bin/python "$$file"; done

.PHONY: reference
reference: $(VENV)/.installed  ## Write docs/reports.md anew from the catalogue of reports and parameters
	$(VENV)/bin/python docs/make_reference.py

.PHONY: clean
clean:  ## Remove the environments and all that was built
	rm -rf $(VENV) $(VENV_2_11) dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- environments ---------------------------------------------------------------------------------------------------

$(VENV)/.installed: $(SOURCES) $(NEWEST)
	$(call make-venv,$(VENV),3.11,3.14,$(PYTHON))
	$(call install,$(VENV),$(NEWEST),dev)
	@touch $@

# Airflow 2.11 runs on Python up to 3.12. A PYTHON that was named for the other environment may be too new for it.
$(VENV_2_11)/.installed: $(SOURCES) $(OLDEST)
	$(call make-venv,$(VENV_2_11),3.11,3.12,$(PYTHON_2_11))
	$(call install,$(VENV_2_11),$(OLDEST),test)
	@touch $@

# $(call make-venv,folder,lowest,highest,python): a folder that is there and works is kept, a broken one made anew.
define make-venv
@$(1)/bin/python -m pip --version >/dev/null 2>&1 || { \
	python=$$(.ci/find-python $(2) $(3) $(4)) && rm -rf $(1) && echo "Making $(1) with $$python" && \
	{ "$$python" -m venv $(1) || { rm -rf $(1); \
	echo "$$python cannot make a virtual environment; install its venv package (Debian and Ubuntu: python3-venv)." >&2; \
	exit 1; }; }; }
endef

# $(call install,folder,constraints,group): pip brings uv and the build backend, uv the rest. Where uv does not find
# the packages (it does not read pip's configuration), pip does that as well.
define install
@echo "Installing into $(1) by $(2)"
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c $(2) pip uv hatchling editables
@$(1)/bin/uv pip install --quiet --python $(1)/bin/python --no-build-isolation-package airflow-provider-yeastar \
	-c $(2) --group $(3) -e '.[simulator]' || { \
	echo "uv did not get through; pip installs instead, which takes longer" >&2; \
	$(1)/bin/python -m pip install --quiet -c $(2) --group $(3) -e '.[simulator]'; }
endef

# --- constraints ----------------------------------------------------------------------------------------------------

NEWEST_DATE := 2026-11-23
OLDEST_DATE := 2026-03-31
UV = $(firstword $(wildcard $(VENV)/bin/uv) uv)

.PHONY: constraints
constraints:  ## Resolve the dependencies anew, after a change of them or of the dates above
	$(call resolve,$(NEWEST),--group dev --exclude-newer $(NEWEST_DATE),apache-airflow==3.3.2,\
		# The newest Airflow with all that this project uses; for Python 3.11 and later.)
	$(call resolve,$(OLDEST),--group bootstrap --group test --exclude-newer $(OLDEST_DATE) \
		--exclude-newer-package apache-airflow-providers-common-compat=$(NEWEST_DATE),\
		apache-airflow==2.11.2 apache-airflow-providers-common-compat==1.22.0,\
		# The oldest line of Airflow and the oldest common-compat that are supported; for Python 3.11 and 3.12.)

# $(call resolve,file,options,pins,first comment): only versions are written, not where they were found.
define resolve
@echo "Writing $(1)"
@$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --extra simulator $(2) \
	-c <(printf '%s\n' $(strip $(3))) -o $(1).new pyproject.toml
@{ echo '$(strip $(4))'; echo '# Written by `make constraints`; the command and its pins:'; \
	echo '# uv pip compile --universal --python-version 3.11 --extra simulator $(strip $(2))'; \
	echo '# $(strip $(3))'; cat $(1).new; } > $(1)
@rm $(1).new
endef
