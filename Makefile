# The words a contributor needs. Everything runs in .venv, which `make` fills from the package
# index with ready-made wheels; nothing is compiled.

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
PIP    := $(RUN) -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps
IMAGE  ?= corpus/ws2008.E01
CASE   ?= case
JOBS   ?= 2
MUTANTS ?= 20000

.DEFAULT_GOAL := help
.PHONY: help report test validation site lint types docs corpus bench fuzz golden clean

help:
	@echo 'make report [IMAGE=path CASE=dir]  analyze an image (default: the bundled one)'
	@echo 'make test | lint | types           check the project'
	@echo 'make validation                    write VALIDATION.md from a run of the tests that it names'
	@echo 'make docs                          write docs/plugins.md and docs/tables.md again'
	@echo 'make site                          write the documentation as a site, to the folder site'
	@echo 'make golden                        write tests/golden again, for a person to compare'
	@echo 'make fuzz [MUTANTS=n SEED=n]       damage the bundled images 20,000 times; goes on where it was'
	@echo 'make corpus                        build the bundled images again (root, ntfs-3g)'
	@echo 'make bench                         measure against other tools (root, ntfs-3g, ewfacquire)'
	@echo 'make clean                         remove the environment and caches'

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# --no-deps: the files are complete locks. python-registry names two packages that it does not
# use and that exist as source only. Children write no byte code: it is made here, once.
$(VENV)/.runtime: requirements.txt pyproject.toml $(VENV)/.made
	$(PIP) -r requirements.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(RUN) -m compileall -q analyzer plugins
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(PIP) -r requirements-dev.txt
	@touch $@

# The default case is replaced each time; a case of your own never is.
report: $(VENV)/.runtime
	$(VENV)/bin/vmtrail analyze '$(IMAGE)' -o '$(CASE)' $(if $(filter file,$(origin CASE)),--overwrite)

test: $(VENV)/.dev
	$(RUN) -m pytest -n $(JOBS) --dist worksteal $(PYTEST)

# VMTRAIL_SLOW=1 makes it many more cases. Error rates come from tests/recorded/mutants.json:
# `make fuzz` writes it as fuzz/recorded.json.
validation: $(VENV)/.dev
	$(RUN) -m pytest -p tests.validation -m validates -n $(JOBS) $(PYTEST)

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	$(RUN) -m analyzer.docs --check

types: $(VENV)/.dev
	$(VENV)/bin/mypy

docs: $(VENV)/.runtime
	$(RUN) -m analyzer.docs

$(VENV)/.docs: requirements-docs.txt $(VENV)/.runtime
	$(PIP) -r requirements-docs.txt
	@touch $@

site: $(VENV)/.docs
	$(VENV)/bin/mkdocs build --quiet

golden: $(VENV)/.dev
	$(RUN) -m pytest tests/integration/test_golden.py --golden-write
	git diff --stat tests/golden

# Seed, results, summary and shrunk failures go to the folder fuzz; an unfinished run goes on.
fuzz: $(VENV)/.dev
	$(RUN) -m tests.fuzz.campaign --jobs $(JOBS) --count $(MUTANTS) --keep --out fuzz $(if $(SEED),--seed $(SEED))
	set -e; for host in ws2012r2 ws2019; do $(RUN) -m tests.fuzz.campaign --jobs $(JOBS) --subject $$host \
	  --count $$(($(MUTANTS) / 20)) --keep --out fuzz/$$host $(if $(SEED),--seed $(SEED)); done

corpus: $(VENV)/.dev
	$(RUN) -m corpus.make

$(VENV)/.bench: requirements-bench.txt $(VENV)/.runtime
	$(PIP) -r requirements-bench.txt
	@touch $@

bench: $(VENV)/.bench
	$(RUN) -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache vmtrail.egg-info
