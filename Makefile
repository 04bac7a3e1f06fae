# `make` or `make help` lists the targets.
SHELL := bash
.DEFAULT_GOAL := help

# One selection of packages for build and run, so that nothing is built twice with other features.
CARGO_BUILD = cargo build --locked --bins
DEMO = cargo run --locked --quiet --bin pollinator-demo --
TORTURE = cargo run --locked --quiet --bin pollinator-torture --

# Of `make torture`; MODE is operator, folder or both, and without SEED each run has a plan of its own.
KILLS ?= 200
MODE ?= both
SEED ?=

.PHONY: help build demo demo-kubernetes torture test deny fuzz testbed image e2e fmt lint crds clean tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

build: tools ## Build all programs
	@echo "building pollinator, its simulator, demonstrations and torture; the first build takes some minutes"
	@$(CARGO_BUILD)

demo: build ## Show the whole chain against a Concur simulator: no cluster, under a minute after the build
	@$(DEMO) local

demo-kubernetes: build testbed ## Show the operator on a real Kubernetes API server (the first time also builds that, with Go)
	@$(DEMO) kubernetes

torture: build testbed ## Kill it 200 times at random instants under load and check that nothing is lost (KILLS=1000 SEED=1 MODE=folder)
	@$(TORTURE) --kills $(KILLS) --mode $(MODE) $(if $(SEED),--seed $(SEED))

test: ## Run everything: format, clippy, all tests, a real API server (needs Go), the chart
	@tests/run.sh

deny: tools ## Check the licences, duplicates, sources and known advisories of all dependencies
	@tests/deny.sh

fuzz: tools ## Fuzz every parser for SECONDS_EACH=60 seconds, or only TARGET=name; needs a nightly toolchain
	@tests/fuzz.sh

testbed: ## Provide kube-apiserver, etcd, kubectl, helm and kubeconform, from KUBEBUILDER_ASSETS or built with Go
	@testbed/build.sh

image: tools ## Build the container image and its bill of materials into target/image, without a container engine
	@image/build.sh

e2e: tools ## Run the chart on a real kubelet, in namespaces of its own; needs root on Linux with cgroup v1, and Go
	@tests/e2e/run.sh

fmt: ## Format the code
	@cargo fmt --all

lint: tools ## Check format and clippy with warnings denied
	@cargo fmt --all --check --message-format short
	@cargo clippy --workspace --all-targets --locked -- -D warnings

crds: tools ## Generate crds/ anew from the Rust types; look at the diff before you commit it
	@UPDATE=1 cargo test --quiet --locked --package pollinator --lib up_to_date
	@git diff --stat -- crds charts docs src/element 2>/dev/null || true

clean: ## Remove everything that was built, also the testbed
	@cargo clean
	@rm -rf target

need = command -v $(1) >/dev/null || { echo "error: no $(1) on the PATH; $(2)" >&2; exit 1; }

tools:
	@$(call need,cargo,install Rust: https://rustup.rs)
	@$(call need,cc,install a C compiler: gcc or clang)
	@$(call need,cmake,install cmake: https://cmake.org or your package manager)
