#!/usr/bin/env bash
# Checks that scripts/install.sh works on a bare Debian 12 from which rustup cannot be reached: in a
# new system by debootstrap it must install a C compiler and Debian's own Rust, and a program must
# compile. Takes some minutes, most of them for downloads. Part of scripts/nightly.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

# skip REASON — nothing was checked, which is not an error.
skip() {
    echo "NOT CHECKED: installation on a bare machine: $*"
    exit 0
}
[ "$(id -u)" = 0 ] || skip "needs root for debootstrap and chroot"
command -v debootstrap >/dev/null || install_packages debootstrap || skip "debootstrap not found"
unshare --mount true 2>/dev/null || skip "this machine permits no new mounts"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/root
mirror=http://deb.debian.org
debootstrap --variant=minbase bookworm "$root" "$mirror/debian" >"$folder/log" 2>&1 ||
    skip "debootstrap failed: $(tail -n 3 "$folder/log")"
echo "deb $mirror/debian-security bookworm-security main" >>"$root/etc/apt/sources.list"
# What this machine needs to reach the mirror, it needs too.
cp /etc/resolv.conf "$root/etc/"
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
printf '127.0.0.1 localhost\n127.0.0.1 sh.rustup.rs static.rust-lang.org\n' >"$root/etc/hosts"
mkdir -p "$root/src/scripts"
cp Cargo.toml "$root/src/"
cp scripts/install.sh "$root/src/scripts/"

cat >"$root/src/check" <<'CHECK'
set -euo pipefail
cd /src
for program in cc curl rustc cargo; do
    ! command -v $program || { echo "expected a bare machine, but it has $program" >&2; exit 1; }
done
. scripts/install.sh
install_toolchain
for program in cc curl cargo rustfmt cargo-clippy; do command -v $program; done
cargo --version
rustc --version
mkdir -p /hello/src
printf '[package]\nname = "hello"\nedition = "2024"\n' >/hello/Cargo.toml
echo 'fn main() { println!("compiled and ran"); }' >/hello/src/main.rs
cargo run --quiet --offline --manifest-path /hello/Cargo.toml
# The second call has nothing to do.
[ -z "$(install_toolchain)" ] || { echo "install_toolchain installs again" >&2; exit 1; }
CHECK
# The mounts end with the shell. rustc finds its libraries by /proc.
# shellcheck disable=SC2016 # expanded by the inner shell
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    unshare --mount bash -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" bash /src/check' "$root" |
    tee "$folder/out"
grep -q '^installing Rust .* from Debian instead$' "$folder/out" || {
    echo "expected Rust from Debian, but it came from elsewhere" >&2
    exit 1
}
grep -q '^compiled and ran$' "$folder/out"
echo "install.sh: works on a bare Debian 12 without rustup"
