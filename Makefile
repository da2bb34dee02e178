# `make` lists the targets. All that is installed goes into .venv, and .venv-VERSION for each older Airflow; nothing else on
# the machine changes.
#
#   PYTHON=/path/to/python3     the Python to make an environment with, in place of the one that is found
#   PYTEST_ARGS='-k tokens -x'  further arguments for pytest
#   SOAK_ARGS='--reports 300 --pbxs 20'  how long `make soak` is, and its --seed
#   NIGHT_ARGS='--pbxs 100'     how large the fleet is whose night `make bench-night` measures

SHELL := bash
VENV := .venv
NEWEST := 3.3.2
# Of each older minor version the last release, and the first one that is supported where its contemporaries differ.
OLDER := 2.11.0 2.11.2 3.0.1 3.0.6 3.1.8 3.2.2 3.3.0
OLDEST := $(firstword $(OLDER))
BETWEEN := $(filter-out $(OLDEST),$(OLDER))
PYTEST_ARGS ?=
INPUTS ?= 1000000
# The tests wait as much as they compute, so that two cores are enough for four of them at a time.
PYTEST := pytest --numprocesses 4 --dist worksteal

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
	$(VENV)/bin/python -m $(if $(COVERAGE),coverage run -m )$(PYTEST) $(PYTEST_ARGS)
	$(if $(COVERAGE),$(VENV)/bin/python -m coverage combine --quiet && $(VENV)/bin/python -m coverage report)
	$(if $(COVERAGE),@$(VENV)/bin/python -m coverage json --quiet -o - | $(VENV)/bin/python -c "$$CHECK_BRANCHES")

# coverage itself judges lines and branches together only.
define CHECK_BRANCHES
import json, sys
totals = json.load(sys.stdin)["totals"]
share = 100 * totals["covered_branches"] / totals["num_branches"]
print(f"{share:.1f} % of {totals['num_branches']} branches; 95 % are asked for")
sys.exit(share < 95)
endef
export CHECK_BRANCHES

# On one of the older Airflows: make test-2.11.0
.PHONY: $(OLDER:%=test-%)
$(OLDER:%=test-%): test-%: .venv-%/.installed
	.venv-$*/bin/python -m $(PYTEST) -o cache_dir=.pytest_cache/airflow-$* $(PYTEST_ARGS)

# The Python that each would be run with.
.PHONY: $(OLDER:%=python-for-%)
$(OLDER:%=python-for-%): python-for-%:
	@.ci/find-python $(PYTHONS_$*) $(PYTHON)

# What the lines between may differ in: the roles of Airflow, each example DAG, storage, connection, metadata. What knows no
# Airflow (pbx, readers, schemas, simulator, warehouse) and the faults of a PBX are tested with the oldest and the newest
# libraries; `make test-3.1.8` tries these with the libraries between, too.
UNITS := compat example_dags exceptions provider_info
ROLES := bad_input_run call_event calls cdr_to_sql next_try operator operator_failures operator_hook pins report_event \
	report_rows report_rows_answers report_to_sql sensor trigger
