#!/usr/bin/env bash
# What `make deny` runs: licences, duplicates and sources of everything in Cargo.lock, and known advisories where their
# database can be reached. Exit status: 0 nothing is wrong with what was checked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source tests/cargo-tool.sh
deny=$(cargo_tool cargo-deny 0.20.2)

"$deny" --workspace --locked check bans licenses sources

# It waits for a network that is not there as long as git does.
if timeout 120 "$deny" fetch db >/dev/null 2>&1; then
  "$deny" --workspace --locked check --disable-fetch advisories
else
  echo "ADVISORIES NOT CHECKED: the database of RustSec cannot be reached from here" >&2
fi
