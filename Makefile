# Everything is made inside this folder: .venv (Python), js/node_modules and sse_widget/static (the page).
PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(shell find js/src -type f 2>/dev/null) js/build.mjs js/tsconfig.json
NPM := npm --prefix js

.DEFAULT_GOAL := help
.PHONY: help stores apps fronts install demo docs house test floors hosted newest release audit heavy lint browser bench report profile clean

help: ## what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/.installed sse_widget/static/widget.js ## the virtual environment and the page's bundle

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "sse-widget needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

js/node_modules/.installed: js/package.json js/package-lock.json
	$(NPM) ci --silent --no-progress
	@touch $@

sse_widget/static/widget.js: js/node_modules/.installed $(SOURCES)
	$(NPM) run --silent build

demo: install ## a demo server and JupyterLab with the quickstart notebook
	$(BIN)/sse-widget demo $(ARGS)

browser: .venv/.installed ## Chromium for the tests, where there is none
	@$(BIN)/python scripts/browser.py

lint: install ## ruff, mypy, import-linter, the counts of the house, tsc, biome
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	@$(BIN)/python scripts/house.py --quiet
	$(NPM) run --silent types
	$(NPM) run --silent lint

docs: install ## the documentation, in docs/_build/html; every warning is an error
	$(BIN)/sphinx-build -q -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html
	$(BIN)/python scripts/check_site.py docs/_build/html

house: install ## the counts that the rules of the house are about
	@$(BIN)/python scripts/house.py

fronts: .venv/.installed ## what VS Code and the browser run in their pages, for the tests
	@$(BIN)/python scripts/fronts.py

# Three, also where there are two cores: much of a test is waiting. Files in the order of tests/conftest.py.
WORKERS := -n 3 --dist loadfile --no-loadscope-reorder
test: install browser fronts lint ## every check that CI makes
	$(NPM) run --silent test
	$(BIN)/pytest $(WORKERS) $(ARGS)

