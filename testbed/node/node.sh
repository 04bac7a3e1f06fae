#!/usr/bin/env bash
# node.sh COMMAND…: runs a command on a Kubernetes node of its own, which ends with the command. It has KUBECONFIG set.
# node.sh --check: only looks whether this machine can do that.
#
# A control plane, kubelet, kube-proxy, containerd and DNS run in namespaces of their own (mounts, network, processes,
# cgroups, host name), with all data in memory, so that nothing outside changes. The kernel ends them together with this
# script, however that ends. testbed/build.sh and testbed/node/build.sh make the programs.
# Images in the archives $NODE_IMAGES are there from the beginning; logs are written to $NODE_LOGS.
# Exit status: the command's; 77 with the reason where this machine cannot do it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(realpath -m "${TESTBED_DIR:-$here/../../target/testbed}")
logs=$(realpath -m "${NODE_LOGS:-$here/../../target/e2e/logs}")

skip() {
  echo "node: SKIPPED: $*" >&2
  exit 77
}

[ "$(uname -s)" = Linux ] || skip "a kubelet needs Linux"
[ "$(id -u)" = 0 ] || skip "it needs root, for namespaces and cgroups"
[ "$(stat -fc %T /sys/fs/cgroup)" = tmpfs ] || skip "it knows hosts with cgroup v1 only, and this one has v2"
for path in "$here" "$root" "$logs"; do
  case $path/ in
    /run/* | /var/lib/* | /var/log/*) skip "$path is hidden on the node, which has /run, /var/lib and /var/log of its own" ;;
  esac
done
cgroups=()
while IFS=: read -r _ controllers path; do
  [ -n "$controllers" ] || continue
  cgroup=/sys/fs/cgroup/${controllers#name=}${path%/}
  [ -w "$cgroup/cgroup.procs" ] || skip "the cgroup $cgroup cannot be written"
  cgroups+=("$cgroup/pollinator-node.$$")
done </proc/self/cgroup
for controller in cpu memory pids; do
  grep -qE "^[0-9]+:([^:]*,)?$controller(,|:)" /proc/self/cgroup || skip "no cgroup v1 hierarchy has \`$controller\`"
done
unshare --mount --net --pid --fork --ipc --uts --cgroup true 2>/dev/null || skip "namespaces are not allowed here"
[ "${1:-}" != --check ] || exit 0
for program in setpriv ip nft runc openssl; do
  command -v "$program" >/dev/null || skip "no \`$program\` on the PATH; testbed/node/build.sh installs it on Debian"
done
unshare --net nft list ruleset >/dev/null 2>&1 || skip "the kernel has no nftables"

# Removes the cgroups when the other end of its input is closed: by this script, or by the kernel at its death.
sweep() {
  trap '' INT TERM HUP
  cat >/dev/null
  local attempt
  for attempt in {1..100}; do
    # Empty folders only; what still has a process in it is tried again.
    find "${cgroups[@]}" -depth -type d -exec rmdir {} + 2>/dev/null && break
    [ -n "$(find "${cgroups[@]}" -maxdepth 0 2>/dev/null)" ] || break
    sleep 0.1
  done
}
exec {sweeper}> >(sweep)
sweeper_process=$!

mkdir -p "$logs" "${cgroups[@]}"
rm -f "$logs"/*.log
for cgroup in "${cgroups[@]}"; do
  # A cpuset has to have something before a process may join it.
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$cgroup/$file" ] || cat "$cgroup/../$file" >"$cgroup/$file"
  done
done

# Dies with this script, and its only child with it; that is PID 1 of the namespace, and takes all others along.
status=0
setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --ipc --uts \
  "$here/init.sh" "$root" "$logs" "${#cgroups[@]}" "${cgroups[@]}" "$@" {sweeper}>&- || status=$?
exec {sweeper}>&-
wait "$sweeper_process" || true
exit "$status"
