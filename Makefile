# dccd: how it is built and how it proves itself. `make test` is the whole proof on a bare Debian 12.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: setup build lint test siege fuzz count bench bench-compare demo secrets clean

export CARGO ?= cargo
# Most tests wait for programs they started: twice as many at a time as there are processors.
THREADS = $(shell echo $$((2 * $$(nproc))))

setup: ## What the tests use beside Rust: Debian packages and a Python environment.
	@.ci/setup

build: ## The program itself: target/release/dccd.
	$(CARGO) build --release --locked

lint: ## Formatting, clippy, and what the dependencies may be.
	@if $(CARGO) fmt --version >/dev/null 2>&1; then \
		echo "$(CARGO) fmt --check" && $(CARGO) fmt --check; \
	else \
		echo "lint: formatting was not checked: run \`rustup component add rustfmt\`"; \
	fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then \
		echo "$(CARGO) clippy --all-targets -- -D warnings" && $(CARGO) clippy --locked --all-targets -- -D warnings; \
	else \
		echo "lint: clippy was not run: run \`rustup component add clippy\`"; \
	fi
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		echo "$(CARGO) deny check bans licenses sources" && $(CARGO) deny --locked check --hide-inclusion-graph bans licenses sources; \
	else \
		echo "lint: dependencies were not checked: run \`cargo install cargo-deny --locked\`"; \
	fi

test: setup lint ## Everything that must hold. What is tried at random is the same each time; `make siege` tries anew.
	@rm -f $${CARGO_TARGET_DIR:-target}/skipped.txt
	trap .ci/skipped EXIT; PROPTEST_RNG_SEED=$${PROPTEST_RNG_SEED:-1} RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$(THREADS)} \
		.ci/tests

siege: setup ## The same tests in their long forms: more cases, more kills; then `make fuzz`.
	@rm -f $${CARGO_TARGET_DIR:-target}/skipped.txt
	trap .ci/skipped EXIT; DCCD_SIEGE=1 PROPTEST_CASES=$${PROPTEST_CASES:-4096} $(CARGO) test --locked --no-fail-fast
	@$(MAKE) fuzz

fuzz: ## Every place where bytes of others come in, under libFuzzer: FUZZ_SECONDS (60) each.
	@if command -v "$${CXX:-c++}" >/dev/null; then \
		fuzz/run all $${FUZZ_SECONDS:-60}; \
	else \
		echo "fuzz: nothing was fuzzed: libFuzzer needs a C++ compiler, run \`apt install g++\`"; \
	fi

count: setup ## What the hot loops cost in instructions, allocations and bytes, against benches/counted.txt; minutes.
	benches/count --build
	benches/count

bench: ## What it costs, measured against the simulated exchange; writes docs/performance.md.
	benches/run.sh

bench-compare: ## The same beside other programs, which come from PyPI; adds them to docs/performance.md.
	benches/run.sh compare

demo: build ## The whole program against the simulated exchange, without a network.
	target/release/dccd demo

secrets: ## The files that docker-compose.yml takes its secrets from.
	@packaging/make-secrets

clean: ## Removes everything that was built, the Python environment too.
	$(CARGO) clean
