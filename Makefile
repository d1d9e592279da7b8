# Two commands from a fresh clone: `make demo` and `make test`. `make` alone prints the targets.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help install demo reproduce test lowest check docs site notebooks bench clean

help: # Print these targets
	@sed -n 's/^\([a-z]*\):[^#]*# \(.*\)/make \1\t\2/p' Makefile | expand -t 16

install: $(INSTALLED) # Create .venv with everything installed in it; quick when nothing changed

demo: $(INSTALLED) # Compare seven GANs and a VAE on handwritten digits, write runs/demo/report.html; minutes
	$(BIN)/ganscape run equal/wide --scale smoke --out runs/demo

reproduce: $(INSTALLED) # Hold the claims of both papers against short studies of digits; an hour or more
	$(BIN)/ganscape reproduce equal --out runs/equal-smoke
	$(BIN)/ganscape reproduce landscape --out runs/landscape-smoke

test: $(INSTALLED) # Run the tests
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

lowest: | $(BIN)/python # Run some tests and a sweep with the lowest versions that setup.cfg allows, in build/lowest
	$(BIN)/python -m venv build/lowest
	build/lowest/bin/python -m pip install --disable-pip-version-check --quiet uv
	build/lowest/bin/uv pip install --quiet --python build/lowest/bin/python --resolution lowest-direct --editable '.[test]'
	build/lowest/bin/python -m pytest -q -p no:warnings tests/test_files.py tests/sweep/test_checkpoints.py \
		tests/results/test_frames.py tests/results/test_exports.py
	rm -rf build/lowest/run
	build/lowest/bin/ganscape run equal/wide --methods vae --seeds 1 --workers 1 --set configs=1 --set images=640 \
		--set interval=640 --set samples=50 --out build/lowest/run

check: $(INSTALLED) # Lint, check types, run the tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory test

docs: $(INSTALLED) # Write docs/cli.md again from the help of the commands, docs/reproduction.md and the ledger of tricks from recorded studies
	$(BIN)/python docs/generate_cli.py
	$(BIN)/python docs/generate_claims.py
	$(BIN)/python docs/generate_ledger.py

site: $(INSTALLED) # Build the documentation as a site, build/site/index.html; brings Sphinx the first time
	@$(BIN)/python -c 'import furo, ipykernel, myst_nb, sphinx' 2>/dev/null || \
		$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site

notebooks: $(INSTALLED) # Open the notebooks in a browser; brings JupyterLab the first time
	@$(BIN)/python -c 'import jupyterlab' 2>/dev/null || \
		$(BIN)/python -m pip install --disable-pip-version-check --quiet 'jupyterlab >=4.2'
	$(BIN)/python -m jupyter lab notebooks

bench: $(INSTALLED) # Run the short benchmarks; docs/performance.md has the long ones
	@set -e; for words in \
		"torch_step.py --networks infogan --repeats 3" "compile.py" "lanes.py --lanes 1,16 --repeats 3" "refill.py --repeats 1" "convolution.py" \
		"frechet.py --sizes 2000x768" "overhead.py --trials 8" "trials.py --scales smoke --trials 16 --naive 2" \
		"searchers.py --seeds 2 --searchers random,sobol,gp_bandit" "schedulers.py --orders 20" "analysis.py --scores 10000"; \
	do echo "== $$words"; $(BIN)/python benchmarks/$$words; done

clean: # Remove .venv, caches and build files; keep runs/
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[test,notebooks]'
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "'$(PYTHON)' is not installed or not on the PATH; $(WANTED)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "$$($(PYTHON) --version 2>&1) is not one that Ganscape runs on; $(WANTED)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

WANTED := it needs Python 3.11, 3.12 or 3.13, such as: make PYTHON=python3.12 $(MAKECMDGOALS)
