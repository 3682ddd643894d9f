#!/usr/bin/env bash
# Shows that the release build is reproducible: builds the last commit twice, in two folders, and
# compares the bytes. Takes two release builds, some 20 minutes on two cores.
#
#   scripts/release/reproduce.sh [FILE]    keeps the binary as FILE
set -euo pipefail
[ $# -le 1 ] || {
    echo "usage: scripts/release/reproduce.sh [FILE]" >&2
    exit 2
}
kept=${1:+$(realpath -m "$1")}
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

commit=$(git rev-parse --short=12 HEAD)
hashes=()
for place in first/rehearsal "second/another folder"; do
    mkdir -p "$folder/$place"
    git archive "$commit" | tar -x -C "$folder/$place"
    binary=$(
        unset CARGO_TARGET_DIR
        REHEARSAL_COMMIT=$commit "$folder/$place/scripts/release/build.sh"
    )
    file=$folder/$place/$binary
    hash=$(sha256sum "$file" | cut -d ' ' -f 1)
    echo "$hash  $commit, built in $(basename "$place")"
    if grep -q -a -F -e "$folder" -e "${CARGO_HOME:-$HOME/.cargo}" "$file"; then
        echo "the binary contains a path of this machine" >&2
        exit 1
    fi
    hashes+=("$hash")
    [ -z "$kept" ] || cp "$file" "$kept"
    # One at a time on the disk.
    rm -rf "${folder:?}/$place"
done
if [ "${hashes[0]}" != "${hashes[1]}" ]; then
    echo "the two builds differ" >&2
    exit 1
fi
echo "the two builds are the same"
