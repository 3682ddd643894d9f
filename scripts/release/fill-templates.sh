#!/usr/bin/env bash
# Fills the templates of packaging/ (Homebrew, winget) with a version, the address of the repository
# and the checksums of a release. If the release lacks an archive that one of them needs, its files
# are left out, and the archive is named.
#
#   scripts/release/fill-templates.sh VERSION SHA256SUMS REPOSITORY FOLDER
set -euo pipefail
[ $# = 4 ] || {
    echo "usage: scripts/release/fill-templates.sh VERSION SHA256SUMS REPOSITORY FOLDER" >&2
    exit 2
}
version=$1 sums=$2 repository=${3%/} out=$4
root=$(cd "$(dirname "$0")/../.." && pwd)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]] || {
    echo "invalid VERSION: expected 1.2.3 without v, got $version" >&2
    exit 2
}
[[ $repository =~ ^https:// ]] || {
    echo "invalid REPOSITORY: expected an https URL, got $repository" >&2
    exit 2
}

# sum_of FILE — prints its checksum in SHA256SUMS.
sum_of() { awk -v file="$1" '$2 == file || $2 == "*" file { print $1 }' "$sums"; }

# fill TEMPLATE FILE — fails with the name of the archive that is missing.
fill() {
    local text archive sum
    text=$(<"$1")
    text=${text//@VERSION@/$version}
    text=${text//@REPOSITORY@/$repository}
    while [[ $text =~ @SHA256:([^@]+)@ ]]; do
        archive=${BASH_REMATCH[1]}
        sum=$(sum_of "$archive")
        [[ $sum =~ ^[0-9a-f]{64}$ ]] || {
            echo "$archive"
            return 1
        }
        text=${text//"@SHA256:$archive@"/$sum}
    done
    printf '%s\n' "$text" >"$2"
}

mkdir -p "$out"
filled=$(mktemp -d)
trap 'rm -rf "$filled"' EXIT
for manager in homebrew winget; do
    mkdir "$filled/$manager"
    for template in "$root/packaging/$manager"/*; do
        missing=$(fill "$template" "$filled/$manager/$(basename "$template")") && continue
        echo "left out the files for $manager: $sums has no $missing" >&2
        continue 2
    done
    cp "$filled/$manager"/* "$out/"
done
