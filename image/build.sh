#!/usr/bin/env bash
# build.sh [PROGRAM]: a release build, linked statically, as a container image in target/image: an OCI archive, with a bill
# of materials (CycloneDX) beside that of the product. No container engine is needed.
# PROGRAM is pollinator, which is what `make image` builds, or concur-sandbox.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/cargo-tool.sh

# Of all files, in bytes.
at_most=25000000

fail() {
  printf 'image: %s\n' "$@" >&2
  exit 1
}

# Exit status 77: what an image is built with is missing.
missing() {
  printf 'image: %s\n' "$@" >&2
  exit 77
}

program=${1:-pollinator}
case $program in
  pollinator) manifest=Cargo.toml arguments=(--argument operator) ;;
  concur-sandbox) manifest=sandbox/Cargo.toml arguments=() ;;
  *) fail "no image of \`$program\`; there are pollinator and concur-sandbox" ;;
esac
[ "$(uname -s)" = Linux ] || missing "the program is built for Linux: elsewhere use the Dockerfile"
command -v musl-gcc >/dev/null || missing "no \`musl-gcc\` on the PATH: on Debian, apt-get install musl-tools"
target=$(uname -m)-unknown-linux-musl
libraries=$(rustc --print sysroot)/lib/rustlib/$target/lib
[ -d "$libraries" ] || rustup target add "$target" || missing "no Rust target $target: rustup target add $target"

version=$(cargo pkgid --package "$program" | sed 's/.*[#@]//')
description=$(sed -n 's/^description = "\(.*\)"$/\1/p' "$manifest")
# What it was built from. Its time is that of the commit, so that the same input gives the same bytes.
revision=$(git describe --always --abbrev=40 --exclude='*' --dirty=-modified 2>/dev/null || echo unknown)
created=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}

# The folders of this machine are no part of it. Programs that run during the build are none either.
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f%s' \
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" "--remap-path-prefix=$PWD=/pollinator") \
  cargo build --release --locked --target "$target" --package "$program" --bin "$program"

cargo build --quiet --locked --package pollinator-image
image=${CARGO_TARGET_DIR:-target}/debug/pollinator-image
archive=target/image/$program-$version.tar
"$image" archive --program "${CARGO_TARGET_DIR:-target}/$target/release/$program" --name "$program:$version" \
  --description "$description" --revision "$revision" --created "$created" "${arguments[@]}" "$archive"

unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
"$image" show "$archive" --at-most "$at_most" --unpack "$unpacked"
# With nothing else around it, so that a missing library would show.
says=$(unshare --map-root-user --root="$unpacked" "/$program" --version) || fail "$program does not run in its image"
echo "  runs      $says"
[ "$program" = pollinator ] || exit 0

bom=target/image/$program-$version.cdx.json
cyclonedx=$(cargo_tool cargo-cyclonedx 0.5.9)
# It writes beside the manifest of every member of the workspace, this one's in the root.
beside=pollinator-image-bom
trap 'rm -rf "$unpacked" $beside.json */$beside.json' EXIT
SOURCE_DATE_EPOCH=$created "$cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 --target "$target" \
  --no-build-deps --override-filename "$beside"
sed -i "s#$PWD#/pollinator#g" "$beside.json"
musl=$(grep -aoE '\b1\.[0-9]+\.[0-9]+\b' "$libraries/self-contained/libc.a" | head -n 1)
rust=$(rustc --version | cut -d ' ' -f 2)
authorities=$(cargo pkgid --package webpki-root-certs | sed 's/.*[#@]//')
"$image" bom --with "musl=$musl" --with "rust=$rust" --with "webpki-root-certs=$authorities" "$beside.json" "$archive" "$bom"
echo "$bom"
