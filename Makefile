# make run    set up if needed, then make the demonstration: a synthetic London, from hospital files to a hub of pages
# make test   set up if needed, then check style, notebooks, documents and code
# make lab    set up if needed, then open JupyterLab on this machine only, with the demonstration's data in place
# make axe    check the pages that were made (of ISTV_DATA, else the demonstration's) in Chromium: axe-core, keyboard, print
# make lock   write requirements.lock and requirements-browser.lock anew from pyproject.toml (needs uv)
# make clean  remove the demonstration's data and pages

SHELL := /bin/bash
BIN := .venv/bin
CANDIDATES := $(PYTHON) python3.11 python3.12 python3
unexport ISTV_HOME
unexport PYTHONDONTWRITEBYTECODE # it would let each of many processes compile all that it imports

.PHONY: run test lab axe lock clean ready
.DEFAULT_GOAL := run

run: ready
	@echo "Making the demonstration in outputs/ (some minutes the first time; quick when nothing changed)."
	@$(BIN)/istv demo

test: ready
	@echo "Checking style, then running the tests."
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@env -u ISTV_DATA $(BIN)/python -m pytest -q -n 2 --dist loadscope --no-loadscope-reorder tests

lab: ready
	@test -d outputs/store/events || $(BIN)/istv demo
	@$(BIN)/istv lab

axe: ready .venv/browser
	@env -u ISTV_DATA ISTV_BROWSER="$${ISTV_DATA:-outputs}" $(BIN)/python -m pytest -q --tb=short tests/browser

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra dev \
	    --custom-compile-command "make lock" -o requirements.lock pyproject.toml
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-deps --group browser \
	    --custom-compile-command "make lock" -o requirements-browser.lock

clean:
	git clean -xfdq outputs

ready: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@python=; for candidate in $(CANDIDATES); do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12)])' >/dev/null 2>&1; then \
	    python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo "No tested Python here: install Python 3.11 or 3.12, or name one with make PYTHON=/path/to/python3.11." >&2; exit 2; fi; \
	if ! $$python -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	  echo "$$python lacks its venv module: install it (on Debian and Ubuntu the package python3-venv) and try again." >&2; exit 2; fi; \
	echo "Setting up .venv with $$($$python --version) from requirements.lock (about a minute, once)."; \
	rm -rf .venv && $$python -m venv .venv && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . && \
	touch .venv/ready

.venv/browser: requirements-browser.lock .venv/ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes \
	    -r requirements-browser.lock && touch .venv/browser
