#!/usr/bin/env bash
# Creates the archive of a release: the binary, its license and README, shell
# completions and man pages. The same binary always gives the same archive.
#
#   scripts/release/archive.sh BINARY TARGET FOLDER
#
# EMULATOR runs a binary of another architecture [default: none].
set -euo pipefail
[ $# = 3 ] || {
    echo "usage: scripts/release/archive.sh BINARY TARGET FOLDER" >&2
    exit 2
}
binary=$1 target=$2 out=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
name=rehearsal-$target
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
read -ra run <<<"${EMULATOR:-}"
run+=("$binary")

mkdir -p "$folder/$name/completions" "$folder/$name/man" "$out"
file=rehearsal
[[ $target != *windows* ]] || file=rehearsal.exe
cp "$binary" "$folder/$name/$file"
cp "$root/LICENSE" "$root/README.md" "$root/CHANGELOG.md" "$folder/$name/"
for shell in bash zsh fish powershell; do
    "${run[@]}" completions "$shell" >"$folder/$name/completions/rehearsal.$shell"
done
"${run[@]}" man "$folder/$name/man" >/dev/null

# Reproducible: sorted, without owner, with the time of the commit.
when=$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-$when}" \
    -C "$folder" -cf - "$name" | gzip -n >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
