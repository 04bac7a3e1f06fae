#!/usr/bin/env bash
# Puts the programs of a Kubernetes control plane and the chart tools into $TESTBED_DIR/bin
# (default: target/testbed/bin), and with the argument `oldest` those of the oldest supported Kubernetes into
# $TESTBED_DIR/oldest/bin as well. Programs in $KUBEBUILDER_ASSETS are linked, the others are built from
# their Go modules: 8 to 13 minutes on 2 cores the first time (`oldest`: 7 more), nothing after that.
set -euo pipefail
# shellcheck source=testbed/provide.sh
source "$(dirname "${BASH_SOURCE[0]}")/provide.sh"

# The versions live here and in the files go.mod (Kubernetes with its etcd).
helm_version=v4.3.1
helm3_version=v3.22.0
kubeconform_version=v0.8.0

helm3() {
  published "helm.sh/helm/v3/cmd/helm@$helm3_version" "-X helm.sh/helm/v3/internal/version.version=$helm3_version"
  mv "$work/helm" "$work/helm3"
}

# What kstatus and Argo CD make of objects.
gitops() {
  (cd gitops && go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w" -o "$work/gitops" .)
}

control_plane() {
  provide kube-apiserver kubernetes kube-apiserver
  provide etcd required etcd go.etcd.io/etcd/server/v3
  provide kube-controller-manager kubernetes kube-controller-manager
  provide kubectl kubernetes kubectl
}

assets=yes
into ""
from .
echo "testbed: Kubernetes $kubernetes_version, Helm $helm_version and kubeconform $kubeconform_version into $folder/bin"
echo "testbed: 8 to 13 minutes on 2 cores the first time, seconds after that"
control_plane
provide helm published "helm.sh/helm/v4/cmd/helm@$helm_version" \
  "-X helm.sh/helm/v4/internal/version.version=$helm_version"
provide helm3 helm3 "$helm3_version"
provide kubeconform published "github.com/yannh/kubeconform/cmd/kubeconform@$kubeconform_version" \
  "-X main.version=$kubeconform_version"
provide gitops gitops "$(cat "$testbed"/gitops/go.* "$testbed"/gitops/*.go)"
TESTBED_DIR=$root "$testbed/prometheus-operator-crds.sh"

if [ "${1:-}" = oldest ]; then
  assets=
  into oldest
  from oldest
  echo "testbed: Kubernetes $kubernetes_version into $folder/bin"
  control_plane
  for tool in helm helm3 kubeconform gitops; do
    ln -sf "../../bin/$tool" "$folder/bin/$tool"
  done
  ln -sfn ../prometheus-operator-crds "$folder/prometheus-operator-crds"
fi
echo "testbed: ready after $SECONDS s"
