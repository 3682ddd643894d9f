#!/usr/bin/env bash
# Compares the public API of the crates with that of the last release: an incompatible change needs
# a new major version (before 1.0.0: a new minor version). Needs cargo-semver-checks. Part of
# .github/workflows/release.yml; run it before you set the version.
set -euo pipefail
cd "$(dirname "$0")/../.."
last=$(git tag --list 'v*' --sort=-v:refname | grep -v -x "${GITHUB_REF_NAME:-}" | head -n 1 || true)
if [ -z "$last" ]; then
    echo "NOT CHECKED: compatibility of the crates: there is no former release (no tag v*)"
    exit 0
fi
if ! cargo semver-checks --version >/dev/null 2>&1; then
    echo "cannot run cargo-semver-checks; cargo install --locked cargo-semver-checks" >&2
    exit 1
fi
cargo semver-checks --workspace --exclude test-postgres --baseline-rev "$last"
