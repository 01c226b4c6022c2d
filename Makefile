# The commands of this checkout. Everything stays inside it: .venv/ and .home/ (or INHOUSE_HOME).
.DEFAULT_GOAL := help
.PHONY: run test check bench docs lock stop clean help

export INHOUSE_HOME := $(if $(INHOUSE_HOME),$(INHOUSE_HOME),$(CURDIR)/.home)
export PYTHON
export UV
VENV := .venv/bin
# A process per core, at most four (a container may show cores that it does not own). Files stay whole, for
# their fixtures and their order; the browser's files, which take longest, come first and not at the end.
WORKERS := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

run: ## install once, take in the sample company once, serve here (PORT=8484); Ctrl+C ends it
	@sh tools/python.sh tools/environment.py run
	@$(VENV)/python tools/first_run.py || [ $$? = 1 ]
	@exec $(VENV)/inhouse up $(if $(PORT),--port $(PORT))

test: ## install what the tests need, then check and test everything
	@sh tools/python.sh tools/environment.py test
	@sh tools/system_packages.sh
	@$(MAKE) --no-print-directory check
	@$(VENV)/python -m pytest $(WORKERS)

check: ## formatting, lint, types, import contracts (no tests)
	@sh tools/python.sh tools/environment.py test
	@$(VENV)/ruff format --check --quiet .
	@$(VENV)/ruff check --quiet .
	@$(VENV)/mypy
	@$(VENV)/lint-imports

bench: ## print every figure that is quoted anywhere (DATA=folder with the question files)
	@sh tools/python.sh tools/environment.py test
	@sh tools/bench.sh $(DATA)

docs: ## write docs/reference from the code
	@sh tools/python.sh tools/environment.py test
	@$(VENV)/python -m inhouse.cli.reference docs/reference

lock: ## resolve the lock files anew (needs uv)
	@sh tools/lock.sh

stop: ## end the server of this checkout's home
	@if [ -x $(VENV)/python ]; then $(VENV)/python tools/stop.py; else echo "nothing is installed here"; fi

clean: ## remove .venv and caches; with HOME_TOO=1 also .home and every document in it
	@if [ -x $(VENV)/python ]; then $(VENV)/python tools/stop.py; fi
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .screenshots
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
ifeq ($(HOME_TOO),1)
	rm -rf .home
endif

help: ## this list
	@sed -n 's/^\([a-z]*\): ## /  make \1\t/p' Makefile | expand -t 16
