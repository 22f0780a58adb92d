# Every command makes and fills .venv by itself; the second run needs no network.
# Choose another interpreter with `make PYTHON=python3.12`.

SHELL := /bin/sh
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed-at
# Asked for by number and before all that needs it: anything else may bring gigabytes for GPUs.
TORCH := torch==2.13.0
TRL := .venv-trl
PACKS := corpora/simenv_corpora/packs
CODE := $(wildcard simenv corpora/simenv_corpora generators/simenv_generators tests) \
	$(if $(wildcard benchmarks/*.py),benchmarks)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH PYTHONHOME

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help install demo test lint style types layers laws format bench packs deep trl clean

# A copied or moved tree must not run the code of the tree it came from.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

help:
	@echo "make demo     play the demonstration, into build/demo"
	@echo "make test     lint, types, layers and every test"
	@echo "make lint     style, types and layers"
	@echo "make format   rewrite the code in the house style"
	@echo "make bench    every benchmark of minutes, into build/bench; RESULTS.md names the longer ones"
	@echo "make packs    remake the bundled tasks and the golden replays"
	@echo "make deep     the tests with 10,000 examples per law"
	@echo "make trl      the adapter and the losses against the real TRL, in $(TRL)"
	@echo "make clean    remove .venv, build, dist and every cache"

install: $(STAMP)

demo: install
	@echo "== demo"
	@$(BIN)/simenv demo --out build/demo

test: lint laws

lint: style types layers

style: install
	@echo "== style (ruff)"
	@$(BIN)/ruff format --check --quiet $(CODE) || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check $(CODE)

types: install
	@echo "== types (mypy)"
	@$(BIN)/mypy $(CODE)

layers: install
	@echo "== layers (import-linter)"
	@$(BIN)/lint-imports --no-logo

laws: install
	@echo "== tests (pytest)"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

format: install
	@echo "== format (ruff)"
	@$(BIN)/ruff format --quiet $(CODE)
	@$(BIN)/ruff check --fix $(CODE)

bench: install
	@echo "== benchmarks"
	@mkdir -p build/bench
	@found=; for file in benchmarks/[a-z]*.py; do \
		test -f "$$file" || continue; \
		case "$$file" in */collapse.py|*/gate.py|*/loop.py|*/trainer.py) continue;; esac; found=1; \
		name=$$(basename "$$file" .py); echo "-- $$name"; \
		$(BIN)/python -m "benchmarks.$$name" > "build/bench/$$name.json" || exit 1; \
		cat "build/bench/$$name.json"; \
	done; test -n "$$found" || echo "there are no benchmarks yet"

# Only for a new version of an environment: the packs and the golden replays are recorded, never tuned.
packs: install
	@echo "== packs and golden replays"
	@rm -f $(PACKS)/airline/*.part $(PACKS)/airline/*.body
	@$(BIN)/simenv synth airline --split train --count 1000 --workers 2 --out $(PACKS)/airline/train.jsonl.gz
	@$(BIN)/simenv synth airline --split test --count 300 --workers 2 --out $(PACKS)/airline/test.jsonl.gz
	@SIMENV=$(BIN)/simenv tests/golden/record.sh

deep: install
	@echo "== tests, 10,000 examples per law (pytest)"
	@HYPOTHESIS_PROFILE=deep OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

# TRL brings what simenv does not need, so it has an environment of its own.
trl: $(TRL)/installed-at
	@echo "== tests with TRL (pytest)"
	@HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 PYTHONPATH=.:corpora:generators \
		$(TRL)/bin/python -m pytest -q -p no:cacheprovider tests/trl

clean:
	@echo "== clean"
	@rm -rf $(VENV) $(TRL) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The build backend is installed first and used without isolation, so that a second
# run finds everything in place and asks no index.
$(STAMP): pyproject.toml
	@echo "== install (pip, into $(VENV))"
	@test ! -e $@ || test "$$(cat $@)" = "$(CURDIR)" || rm -rf $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(FIND_PYTHON); "$$python" -m venv $(VENV); }
	@$(BIN)/python -m pip install -qq $$(sed -n 's/^ *"\(hatchling==[^"]*\)",$$/\1/p' pyproject.toml)
	@$(BIN)/python -m pip install -qq $(TORCH)
	@$(BIN)/python -m pip install -qq --no-build-isolation --editable '.[dev,testing,train]'
	@echo "$(CURDIR)" > $@

$(TRL)/installed-at: pyproject.toml
	@echo "== install (pip, into $(TRL))"
	@rm -rf $(TRL); $(FIND_PYTHON); "$$python" -m venv $(TRL)
	@$(TRL)/bin/python -m pip install -qq $(TORCH)
	@$(TRL)/bin/python -m pip install -qq trl==1.16.0 pytest==9.2.0 hypothesis==6.170.15 hatchling==1.33.0
	@$(TRL)/bin/python -m pip install -qq --no-build-isolation --editable '.[train]'
	@echo "$(CURDIR)" > $@

# Sets $$python to the first interpreter that is new enough and can fill an environment.
# Each is run, not only looked up: a version manager's shim may name a version it lacks.
define FIND_PYTHON
python=; bare=; \
for each in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3); do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	"$$each" -c 'import ensurepip, venv' 2>/dev/null || { bare=$${bare:-$$each}; continue; }; \
	python=$$each; break; \
done; \
if test -z "$$python" && test -n "$$bare"; then \
	version=$$("$$bare" -c 'import sys; print("python3.%d" % sys.version_info[1])'); \
	echo "simenv: $$bare cannot make environments: ensurepip is missing." >&2; \
	echo "On Debian and Ubuntu: sudo apt install $$version-venv" >&2; exit 1; \
elif test -z "$$python"; then \
	echo "simenv needs Python 3.11 or newer; $(if $(PYTHON),$(PYTHON) is not,none of python3.13 python3.12 python3.11 python3 is)." >&2; \
	echo "Install one, or name one: make PYTHON=/path/to/python3" >&2; exit 1; \
fi
endef
