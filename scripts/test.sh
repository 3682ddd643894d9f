#!/usr/bin/env bash
# Everything CI asks for: format, lints, dependencies, tests, scenarios.
# Installs what is missing first.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

say() { printf '\n== %s\n' "$*"; }

say "what is needed"
install_toolchain
# The second judge of signatures: its tests say "skipped" without it.
command -v xmlsec1 >/dev/null || install_packages xmlsec1 || echo "xmlsec1 is not to be had"
# Pages are tested in Chromium: those tests say "skipped" without it.
install_browser || echo "skipped: no chromium"

# The book's commands are followed to the letter.
command -v jq >/dev/null || install_packages jq || echo "jq is not to be had"

say "format"
cargo fmt --all --check

say "clippy"
cargo clippy --quiet --workspace --all-targets --locked -- -D warnings

say "dependencies"
if cargo deny --version >/dev/null 2>&1; then
    cargo deny --offline check bans licenses sources
else
    echo "skipped: no cargo-deny"
fi

# One set of features for everything that follows: another set would build the
# dependencies again. With xmlsec1 there is a second judge of every signature.
features=()
if command -v xmlsec1 >/dev/null; then
    features=(--features faults/xmlsec)
else
    echo "skipped: two judges of every signature: no xmlsec1"
fi

say "tests"
if cargo nextest --version >/dev/null 2>&1; then
    profile=default
    [ -z "${CI:-}" ] || profile=ci
    cargo nextest run --workspace --locked --profile "$profile" "${features[@]}"
    cargo test --workspace --locked --doc --quiet "${features[@]}"
else
    cargo test --workspace --locked "${features[@]}"
fi
rehearsal=${CARGO_TARGET_DIR:-target}/debug/rehearsal

say "scenarios"
"$rehearsal" run --junit "${REHEARSAL_JUNIT:-rehearsal-junit.xml}"
"$rehearsal" coverage

say "somebody else's SCIM tester, and somebody else's SCIM servers"
scripts/interop/scim2-tester.sh
scripts/interop/scim-servers.sh

say "foreign service providers at the mock IdP"
scripts/interop/saml-sps.sh

say "the book"
scripts/book.sh

say "fuzzing, briefly"
scripts/fuzz.sh "${REHEARSAL_FUZZ_SECONDS:-5}"
