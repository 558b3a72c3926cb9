# clipmill: the commands that people and CI use. `make run` and `make test` work in a fresh clone;
# Rust is the only thing that has to be there already.

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
export PATH := $(CURDIR)/.tools/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run test test-quick test-one corpus bench plugins fmt lint structure doc clean

help: ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the daemon, with its data in ./data
	@scripts/tools.sh run
	@cargo build --release --package clipmill
	@$(TARGET)/release/clipmill serve

# Everything is built first: the end-to-end tests start the `clipmill` binary, which `cargo test`
# alone does not always build, and the example plugins are packed by it. The servers are a MongoDB
# and a Redis, started where the environment doesn't name some; see scripts/servers.sh.
test: ## Run every test
	@scripts/tools.sh test
	@cargo build --workspace --all-targets
	@scripts/guests.sh check
	@CLIPMILL=$(TARGET)/debug/clipmill scripts/guests.sh build
	@scripts/guests.sh test
	@CLIPMILL_TEST_DOCUMENTDB_GATEWAY=$(TARGET)/debug/documentdb-gateway \
	  scripts/servers.sh cargo test --workspace --no-fail-fast

# The crates' own tests, but for those that start a Redis or want the example plugins built.
test-quick: ## Run what needs only Rust and ffmpeg: no servers, no plugins to build
	@scripts/tools.sh run
	@cargo test $(foreach crate,core media storage plugins pipeline structure,--package clipmill-$(crate)) \
	  --package clipmill --lib --test engine --test sqlite --test wasm --test http --test examine --test documentation \
	  --no-fail-fast -- --skip redis::tests --skip conform::example --skip by_examples

# The end-to-end tests start the binary.
test-one: ## Run the tests whose names contain NAME, of all crates or of PACKAGE: make test-one NAME=...
	@test -n "$(NAME)" || { echo "make test-one NAME=part_of_a_name [PACKAGE=clipmill-storage]" >&2; exit 2; }
	@$(if $(filter clipmill-tests,$(or $(PACKAGE),clipmill-tests)),cargo build --package clipmill)
	@cargo test $(if $(PACKAGE),--package $(PACKAGE),--workspace) --no-fail-fast -- $(NAME)

corpus: ## Cut the zoo of odd inputs, those whose kind contains KIND, and judge each clip by a full decode
	@scripts/tools.sh run
	@CLIPMILL_TEST_CORPUS="$(KIND)" cargo test --workspace --test pipeline -- corpus::

plugins: ## Build the example plugins into .tools/guests/out
	@scripts/tools.sh guests
	@cargo build --package clipmill
	@CLIPMILL=$(TARGET)/debug/clipmill scripts/guests.sh build

bench: ## Compare with the alternatives; the table also goes to target/bench/results.json
	@scripts/tools.sh bench
	@cargo build --release --package clipmill --package clipmill-documentdb
	@CLIPMILL=$(TARGET)/release/clipmill scripts/guests.sh build
	@CLIPMILL_TEST_DOCUMENTDB_GATEWAY=$(TARGET)/release/documentdb-gateway \
	  scripts/servers.sh cargo bench --package clipmill-tests --bench clipmill

fmt: ## Format the code
	@cargo fmt --all

lint: ## Deny warnings
	@cargo clippy --workspace --all-targets -- -D warnings

structure: ## Fail on circles of files, forbidden arrows between crates and files over 400 lines
	@cargo run --quiet --package clipmill-structure -- $(if $(REPORT),--report)

doc: ## Build the documentation, warnings denied
	@RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace

clean: ## Remove what was built; ./data and .tools stay
	@cargo clean
