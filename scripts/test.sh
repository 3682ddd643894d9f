#!/usr/bin/env bash
# Everything that CI runs: format, lints, dependencies, tests, scenarios.
# Installs what is missing first.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

jobs=()
trap '[ "${#jobs[@]}" = 0 ] || kill "${jobs[@]}" 2>/dev/null || true' EXIT
# With the seconds since the start, because CI has a time limit.
say() { printf '\n== %s (after %d s)\n' "$*" "$SECONDS"; }

say "install what is missing"
install_toolchain
# A second implementation of signatures; without it, its tests are skipped.
command -v xmlsec1 >/dev/null || install_packages xmlsec1 || echo "cannot install xmlsec1"
# Pages are tested in Chromium; without it, these tests are skipped.
install_browser || echo "skipped: no chromium"

# The portal runs on PostgreSQL too. With CI set, a test without it fails.
install_postgresql || echo "skipped: no PostgreSQL"

# The book's commands are run, and some of them use jq.
command -v jq >/dev/null || install_packages jq || echo "cannot install jq"

say "format"
cargo fmt --all --check

say "spelling"
if typos=$(find_typos); then
    "$typos"
else
    echo "skipped: no typos"
fi

say "dependencies"
scripts/deny.sh
# scripts/nightly.sh builds it where it is not installed: two minutes.
if cargo machete --version >/dev/null 2>&1; then
    cargo machete
else
    echo "skipped: no cargo-machete (scripts/nightly.sh has it)"
fi

# The same set of features for everything that follows, because another set would
# build the dependencies again. With xmlsec1, every signature is verified twice.
features=()
if command -v xmlsec1 >/dev/null; then
    features=(--features rehearsal-faults/xmlsec)
else
    echo "skipped: verification of every signature by xmlsec1: not installed"
fi

# Lints and tests in one build, because clippy's driver is a compiler too. A
# separate `cargo clippy` would check every dependency a second time.
RUSTC_WORKSPACE_WRAPPER=$(rustup which clippy-driver 2>/dev/null || command -v clippy-driver)
export RUSTC_WORKSPACE_WRAPPER
export CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings

say "lints and tests"
cargo build --quiet --workspace --all-targets --locked "${features[@]}"
target=${CARGO_TARGET_DIR:-target}/debug
# The same random inputs at each run, so that only a change can turn a test red.
# scripts/nightly.sh looks for others.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-20260301}
# One PostgreSQL server for all tests of a stage, because starting one takes one or
# two seconds. Without PostgreSQL, each of these tests is skipped.
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

# In the background, because they mostly wait for downloads. The results follow at the end.
scripts=(scim2-tester scim-servers saml-sps)
# scripts/nightly.sh has every server and every profile.
export INTEROP_PROFILES='okta-oin-scim-spec entra-gallery-scim scim-interop-02 entra-client google-client'
servers=(scim2-server scimmy jackson canaille django-scim2 django-scim2-server)
for script in "${scripts[@]}"; do
    chosen=()
    [ "$script" != scim-servers ] || chosen=("${servers[@]}")
    "scripts/interop/$script.sh" "${chosen[@]}" >"target/interop-$script.log" 2>&1 &
    jobs+=("$!")
done

say "the portal's tests on PostgreSQL"
portal_on_postgres() {
    export REHEARSAL_TEST_DATABASE=postgres
    if cargo nextest --version >/dev/null 2>&1; then
        # By the workspace, so that nothing is built again.
        with_postgres cargo nextest run --workspace --locked "${features[@]}" \
            -E 'package(rehearsal-sp) & binary(portal)'
    else
        with_postgres cargo test -p rehearsal-sp --test portal --locked "${features[@]}"
    fi
}
if [ -n "${CI:-}" ] || has_postgresql; then
    (portal_on_postgres)
else
    echo "skipped: no PostgreSQL"
fi
unset RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS
rehearsal=$target/rehearsal

# The test of the compose file's services runs them on PostgreSQL.
say "scenarios"
"$rehearsal" run --junit "${REHEARSAL_JUNIT:-rehearsal-junit.xml}"
"$rehearsal" coverage

say "the book"
scripts/book.sh

# scripts/nightly.sh builds them; here only their files are checked.
say "packages of the crates"
scripts/release/packages.sh --list 2>/dev/null || scripts/release/packages.sh --list

# scripts/nightly.sh compiles and runs it: its dependencies take more than a minute.
say "the module for Testcontainers: the lock file"
cargo metadata --locked --format-version 1 --manifest-path examples/testcontainers/Cargo.toml >/dev/null

say "products of other projects: a SCIM tester, SCIM servers, service providers"
failed=0
for number in "${!scripts[@]}"; do
    wait "${jobs[$number]}" || failed=1
    printf -- '-- %s\n' "${scripts[$number]}"
    cat "target/interop-${scripts[$number]}.log"
done
jobs=()
[ "$failed" = 0 ]

# scripts/nightly.sh runs the targets; here only the lock file is checked.
say "fuzz targets: the lock file"
cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
