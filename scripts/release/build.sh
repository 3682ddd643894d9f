#!/usr/bin/env bash
# Builds the release binary so that the same commit gives the same bytes wherever it is built:
# neither the folder of the sources nor that of Cargo's downloads gets into it.
#
#   scripts/release/build.sh [TARGET]     prints the path of the binary
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:-}

sources=$PWD
downloads=${CARGO_HOME:-$HOME/.cargo}
if command -v cygpath >/dev/null; then
    sources=$(cygpath -w "$sources")
    downloads=$(cygpath -w "$downloads")
else
    # Assertions in C contain file names too. MSVC's compiler has no such flag.
    # Escaped, because cc splits these variables at spaces, and a folder may have one.
    maps=$(printf '%q ' "-ffile-prefix-map=$sources=/rehearsal" "-ffile-prefix-map=$downloads=/cargo")
    export CFLAGS="${CFLAGS:+$CFLAGS }$maps" CXXFLAGS="${CXXFLAGS:+$CXXFLAGS }$maps"
    export CC_SHELL_ESCAPED_FLAGS=1
fi
# Cargo leaves this flag out of the hashes that it writes into symbols. The separator allows
# folders with spaces.
separator=$'\x1f'
CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS:+$CARGO_ENCODED_RUSTFLAGS$separator}
CARGO_ENCODED_RUSTFLAGS+="--remap-path-prefix=$sources=/rehearsal"
CARGO_ENCODED_RUSTFLAGS+="$separator--remap-path-prefix=$downloads=/cargo"
export CARGO_ENCODED_RUSTFLAGS
unset RUSTFLAGS

cargo build --release --locked -p rehearsal --features command --bin rehearsal \
    ${target:+--target "$target"} >&2
binary=${CARGO_TARGET_DIR:-target}/${target:+$target/}release/rehearsal
[ -e "$binary" ] || binary=$binary.exe
echo "$binary"
