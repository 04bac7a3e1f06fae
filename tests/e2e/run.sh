#!/usr/bin/env bash
# What `make e2e` runs: the chart on a real kubelet, from building the images to the last uninstall. steps.sh has the steps.
# It needs root on a Linux host with cgroup v1, and Go. Where the node cannot run it says so, and ends with status 0.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Ends well where the status is that of a node that cannot run here.
skip_if_impossible() {
  [ "$1" = 77 ] || exit "$1"
  echo "e2e: SKIPPED, AND NOTHING TESTED: the line above has the reason" >&2
  exit 0
}

testbed/node/node.sh --check || skip_if_impossible $?
testbed/build.sh
testbed/node/build.sh || skip_if_impossible $?
image/build.sh || skip_if_impossible $?
image/build.sh concur-sandbox

TESTBED_DIR=$(cd "${TESTBED_DIR:-target/testbed}" && pwd)
folder=$PWD/target/e2e
rm -rf "$folder"
mkdir -p "$folder"
version=$(cargo pkgid --package pollinator | sed 's/.*[#@]//')

# The chart before this one: an older version, and a schema without one field of today's.
cp -r charts/pollinator "$folder/previous"
sed -i 's/^version: .*/version: 0.0.1/' "$folder/previous/Chart.yaml"
crd=$folder/previous/files/crds/pollinginstances.pollinator.dev.yaml
"$TESTBED_DIR/bin/kubectl" patch --local --filename "$crd" --output yaml --type json --patch '[{"op": "remove",
  "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/delivery/properties/maxEvents"}]' >"$crd.new"
mv "$crd.new" "$crd"

export TESTBED_DIR VERSION=$version CHART=$PWD/charts/pollinator PREVIOUS=$folder/previous NODE_LOGS=$folder/logs
NODE_IMAGES="target/image/pollinator-$version.tar target/image/concur-sandbox-$version.tar" \
  testbed/node/node.sh tests/e2e/steps.sh || skip_if_impossible $?
