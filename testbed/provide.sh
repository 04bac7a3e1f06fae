# shellcheck shell=bash
# Functions of the scripts that put programs into $TESTBED_DIR (default: target/testbed); to be sourced.
# Every program is made once: its stamp says what it was made from.

testbed=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${TESTBED_DIR:-$testbed/../target/testbed}
mkdir -p "$root"
root=$(cd "$root" && pwd)
work=$(mktemp -d "$root/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

# No C compiler is needed, and the caller's flags for other builds do not reach these.
export CGO_ENABLED=0 GOFLAGS= GOWORK=off

fail() {
  printf 'testbed: %s\n' "$@" >&2
  exit 1
}

# Takes the folder of programs, below $TESTBED_DIR, into which the next ones go.
into() {
  folder=$root${1:+/$1}
  mkdir -p "$folder/bin" "$folder/stamps"
}

# Takes the folder, below this one, whose go.mod has the versions of the next programs.
from() {
  module=$testbed/$1
  module_stamp=$(cat "$module/go.mod" "$module/go.sum" "$module"/*.go | cksum | tr -s ' ' -)
  kubernetes_version=$(awk '$1 == "k8s.io/kubernetes" || $2 == "k8s.io/kubernetes" { print $NF; exit }' "$module/go.mod")
}

go_checked=
need_go() {
  [ -z "$go_checked" ] || return 0
  command -v go >/dev/null || fail "cannot build $1: no \`go\` on the PATH" \
    "install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder that has $1"
  (cd "$module" && go env GOVERSION >/dev/null 2>"$work/log") ||
    fail "cannot build $1: $(tail -n 1 "$work/log")" "install Go 1.26 or newer"
  go_checked=yes
}

# Takes a name and the command that writes the program into $work; runs it unless it was done before.
# A program in $KUBEBUILDER_ASSETS is linked instead, where $assets is set.
provide() {
  local name=$1 program=$folder/bin/$1 started=$SECONDS how=built want
  want=$(printf '%s\n' "$module_stamp" "$@" "$(cat "$testbed/provide.sh")" | cksum | tr -s ' ' -)
  shift
  local asset=${assets:+${KUBEBUILDER_ASSETS:+$KUBEBUILDER_ASSETS/$name}}
  [ -n "$asset" ] && [ -x "$asset" ] && want="asset:$asset" && how=linked
  if [ -x "$program" ] && [ "$(cat "$folder/stamps/$name" 2>/dev/null)" = "$want" ]; then
    printf '  %-24s present\n' "$name"
    return
  fi
  if [ "$how" = linked ]; then
    ln -s "$(cd "$(dirname "$asset")" && pwd)/$name" "$work/$name"
  else
    need_go "$name"
    if ! (cd "$module" && "$@") >"$work/log" 2>&1; then
      tail -n 15 "$work/log" >&2
      fail "building $name failed, its last lines are above" \
        "if a download failed, check the network and \`go env GOPROXY\`, then run this again: it goes on where it stopped"
    fi
  fi
  # A rename, so that nobody ever runs half a file.
  mv -f "$work/$name" "$program"
  printf '%s\n' "$want" >"$folder/stamps/$name"
  printf '  %-24s %s in %d s\n' "$name" "$how" "$((SECONDS - started))"
}

# A command of Kubernetes.
kubernetes() {
  local set=k8s.io/component-base/version minor=${kubernetes_version#v1.}
  # Without these the server calls itself v0.0.0-master, which breaks clients that compare versions.
  go build -mod=readonly -trimpath -buildvcs=false -o "$work/$1" -ldflags "-s -w \
    -X $set.gitVersion=$kubernetes_version -X $set.gitMajor=1 -X $set.gitMinor=${minor%%.*}" \
    "k8s.io/kubernetes/cmd/$1"
}

# A package that the module requires, under the name of the program.
required() {
  go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w" -o "$work/$1" "$2"
}

# A package with a version of its own, and linker flags; further arguments are those of go.
published() {
  local package=$1 flags=$2
  shift 2
  GOBIN=$work go install -trimpath -ldflags "-s -w $flags" "$@" "$package"
}
