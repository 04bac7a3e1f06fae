#!/usr/bin/env bash
# Makes what testbed/node/node.sh needs beside the control plane of testbed/build.sh, in the same place: kubelet,
# kube-scheduler and kube-proxy of the same release, containerd, plugins for the network of pods, and DNS.
# Exit status 77 with the reason where programs are missing that cannot be installed here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

containerd_version=v2.4.2
plugins_version=v1.10.0
coredns_version=v1.15.0

# Of Debian, by the program that is looked for; musl-gcc is for the images.
declare -A packages=([runc]=runc [nft]=nftables [ip]=iproute2 [openssl]=openssl [jq]=jq [setpriv]=util-linux [musl-gcc]=musl-tools)
missing=()
for program in "${!packages[@]}"; do
  command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "node: SKIPPED: install these first, by their names in Debian: ${missing[*]}" >&2
    exit 77
  fi
  echo "node: installing Debian's ${missing[*]}"
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends -qq "${missing[@]}" >/dev/null; }; then
    echo "node: SKIPPED: Debian's ${missing[*]} cannot be installed" >&2
    exit 77
  fi
fi

# shellcheck source=testbed/provide.sh
source testbed/provide.sh

containerd() {
  published "github.com/containerd/containerd/v2/cmd/$1@$containerd_version" "" -tags=no_btrfs,no_devmapper,no_zfs
}

plugin() {
  published "github.com/containernetworking/plugins/plugins/$1@$plugins_version" ""
}

assets=
into ""
from .
echo "node: Kubernetes $kubernetes_version, containerd $containerd_version and CoreDNS $coredns_version into $folder/bin"
echo "node: about 5 minutes on 2 cores after testbed/build.sh the first time, seconds after that"
for program in kubelet kube-scheduler kube-proxy; do
  provide "$program" kubernetes "$program"
done
for program in containerd containerd-shim-runc-v2 ctr; do
  provide "$program" containerd "$program" "$containerd_version"
done
for program in main/bridge ipam/host-local main/loopback; do
  provide "${program#*/}" plugin "$program" "$plugins_version"
done
provide coredns published "github.com/coredns/coredns@$coredns_version" ""
# What a pod begins with.
provide pause required pause ./node/pause
cargo run --quiet --locked --package pollinator-image -- archive --program "$folder/bin/pause" --name pause:0.1.0 \
  --description "Holds the namespaces of a pod" --revision none --created 0 "$folder/images/pause.tar"
echo "node: ready after $SECONDS s"
