#!/usr/bin/env bash
# Puts the CustomResourceDefinitions of the Prometheus operator that the chart has objects of into
# $TESTBED_DIR/prometheus-operator-crds (default: target/testbed/…), from its Go module.
set -euo pipefail

version=v0.85.0
kinds=(servicemonitors podmonitors prometheusrules)

root=${TESTBED_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/../target/testbed}
folder=$root/prometheus-operator-crds
if [ "$(cat "$folder/version" 2>/dev/null)" = "$version" ]; then
  printf '  %-24s present\n' prometheus-operator-crds
  exit
fi
command -v go >/dev/null || {
  printf 'testbed: no `go` on the PATH to fetch the CRDs of the Prometheus operator; install Go 1.26 or newer\n' >&2
  exit 1
}
started=$SECONDS
mkdir -p "$folder"
module=$(cd / && GOWORK=off GOFLAGS='' go mod download -json "github.com/prometheus-operator/prometheus-operator@$version" |
  sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
for kind in "${kinds[@]}"; do
  install -m 644 "$module/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" "$folder/$kind.yaml"
done
# Last, so that a folder with a version is whole.
printf '%s\n' "$version" >"$folder/version"
printf '  %-24s fetched in %d s\n' prometheus-operator-crds "$((SECONDS - started))"
