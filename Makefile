.PHONY: demo test check serve sbom audit clean

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# not among what it lists: it brings packages that every start of Python here would load
BOM := .venv/bom
# those that search for settings take twice as long again: leave --strategies out to run them too
QUICK := baseline.majority,baseline.nearest,baseline.linear,prompt.zero-shot,prompt.few-shot,prompt.nearest,lora

demo: $(STAMP)
	$(BIN)/tuneworth models pull smollm2-135m-q4
	$(BIN)/tuneworth compare support-triage --strategies $(QUICK) --out out/support-triage --yes

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install "torch~=2.13.0"
	$(BIN)/python -m pip install -e ".[dev]"
	touch $(STAMP)

test: $(STAMP)
	$(BIN)/tuneworth models pull smollm2-135m-q4
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --num-workers auto
	$(BIN)/lint-imports

serve: $(STAMP)
	$(BIN)/tuneworth serve

$(BOM)/bin/cyclonedx-py: $(STAMP)
	$(BIN)/python -m venv $(BOM)
	$(BOM)/bin/python -m pip install "cyclonedx-bom>=7"

sbom: $(BOM)/bin/cyclonedx-py
	mkdir -p out
	$< environment --pyproject pyproject.toml --output-reproducible \
		--output-file out/sbom.json $(BIN)/python

audit: $(STAMP)
	$(BIN)/python .ci/audit.py

clean:
	rm -rf out .venv
