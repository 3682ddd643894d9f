#!/usr/bin/env bash
# Creates the archive of a release: the binary, its license and those of its dependencies, README,
# shell completions and man pages. The same binary always gives the same archive. For Windows a .zip
# is created too, because winget takes no .tar.gz.
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
python=python3
command -v "$python" >/dev/null || python=python
"$python" "$root/scripts/release/licenses.py" "$folder/$name/THIRD-PARTY.txt" "$target" >&2
"${run[@]}" man "$folder/$name/man" >/dev/null

# Reproducible: sorted, without owner, with the time of the commit.
when=$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)
when=${SOURCE_DATE_EPOCH:-$when}
if [[ $target == *windows* ]]; then
    "$python" - "$folder" "$name" "$out/$name.zip" "$when" <<'PYTHON'
import pathlib, sys, time, zipfile
folder, name, out, when = pathlib.Path(sys.argv[1]), *sys.argv[2:]
# A .zip knows no time before 1980.
moment = time.gmtime(max(int(when), 315532800))[:6]
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
    for path in sorted(path for path in (folder / name).rglob("*") if path.is_file()):
        entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), moment)
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, path.read_bytes())
PYTHON
    echo "$out/$name.zip"
fi
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$when" \
    -C "$folder" -cf - "$name" | gzip -n >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
