#!/usr/bin/env bash
# PID 1 of the node; node.sh starts it as `init.sh TESTBED LOGS NUMBER CGROUP… COMMAND…`. What it starts ends with it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
testbed=$1 logs=$2 number=$3
shift 3

# The cgroup namespace begins where its first process is, so that is the first thing to settle.
if [ "$number" -gt 0 ]; then
  for cgroup in "${@:1:$number}"; do
    echo $$ >"$cgroup/cgroup.procs"
  done
  shift "$number"
  exec unshare --cgroup "${BASH_SOURCE[0]}" "$testbed" "$logs" 0 "$@"
fi

address=172.31.255.1
services=10.96.0.0/16
# The configuration in etc/ names this folder.
node=/run/node

mounts() {
  mount --make-rprivate /
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t tmpfs -o mode=755 cgroups /sys/fs/cgroup
  local controllers
  while IFS=: read -r _ controllers _; do
    [ -n "$controllers" ] || continue
    mkdir "/sys/fs/cgroup/${controllers#name=}"
    case $controllers in
      name=*) mount -t cgroup -o "none,$controllers" cgroup "/sys/fs/cgroup/${controllers#name=}" ;;
      *) mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers" ;;
    esac
  done </proc/self/cgroup
  for folder in /run /var/lib /var/log; do
    mount -t tmpfs -o mode=755 tmpfs "$folder"
  done
  mkdir -p "$node/kernel"
  ln -s "$here/etc" "$node/etc"
  ln -s "$testbed/bin" "$node/bin"
  # The kubelet insists on these values. It gets to see files with them, and the kernel keeps its own.
  local setting
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    local file=$node/kernel/${setting//\//.}
    echo "${setting#*=}" >"$file"
    mount --bind "$file" "/proc/sys/${setting%=*}"
  done
  mount --make-rshared /
}

network() {
  hostname node
  ip link set lo up
  ip link add node0 type veth peer name node0-peer
  ip address add "$address/24" dev node0
  ip link set node0 up
  ip link set node0-peer up
  # Packets to Services need a route before kube-proxy gives them another destination.
  ip route add default dev node0
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # Of pods, for names of the cluster; the world outside cannot be reached.
  echo "nameserver $address" >"$node/resolv.conf"
}

# Everyone has a token, by which the API server knows name and groups.
credentials() {
  openssl genrsa -out "$node/service-account.key" 2>/dev/null
  local user groups
  while read -r user groups; do
    local file=${user##*:} token
    token=$(openssl rand -hex 16)
    echo "$token,$user,$user,\"$groups\"" >>"$node/tokens.csv"
    cat >"$node/$file.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{name: node, cluster: {server: "https://$address:6443", certificate-authority: $node/ca.crt}}]
users: [{name: $file, user: {token: $token}}]
contexts: [{name: node, context: {cluster: node, user: $file}}]
current-context: node
END
  done <<END
admin system:masters
system:node:node system:nodes
system:kube-controller-manager
system:kube-scheduler
system:kube-proxy
END
}

components=()
# Starts a component in the background.
component() {
  "$@" >"$logs/$1.log" 2>&1 &
  components+=("$!:$1")
}

# Waits until a command succeeds; an ended component would make that long.
until_well() {
  local what=$1 deadline=$((SECONDS + 120))
  shift
  until "$@" >/dev/null 2>&1; do
    local entry
    for entry in "${components[@]}"; do
      kill -0 "${entry%%:*}" 2>/dev/null || fail "${entry#*:} ended" "$logs/${entry#*:}.log"
    done
    [ "$SECONDS" -lt "$deadline" ] || fail "$what: not within 120 s" "$logs"
    sleep 0.2
  done
}

fail() {
  echo "node: $1; see $2" >&2
  tail -n 5 "$2" >&2 2>/dev/null || true
  exit 1
}

# The API server makes its own certificate, and writes that of its authority behind it.
api_ready() {
  awk '/BEGIN/ { last = "" } { last = last $0 "\n" } END { printf "%s", last }' "$node/certificates/apiserver.crt" >"$node/ca.crt"
  kubectl get --raw=/readyz
}

start() {
  component etcd --data-dir="$node/etcd" --listen-client-urls=http://127.0.0.1:2379 \
    --advertise-client-urls=http://127.0.0.1:2379 --listen-peer-urls=http://127.0.0.1:2380 --unsafe-no-fsync --log-level=warn
  component kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address="$address" \
    --cert-dir="$node/certificates" --token-auth-file="$node/tokens.csv" --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction --service-cluster-ip-range="$services" \
    --service-account-key-file="$node/service-account.key" --service-account-signing-key-file="$node/service-account.key" \
    --service-account-issuer=https://kubernetes.default.svc --kubelet-preferred-address-types=InternalIP
  component containerd --config="$node/etc/containerd.toml"
  until_well "containerd" ctr version
  until_well "the API server" api_ready
  component kube-controller-manager --kubeconfig="$node/kube-controller-manager.kubeconfig" --leader-elect=false \
    --root-ca-file="$node/ca.crt" --use-service-account-credentials \
    --service-account-private-key-file="$node/service-account.key"
  component kube-scheduler --kubeconfig="$node/kube-scheduler.kubeconfig" --leader-elect=false
  component kube-proxy --config="$node/etc/kube-proxy.yaml"
  component coredns -conf="$node/etc/Corefile"
  local image
  for image in "$testbed/images/pause.tar" ${NODE_IMAGES:-}; do
    ctr --namespace=k8s.io images import "$image" >>"$logs/images.log" 2>&1 || fail "$image was not imported" "$logs/images.log"
  done
  component kubelet --config="$node/etc/kubelet.yaml" --kubeconfig="$node/node.kubeconfig" --node-ip="$address"
  until_well "the node" kubectl wait --for=condition=Ready node/node --timeout=1s
}

trap 'exit 130' INT
trap 'exit 143' TERM
export PATH=$testbed/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mounts
network
credentials
export KUBECONFIG=$node/admin.kubeconfig KUBECACHEDIR=$node/kube-cache
export HELM_CACHE_HOME=$node/helm HELM_CONFIG_HOME=$node/helm HELM_DATA_HOME=$node/helm
start
echo "node: ready after $SECONDS s, logs in $logs"
status=0
"$@" || status=$?
exit "$status"
