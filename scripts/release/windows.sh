#!/usr/bin/env bash
# Builds the command for Windows on Debian and runs it under Wine, if that is installed. The target is
# x86_64-pc-windows-gnu. Releases are for x86_64-pc-windows-msvc: the same sources, built on Windows.
#
#   scripts/release/windows.sh [FOLDER]    keeps tools and binary there [default: target/windows]
#
# Without rustup's target, Rust's standard library for Windows is built from Debian's sources, with
# Debian's compiler. Its packages are unpacked into the folder: the Rust that is installed stays as it
# is. PROFILE is that of cargo [default: release]; `dev` is built much faster.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
. scripts/install.sh

target=x86_64-pc-windows-gnu
profile=${PROFILE:-release}
folder=${1:-${CARGO_TARGET_DIR:-target}/windows}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

skip() {
    echo "skipped: $*"
    exit 0
}

fail() {
    echo "windows: $*" >&2
    exit 1
}

# has_target — succeeds if rustup has installed the target.
has_target() { rustup target list --installed 2>/dev/null | grep -qx "$target"; }

# unpack_rust — unpacks Debian's compiler, cargo and the sources of the standard library.
unpack_rust() {
    local packages wanted_rust
    wanted_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    command -v apt-get >/dev/null || skip "rustup has no target $target, and this is not Debian"
    is_new_enough "$(debian_rust_candidate)" ||
        skip "Debian's rustc-web is $(debian_rust_candidate); $wanted_rust or newer is needed (apt-get update)"
    packages=(rustc-web cargo-web rust-web-src libstd-rust-web-dev)
    mapfile -t -O ${#packages[@]} packages < <(
        apt-cache depends libstd-rust-web-dev | sed -n 's/^ *Depends: \(libstd-rust-web-[0-9].*\)/\1/p'
        # Libraries that are not installed.
        apt-get install -s --no-install-recommends "${packages[@]}" | sed -n 's/^Inst \([^ ]*\).*/\1/p'
    )
    mkdir -p "$folder/packages"
    mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
    (cd "$folder/packages" && apt-get download -qq "${packages[@]}") || skip "cannot download Debian's Rust"
    for package in "$folder"/packages/*.deb; do dpkg-deb -x "$package" "$folder/rust.new"; done
    rm -rf "$folder/packages"
}

# build_std — builds the standard library, and adds it to the unpacked compiler.
build_std() {
    local empty=$folder/std library=$rust/usr/lib/rustlib/$target/lib object
    mkdir -p "$empty/src" "$library"
    printf '[package]\nname = "empty"\nedition = "2024"\n[workspace]\n' >"$empty/Cargo.toml"
    : >"$empty/src/lib.rs"
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$empty/target cargo build --manifest-path "$empty/Cargo.toml" \
        --release --target "$target" -Zbuild-std=std,panic_unwind,panic_abort
    find "$empty/target/$target/release/deps" -name '*.rlib' ! -name 'libempty*' -exec cp {} "$library" \;
    # The first and the last object of a program for this target.
    for object in rsbegin rsend; do
        RUSTC_BOOTSTRAP=1 rustc --target "$target" -O --emit=obj -o "$library/$object.o" \
            "$rust/usr/lib/rustlib/src/rust/library/rtstartup/$object.rs"
    done
    rm -rf "$empty"
}

command -v x86_64-w64-mingw32-gcc >/dev/null || need gcc-mingw-w64-x86-64
command -v nasm >/dev/null || need nasm
install_missing || skip "no compiler for C: gcc-mingw-w64-x86-64 and nasm"

if ! has_target; then
    rust=$folder/rust
    if [ ! -d "$rust" ]; then
        rm -rf "$folder/rust.new"
        unpack_rust
        rust=$folder/rust.new
    fi
    libraries=$(echo "$rust"/usr/lib/*-linux-gnu)
    export PATH=$rust/usr/bin:$PATH LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    unset RUSTC
    if [ "$rust" = "$folder/rust.new" ]; then
        build_std
        mv "$rust" "$folder/rust"
        rust=$folder/rust
        libraries=$(echo "$rust"/usr/lib/*-linux-gnu)
        export PATH=$rust/usr/bin:$PATH LD_LIBRARY_PATH=$libraries
    fi
fi
rustc --version
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
export CARGO_TARGET_DIR=$folder/build
if [ "$profile" = release ]; then
    binary=$(scripts/release/build.sh "$target")
else
    cargo build --profile "$profile" --locked -p rehearsal --features command --bin rehearsal --target "$target"
    binary=$CARGO_TARGET_DIR/$target/debug/rehearsal.exe
fi
printf '%s: %s bytes\n' "$binary" "$(stat -c %s "$binary")"

command -v wine >/dev/null || skip "no Wine: the binary was built, but not run"
export WINEPREFIX=$folder/wine WINEDEBUG=-all
# A folder whose name has a space. Wine sees the files of this machine under the drive Z:.
run="$folder/a folder"
rm -rf "$run"
mkdir -p "$run"
cp "$binary" "$run/rehearsal.exe"
cd "$run"
# Wine before 9 lacks a library of Windows 10 from which Rust takes random bytes.
if [ -z "$(find /usr /opt -path '*/x86_64-windows/bcryptprimitives.dll' -print -quit 2>/dev/null)" ]; then
    x86_64-w64-mingw32-gcc -O2 -shared -o bcryptprimitives.dll -x c - -x none -ladvapi32 <<'C'
#include <windows.h>
BOOLEAN WINAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return SystemFunction036(data, (ULONG)size); }
C
fi
timeout 120 wine rehearsal.exe --version
timeout 300 wine rehearsal.exe self-test
python3 "$root/scripts/release/windows_run.py" "$run"
