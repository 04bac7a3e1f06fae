#!/usr/bin/env bash
# What `make fuzz` runs: every target, or the one named, each for so many seconds, on its seeds and what earlier runs
# found. Needs a nightly toolchain. Exit status: 0 nothing was found; what was is in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${SECONDS_EACH:-60}
source tests/cargo-tool.sh
fuzz=$(cargo_tool cargo-fuzz 0.13.2)

targets=${TARGET:-$(basename --suffix=.rs fuzz/fuzz_targets/*.rs)}
failures=()
for target in $targets; do
  echo "== $target, ${seconds} s"
  mkdir -p "fuzz/corpus/$target"
  # No sanitizer: unsafe code is forbidden, and without one it is several times as fast.
  RUSTUP_TOOLCHAIN=${RUSTUP_TOOLCHAIN:-nightly} "$fuzz" run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 || failures+=("$target")
done
for failure in "${failures[@]+"${failures[@]}"}"; do
  echo "failed: $failure" >&2
done
[ "${#failures[@]}" -eq 0 ]
