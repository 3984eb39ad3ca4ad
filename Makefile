# `make demo` runs the example; `make test` and `make lint` are what CI runs.

PYTHON ?= python3
SETUP = $(PYTHON) .setup
# Where cargo puts what it builds.
TARGET = $(or $(CARGO_TARGET_DIR),target)

.PHONY: help setup data demo test lint fuzz bench interop clean distclean python

help:
	@echo 'make demo       build everything and run examples/flights'
	@echo 'make test       run all tests'
	@echo 'make lint       check formatting and run clippy'
	@echo 'make setup      only set up libtorch and LightGBM (.libtorch, .lightgbm)'
	@echo 'make data       only set up the data of the examples (examples/*/data)'
	@echo 'make fuzz       fuzz the front end for a minute (SECONDS=60)'
	@echo 'make bench      run the benchmarks beside their peers (ONLY=point_in_time)'
	@echo 'make interop    run against the services of others, as far as they can be played on this machine'
	@echo 'make clean      remove what cargo built'
	@echo 'make distclean  remove the links to the cache as well'

setup: python
	@$(SETUP) tools libraries libtorch lightgbm

data: python
	@$(SETUP) flights payments

demo: python
	@$(SETUP) tools libraries libtorch lightgbm flights
	@cargo build --release -p mlsysc -p mlsysd
	@$(TARGET)/release/mlsysc run examples/flights

# Some tests run both programs. One selection of packages for all builds: another one has other features and builds anew.
test: python
	@$(SETUP) tools libraries libtorch lightgbm flights testenv servers
	@cargo build --quiet --workspace --all-targets
	@$(SETUP) payments
	@cargo test --workspace --quiet

lint: python
	@cargo fmt --version >/dev/null && cargo clippy --version >/dev/null || \
	  { echo 'error: cargo fmt or clippy is missing:  rustup component add rustfmt clippy' >&2; exit 1; }
	@cargo fmt --all --check
	@$(SETUP) tools libraries libtorch lightgbm
	@cargo clippy --quiet --workspace --all-targets -- -D warnings

# Needs cargo-fuzz (`cargo install cargo-fuzz`); coverage flags are no part of stable Rust, which RUSTC_BOOTSTRAP allows.
fuzz:
	@RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none program -- \
	  -max_total_time=$(or $(SECONDS),60) -max_len=4096 -timeout=10

# One benchmark: `make bench ONLY=point_in_time`.
bench: python
	@$(SETUP) tools libraries libtorch lightgbm benchenv torchenv
	@cargo build --quiet --release --workspace --bins --examples
	@.benchenv/bin/python tests/bench/run.py $(ONLY)

# A store that machines share, in a service that speaks S3; trainings that MLflow is told of; a rank of PyTorch's among ours; and
# modules that PyTorch writes and reads.
interop: python
	@$(SETUP) tools libraries libtorch lightgbm interopenv torchenv testenv servers brokers
	@cargo build --quiet --workspace --all-targets
	@.interopenv/bin/python tests/interop/s3.py $(TARGET)/debug/mlsysc
	@.interopenv/bin/python tests/interop/tracking.py $(TARGET)/debug/mlsysc $(TARGET)/debug/examples/tell
	@.torchenv/bin/python tests/interop/ranks.py $(TARGET)/debug/examples/add
	@.torchenv/bin/python tests/interop/torchscript.py $(TARGET)/debug/mlsysc
	@cargo test --workspace --quiet --test brokers

clean:
	@cargo clean

distclean: clean
	@for place in .libtorch .lightgbm .testenv .benchenv .interopenv .torchenv examples/flights/data examples/fraud/data; do \
	  if [ -L "$$place" ]; then rm "$$place"; fi; \
	done
	@echo 'Downloaded files stay in the cache; to remove them as well:'
	@echo "  rm -r $${MLSYS_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/mlsys}"

python:
	@command -v $(PYTHON) >/dev/null || \
	  { echo 'error: python3 is missing:  sudo apt-get install python3 python3-pip' >&2; exit 1; }
