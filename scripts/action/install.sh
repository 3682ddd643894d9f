#!/usr/bin/env bash
# The step "install" of action.yml: downloads the binary of a release of the
# action's repository, compares its checksum, and adds it to the PATH.
set -euo pipefail

fail() {
    echo "::error title=Rehearsal::$*"
    exit 2
}

case $RUNNER_OS-$RUNNER_ARCH in
    Linux-X64) target=x86_64-unknown-linux-gnu ;;
    Linux-ARM64) target=aarch64-unknown-linux-gnu ;;
    macOS-X64) target=x86_64-apple-darwin ;;
    macOS-ARM64) target=aarch64-apple-darwin ;;
    Windows-X64) target=x86_64-pc-windows-msvc ;;
    *) fail "no release for $RUNNER_OS on $RUNNER_ARCH; build it with 'cargo install' and set the input binary" ;;
esac
version=${ACTION_VERSION:-${GITHUB_ACTION_REF:-}}
[ -n "$version" ] || fail "set the input version: the action is not used by a tag"
archive=rehearsal-$target.tar.gz
folder=$RUNNER_TEMP/rehearsal-$version
mkdir -p "$folder"
gh release download "$version" --repo "$GITHUB_ACTION_REPOSITORY" --dir "$folder" --clobber \
    --pattern "$archive" --pattern SHA256SUMS ||
    fail "release $version of $GITHUB_ACTION_REPOSITORY not found, or without $archive; set the input version to a release"
cd "$folder"
grep -F " $archive" SHA256SUMS >expected || fail "SHA256SUMS of $version does not name $archive"
if command -v sha256sum >/dev/null; then
    sha256sum --check --quiet expected || fail "the checksum of $archive does not match SHA256SUMS"
else
    shasum -a 256 --check --quiet expected || fail "the checksum of $archive does not match SHA256SUMS"
fi
tar -xzf "$archive"
echo "$folder/rehearsal-$target" >>"$GITHUB_PATH"
