#!/usr/bin/env bash
# What `make test` runs: every check, also after one has failed; the last line counts the tests.
# Exit status 0 only if all of it is well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
audit=$(mktemp -d)
trap 'rm -rf "$log" "$audit"' EXIT
failures=()

step() {
  local name=$1
  shift
  echo "== $name"
  "$@" || failures+=("$name")
}

# Counted from cargo's own summaries, one for each test program.
tests() {
  cargo test --workspace --locked --no-fail-fast "$@" 2>&1 | tee -a "$log"
}

# What meets an API server, once more on the oldest supported release.
tests_on_the_oldest() {
  KUBEBUILDER_ASSETS='' TESTBED_DIR=$TESTBED_DIR/oldest tests --test it cluster::
}

# Reads what the tests' API servers wrote down.
privileges() {
  cargo run --locked --quiet --bin pollinator-testbed -- privileges --audit "$audit"
}

make --no-print-directory tools
# First, since nothing else says so early that Go is missing.
testbed/build.sh oldest
# Tests run in folders of their own, where a relative path would mislead.
TESTBED_DIR=$(cd "${TESTBED_DIR:-target/testbed}" && pwd)
export TESTBED_DIR

step "format" cargo fmt --all --check --message-format short
step "clippy" cargo clippy --workspace --all-targets --locked -- -D warnings
TESTBED_AUDIT=$audit step "tests" tests
step "least privilege" privileges
step "tests on Kubernetes 1.33" tests_on_the_oldest
step "dependencies" tests/deny.sh
step "chart" "$TESTBED_DIR/bin/helm" lint --strict --quiet charts/pollinator

for failure in "${failures[@]+"${failures[@]}"}"; do
  echo "failed: $failure" >&2
done
awk '/^test result:/ { passed += $4; failed += $6 } END { printf "%d passed, %d failed\n", passed, failed }' "$log"
[ "${#failures[@]}" -eq 0 ]
