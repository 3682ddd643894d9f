#!/usr/bin/env bash
# Everything CI asks for: format, lints, dependencies, tests, scenarios.
# Installs what is missing first.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

jobs=()
say() { printf '\n== %s\n' "$*"; }

say "what is needed"
install_toolchain
# The second judge of signatures: its tests say "skipped" without it.
command -v xmlsec1 >/dev/null || install_packages xmlsec1 || echo "xmlsec1 is not to be had"
# Pages are tested in Chromium: those tests say "skipped" without it.
install_browser || echo "skipped: no chromium"

# The portal runs on PostgreSQL too. With CI set, a test without it fails.
install_postgresql || echo "skipped: no PostgreSQL"

# The book's commands are followed to the letter.
command -v jq >/dev/null || install_packages jq || echo "jq is not to be had"

say "format"
cargo fmt --all --check

say "spelling"
if typos=$(find_typos); then
    "$typos"
else
    echo "skipped: no typos"
fi

say "dependencies"
if cargo deny --version >/dev/null 2>&1; then
    cargo deny --offline check bans licenses sources
else
    echo "skipped: no cargo-deny"
fi
# scripts/nightly.sh builds it where it is not installed: two minutes.
if cargo machete --version >/dev/null 2>&1; then
    cargo machete
else
    echo "skipped: no cargo-machete (scripts/nightly.sh has it)"
fi

# One set of features for everything that follows: another set would build the
# dependencies again. With xmlsec1 there is a second judge of every signature.
features=()
if command -v xmlsec1 >/dev/null; then
    features=(--features faults/xmlsec)
else
    echo "skipped: two judges of every signature: no xmlsec1"
fi

# Lints and tests by one build: the lints' driver is a compiler too. `cargo
# clippy` apart would check every dependency a second time.
RUSTC_WORKSPACE_WRAPPER=$(rustup which clippy-driver 2>/dev/null || command -v clippy-driver)
export RUSTC_WORKSPACE_WRAPPER
export CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings

say "lints and tests"
cargo build --quiet --workspace --all-targets --locked "${features[@]}"
target=${CARGO_TARGET_DIR:-target}/debug
# One PostgreSQL server for all tests of a stage: a server of its own takes a
# test one or two seconds. Without PostgreSQL, each test says "skipped".
with_postgres() {
    if has_postgresql; then
        "$target/test-postgres" "$@"
    else
        "$@"
    fi
}
if cargo nextest --version >/dev/null 2>&1; then
    profile=default
    [ -z "${CI:-}" ] || profile=ci
    with_postgres cargo nextest run --workspace --locked --profile "$profile" "${features[@]}"
    cargo test --workspace --locked --doc --quiet "${features[@]}"
else
    with_postgres cargo test --workspace --locked "${features[@]}"
fi

say "the portal's tests on PostgreSQL"
portal_on_postgres() {
    export REHEARSAL_TEST_DATABASE=postgres
    if cargo nextest --version >/dev/null 2>&1; then
        # By the workspace, so that nothing is built again.
        with_postgres cargo nextest run --workspace --locked "${features[@]}" \
            -E 'package(sp) & binary(portal)'
    else
        with_postgres cargo test -p sp --test portal --locked "${features[@]}"
    fi
}
if [ -n "${CI:-}" ] || has_postgresql; then
    (portal_on_postgres)
else
    echo "skipped: no PostgreSQL"
fi
unset RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS
rehearsal=$target/rehearsal

# On PostgreSQL they are played by the test of the compose file's services.
say "scenarios"
"$rehearsal" run --junit "${REHEARSAL_JUNIT:-rehearsal-junit.xml}"
"$rehearsal" coverage

say "judged by others: a SCIM tester, SCIM servers, service providers"
# Each waits for downloads more than it works: side by side.
scripts=(scim2-tester scim-servers saml-sps)
for script in "${scripts[@]}"; do
    "scripts/interop/$script.sh" >"target/interop-$script.log" 2>&1 &
    jobs+=("$!")
done
failed=0
for number in "${!scripts[@]}"; do
    wait "${jobs[$number]}" || failed=1
    printf -- '-- %s\n' "${scripts[$number]}"
    cat "target/interop-${scripts[$number]}.log"
done
[ "$failed" = 0 ]

say "the book"
scripts/book.sh

# scripts/nightly.sh runs them; a lock file that is out of date is cheap to see.
say "fuzz targets: the lock file"
cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
