# Sourced by the scripts that need a tool of cargo, in the root of the repository.

# Prints the program of the tool `$1` in exactly the version `$2`: the one on the PATH, or one built into target/tools.
cargo_tool() {
  local program found
  for program in "$1" "target/tools/bin/$1"; do
    # Some tell it only as a command of cargo.
    found=$("$program" --version 2>/dev/null || "$program" "${1#cargo-}" --version 2>/dev/null || true)
    if [ "${found##* }" = "$2" ]; then
      echo "$program"
      return
    fi
  done
  echo "building $1 $2 into target/tools, once; it takes some minutes" >&2
  cargo install --quiet --locked "$1" --version "$2" --root target/tools >&2 || return
  echo "$program"
}
