# Two commands matter: `make run` and `make test`. `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ONCE ?=
CORPUS ?=
PYTEST_ARGS ?=
WORKERS ?= 2
SEEDS ?= 25
KERNELS := $(wildcard sentiment_assets/*/*/_*_kernel.pyx sentiment_assets/*/_*_kernel.pyx)
# A module that is compiled as it stands, and its types.
TYPED := sentiment_assets/core/pii/_names_kernel.pxd sentiment_assets/core/pii/names.py

# uv installs in seconds; where it cannot reach the package index, pip does the same.
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help run dashboard demo-stream test check format bench bench-dashboard bench-hot-path bench-landing bench-mart bench-pii bench-sentiment faults bundle lock clean distclean browser kafka spark

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@echo
	@echo "make run ONCE=1         do the work and exit with a status"
	@echo "make run CORPUS=path    feed the simulator with texts: a line each, JSON lines, .gz"
	@echo "make test PYTEST_ARGS='-k gold'"

run: $(VENV)/.run ## Set up, fill the last days from bronze to gold, serve the UI and a dashboard
	@exec $(BIN)/sentiment run $(if $(ONCE),--once) $(if $(CORPUS),--corpus '$(CORPUS)')

dashboard: $(VENV)/.run ## Serve the dashboard alone, over what stands in gold or the mart
	@exec $(BIN)/python -m dashboard

demo-stream: $(VENV)/.spark kafka spark ## The same with a Kafka broker, topics, and producers that stream
	@exec $(BIN)/sentiment run --stream

test: $(VENV)/.dev browser kafka spark check ## Set up, check and run all tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart 1 $(PYTEST_ARGS)

faults: $(VENV)/.dev kafka ## Kill, cut off, halt and poison landings by many seeds; a ledger is the oracle
	SENTIMENT_FAULT_SEEDS=$(SEEDS) $(BIN)/python -m pytest -n 2 sentiment_assets_tests/faults $(PYTEST_ARGS)

check: $(VENV)/.dev ## Lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## Measure against the peers in the same run
	$(BIN)/python -m benchmarks

bench-dashboard: $(VENV)/.dev browser ## Measure pages in the browser over a year of gold
	$(BIN)/python -m benchmarks.dashboard

bench-hot-path: $(VENV)/.dev ## Measure a large date from bronze to silver, and its distance to the floor
	$(BIN)/python -m benchmarks.hot_path

bench-landing: $(VENV)/.dev kafka ## Measure landing a topic beside a plain consumer loop
	$(BIN)/python -m benchmarks.landing

bench-mart: $(VENV)/.dev ## Measure publishing a year of gold to PostgreSQL beside pandas.to_sql
	$(BIN)/python -m benchmarks.mart_publish

bench-pii: $(VENV)/.dev ## Measure masking beside Presidio and scrubadub
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@$(BIN)/uv pip install --quiet --python .venv-peers/bin/python -r benchmarks/pii_peers.txt
	$(BIN)/python -m benchmarks.pii_speed --peers .venv-peers/bin/python

bench-sentiment: $(VENV)/.dev ## Measure scoring beside the published VADER, NLTK's and TextBlob
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@$(BIN)/uv pip install --quiet --python .venv-peers/bin/python -r benchmarks/sentiment_peers.txt
	$(BIN)/python -m benchmarks.sentiment_speed --peers .venv-peers/bin/python

bundle: $(VENV)/.run ## Make what Spark is given: sources, libraries, kernels
	$(BIN)/python -m spark_jobs.bundle

lock: $(VENV)/.python ## Resolve the dependencies anew
	$(BIN)/uv pip compile setup.py --extra dashboard --universal --python-version 3.11 --upgrade \
		--quiet --no-annotate --custom-compile-command 'make lock' -o requirements.lock
	$(BIN)/uv pip compile setup.py --extra dashboard --extra dev --universal --python-version 3.11 \
		--override requirements-dev.overrides --quiet --no-annotate \
		--custom-compile-command 'make lock' -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile setup.py --extra dashboard --extra spark --universal --python-version 3.11 \
		--quiet --no-annotate --custom-compile-command 'make lock' \
		-c requirements.lock -c requirements-dev.lock -o requirements-spark.lock
	$(BIN)/uv pip compile spark_jobs/requirements.in --universal --python-version 3.11 \
		--quiet --no-annotate --custom-compile-command 'make lock' \
		-c requirements.lock -o requirements-bundle.lock

clean: ## Remove all local data: lake, keys, history
	rm -rf .sentiment .tmp_dagster_home_*

distclean: clean ## Remove the environment too
	rm -f $(KERNELS:.pyx=.c) $(KERNELS:.pyx=.*.so) sentiment_assets/core/pii/_names_kernel.*.so
	rm -rf $(VENV) .venv-peers .kafka .spark build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis

# Browser tests use the system's Chromium; without it they skip and say so.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
			&& apt-get update -qq && apt-get install -y -qq chromium >/dev/null 2>&1; } \
		|| echo "browser tests will skip: install the system package 'chromium' to run them"

# Apache Kafka's own jars, 44 MB from Maven Central, fetched once; without them tests use a mock.
kafka: $(VENV)/.run
	@$(BIN)/python -m simulator.kafka.jars

# Jars that Spark lacks, 25 MB from Maven Central, fetched once: its Kafka source, and S3.
spark: $(VENV)/.run
	@$(BIN)/python -m spark_jobs.jars

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 13) else f"Python {v[0]}.{v[1]} is not supported: use 3.11 or 3.12, for example: make run PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV) || { echo "cannot make a virtual environment: install the system package python3-venv"; exit 1; }
	@echo "setting up $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

# The kernels are compiled here, where there is a C compiler.
$(VENV)/.run: requirements.lock setup.py pyproject.toml $(KERNELS) $(TYPED) $(VENV)/.python
	@$(INSTALL) -r requirements.lock || $(BIN)/python -m pip install --quiet -r requirements.lock
	@$(INSTALL) --no-deps -e . || $(BIN)/python -m pip install --quiet --no-deps -e .
	@$(BIN)/python -c "from sentiment_assets.core.sentiment.vader import kernel_in_use; \
		kernel_in_use() == 'compiled' or print('scoring runs in Python, at a tenth of the speed:' \
		' for the compiled kernel install gcc and python3-dev, then: rm $@ && make run')"
	@touch $@

$(VENV)/.spark: requirements-spark.lock $(VENV)/.run
	@echo "adding Spark to $(VENV) (450 MB) …"
	@$(INSTALL) -r requirements-spark.lock || $(BIN)/python -m pip install --quiet -r requirements-spark.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@$(INSTALL) --no-deps -r requirements-dev.lock \
		|| $(BIN)/python -m pip install --quiet --no-deps -r requirements-dev.lock
	@touch $@