NOT_PART := __pycache__ docs e2e fuzz integration model packaging pbx readers schemas simulator ui warehouse
EXAMPLE_DAGS := tests/integration/test_example_dags_run.py
EXAMPLES ?= $(EXAMPLE_DAGS)
PART := $(filter-out $(NOT_PART:%=tests/%/),$(wildcard tests/*/)) $(UNITS:%=tests/test_%.py) \
	$(ROLES:%=tests/integration/test_%.py) $(EXAMPLES)

.PHONY: $(BETWEEN:%=part-%)
$(BETWEEN:%=part-%): part-%:
	$(MAKE) test-$* PYTEST_ARGS='$(PART) $(PYTEST_ARGS)'

# What comes out alike on each Airflow: a look at the sources, a simulation in pure Python, and processes without Airflow.
ALIKE := test_architecture.py model integration/test_many_hosts.py

.PHONY: part-$(OLDEST)
part-$(OLDEST):
	$(MAKE) test-$(OLDEST) PYTEST_ARGS='$(ALIKE:%=--ignore=tests/%) $(PYTEST_ARGS)'

# What `make matrix` runs beside the newest, one a line.
MATRIX := $(OLDER:%=part-%)

.PHONY: matrix
matrix: test $(MATRIX)  ## Run the tests on each line of Airflow that is supported

# Of the example DAGs continuous integration runs these on the lines between, for its time: a sensor with a download, mapped
# tasks, an object store, and a transfer.
CI_EXAMPLES := $(addprefix $(EXAMPLE_DAGS)::,test_a_sensed_report_is_downloaded test_every_queue_of_the_pbx_has_its_file \
	test_the_report_is_in_the_object_store_and_read_from_there test_the_postgres_load_loads_the_day_before_and_looks_back)

.PHONY: print-matrix print-ci-examples
print-matrix:
	@printf '%s\n' $(MATRIX)
print-ci-examples:
	@echo '$(CI_EXAMPLES)'

.PHONY: pinned
pinned: $(VENV)/.installed  ## Install the wheel as managed services do, by pinned lists, and run a DAG with it
	YEASTAR_PACKAGING_TESTS=1 $(VENV)/bin/python -m pytest -o cache_dir=.pytest_cache/packaging tests/packaging $(PYTEST_ARGS)

.PHONY: model
model: $(VENV)/.installed  ## Drive the attribution of reports through 10,000 random histories of simulated PBXs
	$(VENV)/bin/python -m tests.model --runs 10000

# $(call deployment,tests): a real deployment on this machine, with what Debian and its like call postgresql and redis-server.
define deployment
YEASTAR_E2E_TESTS=1 .venv-e2e/bin/python -m pytest -o cache_dir=.pytest_cache/e2e --durations=0 $(1) $(PYTEST_ARGS)
endef

.PHONY: e2e
e2e: .venv-e2e/.installed  ## Run a night on a real deployment: Celery, two workers, two triggerers, PostgreSQL, Redis, S3
	$(call deployment,tests/e2e/test_night.py tests/e2e/test_partitions.py tests/e2e/test_growth.py)

.PHONY: chaos
chaos: .venv-e2e/.installed  ## Kill and break parts of that deployment in the midst of nights
	$(call deployment,tests/e2e/test_chaos_hosts.py tests/e2e/test_chaos_pbxs.py)

.PHONY: e2e-short
e2e-short: .venv-e2e/.installed  ## A three-minute cut of `make e2e`, `make chaos` and `make soak`
	$(call deployment,tests/e2e/test_night.py 'tests/e2e/test_chaos_hosts.py::test_a_worker_is_killed_while_it_downloads[whole]')
	.venv-e2e/bin/python -m tests.e2e.soak --reports 100 --pbxs 20 --seed 1 --minutes 3

SOAK_ARGS ?=

.PHONY: soak
soak: .venv-e2e/.installed  ## Fetch 2,000 reports of 40 PBXs on two hosts while faults strike; a printed seed draws them
	.venv-e2e/bin/python -m tests.e2e.soak $(SOAK_ARGS)

# $(call look,folder of the environment)
define look
@command -v chromium >/dev/null || { \
	echo "A look at the web UI needs Chromium: apt-get install chromium (Debian and its like)." >&2; exit 1; }
YEASTAR_UI_TESTS=1 $(1)/bin/python -m pytest -o cache_dir=.pytest_cache/ui tests/ui $(PYTEST_ARGS)
endef

.PHONY: fuzz
fuzz: $(VENV)/.installed-fuzz  ## Feed 1,000,000 garbled inputs to whatever reads what others sent; INPUTS=… for another number
	$(VENV)/bin/python -m tests.fuzz --inputs $(INPUTS)

.PHONY: ui
ui: $(VENV)/.installed-ui  ## Look at the web UI with a real browser (Chromium), and renew docs/images
	$(call look,$(VENV))

# On one of the older Airflows: make ui-2.11.2
.PHONY: $(OLDER:%=ui-%)
$(OLDER:%=ui-%): ui-%: .venv-%/.installed-ui
	$(call look,.venv-$*)

.PHONY: ui-matrix
ui-matrix: ui $(OLDER:%=ui-%)  ## Look at the web UI of each line of Airflow that is supported

.PHONY: coverage
coverage:  ## Run the tests and report which lines and branches they leave out; too many fail
	$(MAKE) test COVERAGE=yes

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

.PHONY: docs
docs: $(VENV)/.installed  ## Build the documentation into site/, warnings are errors
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict

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

.PHONY: sbom
sbom: build  ## List what an installation of the wheel brings, as sbom/*.cdx.json (CycloneDX)
	rm -rf sbom && mkdir sbom
	$(VENV)/bin/python -m venv sbom/venv
	$(VENV)/bin/uv pip install --quiet --python sbom/venv/bin/python -c constraints/airflow-$(NEWEST).txt dist/*.whl || \
		sbom/venv/bin/python -m pip install --quiet -c constraints/airflow-$(NEWEST).txt dist/*.whl
	$(VENV)/bin/python -m cyclonedx_py environment --pyproject pyproject.toml --output-reproducible \
		--output-file sbom/airflow-provider-yeastar.cdx.json sbom/venv/bin/python
	rm -rf sbom/venv

.PHONY: demo
demo: $(VENV)/.installed  ## Run the example DAG with a real Airflow against a simulated PBX
	$(VENV)/bin/python -m example_dags.run_demo

.PHONY: bench
bench: $(VENV)/.installed  ## Measure what is promised, each figure side by side with its like
	@set -e; for file in $(filter-out %/bench_night.py,$(wildcard benchmarks/bench_*.py)); do \
		printf '\n=== %s\n' "$$file"; $(VENV)/bin/python "$$file"; done
	$(MAKE) bench-night

NIGHT_ARGS ?=

.PHONY: bench-night
bench-night: .venv-e2e/.installed  ## Measure a fleet's night on a real deployment, with the provider and without it
	.venv-e2e/bin/python benchmarks/bench_night.py $(NIGHT_ARGS)

.PHONY: reference
reference: $(VENV)/.installed  ## Write docs/reports.md, docs/errors.md and shared docstrings anew from the code
	$(VENV)/bin/python docs/make_reference.py
	$(VENV)/bin/python docs/make_errors.py
	$(VENV)/bin/python docs/_tools/arguments.py

.PHONY: clean
clean:  ## Remove the environments and all that was built
	rm -rf $(VENV) .venv-e2e $(OLDER:%=.venv-%) dist site sbom .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- environments ---------------------------------------------------------------------------------------------------

# The Python of each: the oldest for the oldest Airflow; the newest that is found, up to what that Airflow runs on, for the
# others; whatever `python3` is for the newest. A PYTHON that is given has to lie within.
PYTHONS_2.11.0 := 3.11 3.12
PYTHONS_2.11.2 := --newest 3.11 3.12
PYTHONS_3.0.1 := 3.11 3.12
PYTHONS_3.0.6 := --newest 3.11 3.12
PYTHONS_3.1.8 := --newest 3.11 3.13
PYTHONS_3.2.2 := --newest 3.11 3.14
PYTHONS_3.3.0 := --newest 3.11 3.14
PYTHONS_3.3.2 := 3.11 3.14

$(VENV)/.installed: $(SOURCES) constraints/airflow-$(NEWEST).txt
	$(call make-venv,$(VENV),$(PYTHONS_$(NEWEST)) $(PYTHON))
	$(call install,$(VENV),airflow-$(NEWEST),dev)
	@touch $@

$(VENV)/.installed-ui: $(VENV)/.installed
	$(call install,$(VENV),airflow-$(NEWEST),ui)
	@touch $@

$(VENV)/.installed-fuzz: $(VENV)/.installed
	$(call install,$(VENV),airflow-$(NEWEST),fuzz)
	@touch $@

$(OLDER:%=.venv-%/.installed): .venv-%/.installed: $(SOURCES) constraints/airflow-%.txt
	$(call make-venv,.venv-$*,$(PYTHONS_$*) $(PYTHON))
	$(call install,.venv-$*,airflow-$*,test)
	@touch $@

$(OLDER:%=.venv-%/.installed-ui): .venv-%/.installed-ui: .venv-%/.installed
	$(call install,.venv-$*,airflow-$*,ui)
	@touch $@

.venv-e2e/.installed: $(SOURCES) constraints/e2e-$(NEWEST).txt
	$(call make-venv,.venv-e2e,$(PYTHONS_$(NEWEST)) $(PYTHON))
	$(call install,.venv-e2e,e2e-$(NEWEST),e2e)
	@touch $@

# $(call make-venv,folder,arguments of find-python): a folder that is there and works is kept, a broken one made anew.
define make-venv
@$(1)/bin/python -m pip --version >/dev/null 2>&1 || { \
	python=$$(.ci/find-python $(2)) && rm -rf $(1) && echo "Making $(1) with $$python" && \
	{ "$$python" -m venv $(1) || { rm -rf $(1); \
	echo "$$python cannot make a virtual environment; install its venv package (Debian and Ubuntu: python3-venv)." >&2; \
	exit 1; }; }; }
endef

# $(call install,folder,file of constraints,group): pip brings uv and the build backend, uv the rest. Where uv does not find
# the packages (it does not read pip's configuration), pip does that as well. What is installed is compiled at once, as the
# first tests would otherwise compile it side by side, each for itself.
define install
@echo "Installing into $(1) by constraints/$(2).txt"
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints/$(2).txt pip uv hatchling editables
@$(1)/bin/uv pip install --quiet --compile-bytecode --python $(1)/bin/python --no-build-isolation-package airflow-provider-yeastar \
	-c constraints/$(2).txt --group $(3) -e '.[simulator]' || { \
	echo "uv did not get through; pip installs instead, which takes longer" >&2; \
	$(1)/bin/python -m pip install --quiet -c constraints/$(2).txt --group $(3) -e '.[simulator]'; }
endef

# --- constraints ----------------------------------------------------------------------------------------------------

# Everything is resolved as of the day on which the release was published, as the constraints files of the Airflow project
# are: a managed service installs these versions, common-compat included.
DATE_3.3.2 := 2026-11-23
DATE_3.3.0 := 2026-08-20
DATE_3.2.2 := 2026-06-10
DATE_3.1.8 := 2026-03-20
DATE_3.0.6 := 2025-09-03
DATE_3.0.1 := 2025-05-29
DATE_2.11.2 := 2026-03-20
DATE_2.11.0 := 2025-05-22
UV = $(firstword $(wildcard $(VENV)/bin/uv) uv)

.PHONY: constraints
constraints:  ## Resolve the dependencies anew, after a change of them or of the dates above
	$(call resolve,airflow-$(NEWEST),$(NEWEST),--extra simulator --group dev --group fuzz --group ui)
	$(foreach version,$(OLDER),$(call resolve,airflow-$(version),$(version),--extra simulator \
		--group bootstrap --group test --group ui))
	$(call resolve,e2e-$(NEWEST),$(NEWEST),$(USER_EXTRAS) --group bootstrap --group e2e)
	$(call resolve,managed-3.0.1,3.0.1,$(USER_EXTRAS),$(MANAGED_3.0.1))
	$(call resolve,lowest-2.11.0,2.11.0,$(USER_EXTRAS) --resolution lowest-direct)

# Two lists that `make pinned` installs the wheel with. The Airflow project's own constraints of 3.0.1 (Python 3.11) hold
# these back for other providers; with the lowest versions of our own bounds, each bound is one that works.
USER_EXTRAS := --extra parquet --extra redis --extra simulator --extra sql
MANAGED_3.0.1 := cryptography==42.0.8 filelock==3.18.0 numpy==1.26.4 pendulum==3.1.0 pyarrow==16.1.0 redis==5.2.1 \
	requests==2.32.3 sqlalchemy==1.4.54 urllib3==2.4.0 websockets==14.2

# $(call resolve,file,version of Airflow,options,further pins): only versions are written, not where they were found.
define resolve
@echo "Writing constraints/$(1).txt"
@$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate $(3) \
	--exclude-newer $(DATE_$(2)) -c <(printf '%s\n' apache-airflow==$(2) $(4)) \
	-o constraints/$(1).new pyproject.toml
@{ echo '# Airflow $(2) and what this project uses beside it. Written by `make constraints`.'; \
	cat constraints/$(1).new; } > constraints/$(1).txt
@rm constraints/$(1).new

endef
