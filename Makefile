# flowgauge: two commands do everything on a Debian or Ubuntu machine with a Rust toolchain.
#   make demo   measure what flowtables buy, in software and in a (simulated) NIC, with proof; ends with a table and a report page
#   make test   every test, those against real kernels included
CARGO ?= cargo
OUT ?= results
BIN := $(or $(CARGO_TARGET_DIR),target)/release/flowgauge
DEMO := udp-ipv4 tcp-masquerade udp-paced nic-udp-ipv4 nic-tcp-ipv6 nic-udp-masquerade nic-tcp-dnat

.PHONY: all build demo test bench lint doc clean deps deps-tests

all: build

build:
	$(CARGO) build --release -p flowgauge

demo: deps build
	$(BIN) bench $(DEMO) --out $(OUT)

# Compiles the program as well, once: its own tests need it, and what `build` makes has other features.
test: deps-tests
	$(CARGO) test --release --workspace --no-fail-fast

bench: deps
	$(CARGO) bench --workspace

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

doc:
	$(CARGO) doc --workspace --no-deps --open

clean:
	$(CARGO) clean

# Installs by apt what is missing, and nothing where nothing is missing.
deps:
	@./.ci/deps

# And what only the tests need.
deps-tests:
	@./.ci/deps tests