# Hosts that take long to install, each in an environment of its own.
APPS := $(patsubst tests/hosts/apps/%.txt,%,$(wildcard tests/hosts/apps/*.txt))
tests/hosts/apps/envs/%/.installed: tests/hosts/apps/%.txt pyproject.toml sse_widget/static/widget.js
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $< --editable .
	@touch $@

apps: install browser $(APPS:%=tests/hosts/apps/envs/%/.installed) ## the log in Voila, Solara, Panel, Shiny and JupyterLab 4.0
	SSE_WIDGET_APPS=tests/hosts/apps/envs $(BIN)/pytest -s tests/hosts/test_apps.py $(ARGS)

# Real servers of S3, Azure Blob and GCS on loopback, and the stores' own packages, in an environment of their own.
.envs/stores/.installed: pyproject.toml tests/stores/requirements.txt tests/stores/package.json sse_widget/static/widget.js
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/stores/requirements.txt --editable '.[test]'
	cp tests/stores/package.json $(@D)/
	npm --prefix $(@D) install --silent --no-progress --no-package-lock
	@touch $@

stores: install .envs/stores/.installed ## captures in S3, Azure Blob and GCS: kills, two writers, outages, throttling, credentials
	SSE_WIDGET_STORES=$(CURDIR)/.envs/stores .envs/stores/bin/python -m pytest -s tests/stores $(ARGS)

# What differs between versions of what we need: tables, files, streams, widgets. No browser, no extremes.
QUICK := tests/install/test_declared.py tests/install/test_installed.py tests/install/test_scripts_end.py \
  tests/tables tests/recordings tests/notebook tests/stream tests/client/test_source.py \
  tests/client/test_requests.py tests/capture/test_capture.py tests/capture/test_capture_inputs.py \
  tests/storage/test_dataset.py tests/storage/test_compaction.py -k "not killed and not forked"
# ipywidgets 7 warns of itself.
QUIET := -W "ignore:Deprecated in traitlets 4.1:DeprecationWarning"
PIP := bin/python -m pip install --quiet --disable-pip-version-check
PACKAGE := $(shell find sse_widget notebooks -name static -prune -o -type f ! -name '*.pyc' -print)

# As people get it: a wheel from an sdist, which is from this checkout.
dist/.built: .venv/.installed sse_widget/static/widget.js hatch_build.py $(PACKAGE)
	rm -rf $(@D)
	$(BIN)/python -m hatchling build -t sdist -d $(@D)
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w $(@D) $(@D)/*.tar.gz
	@touch $@

# The quick tests where this checkout is not: what is imported there is what was installed.
define check
rm -rf $(1)/run && mkdir $(1)/run
tar c --exclude=.venv --exclude=envs --exclude=__pycache__ tests docs scripts js/src pyproject.toml | tar x -C $(1)/run
cd $(1)/run && ../bin/python -m pytest $(WORKERS) $(QUIET) $(QUICK) $(ARGS)
endef

floors: .envs/floors/.installed ## the wheel and its quick tests beside the lowest versions declared
	$(call check,.envs/floors)

.envs/floors/.installed: pyproject.toml scripts/floors.py dist/.built
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(PYTHON) scripts/floors.py > $(@D)/pins.txt
	$(@D)/$(PIP) -c $(@D)/pins.txt "$$(echo dist/*.whl)[test]"
	$(@D)/$(PIP) --no-deps --force-reinstall dist/*.whl
	@touch $@

hosted: .envs/hosted/.installed ## the same beside what Colab ships, where pip has left that alone
	$(call check,.envs/hosted)

.envs/hosted/.installed: pyproject.toml scripts/hosted.txt dist/.built
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/$(PIP) -r scripts/hosted.txt
	$(@D)/$(PIP) dist/*.whl
	! $(@D)/bin/python -m pip install --dry-run --disable-pip-version-check -r scripts/hosted.txt | grep 'Would install'
	$(@D)/$(PIP) -c scripts/hosted.txt "$$(echo dist/*.whl)[test]"
	$(@D)/$(PIP) --no-deps --force-reinstall dist/*.whl
	@touch $@

NEWEST = .envs/newest-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
newest: dist/.built ## the same beside the newest versions: make newest PYTHON=python3.13
	test -x $(NEWEST)/bin/python || $(PYTHON) -m venv $(NEWEST)
	$(NEWEST)/$(PIP) --upgrade --upgrade-strategy eager "$$(echo dist/*.whl)[test]"
	$(NEWEST)/$(PIP) --no-deps --force-reinstall dist/*.whl
	$(call check,$(NEWEST))

release: dist/.built ## wheel and sdist, each tried in an empty environment; versions that must agree; needs a network
	$(BIN)/python scripts/release.py dist

audit: .envs/audit/.installed js/node_modules/.installed ## known holes of what is installed and of the floors; needs a network
	.envs/audit/bin/pip-audit --path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	$(PYTHON) scripts/floors.py > .envs/audit/floors.txt
	.envs/audit/bin/pip-audit --no-deps --disable-pip -r .envs/audit/floors.txt
	$(NPM) audit

.envs/audit/.installed: Makefile
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/$(PIP) pip-audit
	@touch $@

heavy: install browser fronts ## what takes hours, and one table of what it measured: 10,000 cuts, 50 kills, real stores, a thousand streams for an hour, ten thousand on a cluster for 15 minutes, an hour of fuzzing, half an hour of soak; two at a time; ARGS="kills many" for some of it
	$(BIN)/python -m tests.heavy $(ARGS)

tests/bench/.venv/.installed: tests/bench/requirements.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench: tests/bench/.venv/.installed sse_widget/static/widget.js ## speed beside its peers, as Markdown tables
	@tests/bench/.venv/bin/python -m tests.bench $(ARGS)

report: tests/bench/.venv/.installed sse_widget/static/widget.js ## all of bench, alone on the machine, into docs/benchmarks.md
	tests/bench/.venv/bin/python -m tests.bench > docs/benchmarks.md

profile: tests/bench/.venv/.installed ## where the time of a flood goes, into docs/profile.md
	tests/bench/.venv/bin/python -m tests.bench.profile > docs/profile.md

clean: ## remove all that make made
	rm -rf .venv tests/bench/.venv tests/hosts/front/node_modules tests/hosts/front/built tests/hosts/apps/envs js/node_modules sse_widget/static docs/_build docs/_static/widget dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
