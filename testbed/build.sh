#!/usr/bin/env bash
# Puts the binaries of a Kubernetes control plane and the chart tools into $TESTBED_DIR/bin
# (default: target/testbed/bin). Those in $KUBEBUILDER_ASSETS are linked, the others are built from
# their Go modules: 8 to 13 minutes on 2 cores the first time, nothing after that.
set -euo pipefail

# The versions live here and in go.mod beside this file (Kubernetes with its etcd).
helm_version=v4.3.1
kubeconform_version=v0.8.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kubernetes_version=$(awk '$1 == "k8s.io/kubernetes" || $2 == "k8s.io/kubernetes" { print $NF; exit }' "$here/go.mod")
root=${TESTBED_DIR:-$here/../target/testbed}
mkdir -p "$root/bin" "$root/stamps"
root=$(cd "$root" && pwd)
# What a binary was made from; a change of it makes the binary again.
stamp=$(cat "$here/go.mod" "$here/go.sum" "$here/build.sh" | cksum | tr -s ' ' -)
work=$(mktemp -d "$root/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

# No C compiler is needed, and the caller's flags for other builds do not reach these.
export CGO_ENABLED=0 GOFLAGS= GOWORK=off

fail() {
  printf 'testbed: %s\n' "$@" >&2
  exit 1
}

go_checked=
need_go() {
  [ -z "$go_checked" ] || return 0
  command -v go >/dev/null || fail "cannot build $1: no \`go\` on the PATH" \
    "install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder that has $1"
  (cd "$here" && go env GOVERSION >/dev/null 2>"$work/log") ||
    fail "cannot build $1: $(tail -n 1 "$work/log")" "install Go 1.26 or newer"
  go_checked=yes
}

# Takes a name and the command that writes the binary into $work; runs it unless it was done before.
provide() {
  local name=$1 bin=$root/bin/$1 started=$SECONDS from=built want=$stamp
  shift
  local asset=${KUBEBUILDER_ASSETS:+$KUBEBUILDER_ASSETS/$name}
  [ -n "$asset" ] && [ -x "$asset" ] && want="asset:$asset" && from=linked
  if [ -x "$bin" ] && [ "$(cat "$root/stamps/$name" 2>/dev/null)" = "$want" ]; then
    printf '  %-24s present\n' "$name"
    return
  fi
  if [ "$from" = linked ]; then
    ln -s "$(cd "$(dirname "$asset")" && pwd)/$name" "$work/$name"
  else
    need_go "$name"
    if ! (cd "$here" && "$@") >"$work/log" 2>&1; then
      tail -n 15 "$work/log" >&2
      fail "building $name failed, its last lines are above" \
        "if a download failed, check the network and \`go env GOPROXY\`, then run this again: it goes on where it stopped"
    fi
  fi
  # A rename, so that nobody ever runs half a file.
  mv -f "$work/$name" "$bin"
  printf '%s\n' "$want" >"$root/stamps/$name"
  printf '  %-24s %s in %d s\n' "$name" "$from" "$((SECONDS - started))"
}

kubernetes() {
  local set=k8s.io/component-base/version minor=${kubernetes_version#v1.}
  # Without these the server calls itself v0.0.0-master, which breaks clients that compare versions.
  go build -mod=readonly -trimpath -buildvcs=false -o "$work/$1" -ldflags "-s -w \
    -X $set.gitVersion=$kubernetes_version -X $set.gitMajor=1 -X $set.gitMinor=${minor%%.*}" \
    "k8s.io/kubernetes/cmd/$1"
}

etcd() {
  go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w" -o "$work/etcd" go.etcd.io/etcd/server/v3
}

published() {
  GOBIN=$work go install -trimpath -ldflags "-s -w $2" "$1"
}

echo "testbed: Kubernetes $kubernetes_version, Helm $helm_version and kubeconform $kubeconform_version into $root/bin"
echo "testbed: 8 to 13 minutes on 2 cores the first time, seconds after that"
provide kube-apiserver kubernetes kube-apiserver
provide etcd etcd
provide kube-controller-manager kubernetes kube-controller-manager
provide kubectl kubernetes kubectl
provide helm published "helm.sh/helm/v4/cmd/helm@$helm_version" \
  "-X helm.sh/helm/v4/internal/version.version=$helm_version"
provide kubeconform published "github.com/yannh/kubeconform/cmd/kubeconform@$kubeconform_version" \
  "-X main.version=$kubeconform_version"
echo "testbed: ready after $SECONDS s"
