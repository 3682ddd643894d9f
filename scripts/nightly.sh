#!/usr/bin/env bash
# Tests that take too long for every change: those of scripts/test.sh with races,
# kills and restarts, with many more rounds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

install_toolchain
install_postgresql

say() { printf '\n== %s\n' "$*"; }
target=${CARGO_TARGET_DIR:-target}/debug
features=()
! command -v xmlsec1 >/dev/null || features=(--features rehearsal-faults/xmlsec)
cargo build --quiet --workspace --all-targets --locked "${features[@]}"

say "dependencies that nothing uses"
if machete=$(find_machete); then
    "$machete"
else
    echo "skipped: cannot install cargo-machete"
fi

say "licenses, sources and known vulnerabilities of dependencies"
scripts/deny.sh --build

say "the bill of materials"
if cargo cyclonedx --version >/dev/null 2>&1; then
    scripts/release/bill_of_materials.py "${target%/debug}/rehearsal.cdx.json"
else
    echo "NOT CHECKED: the bill of materials: cargo install --locked cargo-cyclonedx"
fi

say "races of logins and SCIM on PostgreSQL, 200 rounds each"
REHEARSAL_RACE_ROUNDS=${REHEARSAL_RACE_ROUNDS:-200} "$target/test-postgres" \
    cargo test --workspace --locked "${features[@]}" --test portal races:: -- --test-threads 1

say "check sp --thorough: every variant of the faults at the portal"
REHEARSAL_VARIANTS=all cargo test --workspace --locked "${features[@]}" --test spaces --test check_sp

say "kills of the portal under load, 200 on each database"
export REHEARSAL_KILLS=${REHEARSAL_KILLS:-200}
cargo test --workspace --locked "${features[@]}" --test portal kills::
REHEARSAL_TEST_DATABASE=postgres "$target/test-postgres" \
    cargo test --workspace --locked "${features[@]}" --test portal kills::

say "scenarios on PostgreSQL"
# shellcheck disable=SC2016 # the wrapper expands the variable
"$target/test-postgres" sh -c '"$0" run --database-url "$REHEARSAL_TEST_POSTGRES_URL"' "$target/rehearsal"

say "fuzzing, a minute for each target"
scripts/fuzz.sh "${REHEARSAL_FUZZ_SECONDS:-60}"

say "random sequences of requests compared with models, 200 of each"
for database in sqlite postgres; do
    PROPTEST_CASES=${PROPTEST_CASES:-200} REHEARSAL_TEST_DATABASE=$database "$target/test-postgres" \
        cargo test --workspace --locked "${features[@]}" --test portal models::
done
PROPTEST_CASES=${PROPTEST_CASES:-200} \
    cargo test --workspace --locked "${features[@]}" --test targets models::

say "schemathesis on both OpenAPI documents"
SCHEMATHESIS_EXAMPLES=${SCHEMATHESIS_EXAMPLES:-100} scripts/interop/schemathesis.sh

say "check idp, check sp and check leaver on products of other projects, and on published vulnerabilities"
for script in scim-servers idps sps leaver holes oauth oauth-federation; do scripts/interop/$script.sh; done

say "instructions of single operations, compared with the baseline"
scripts/counts.sh

say "the portal at 70 % load with a disk that is full at times"
REHEARSAL_SOAK_SECONDS=${REHEARSAL_SOAK_SECONDS:-120} \
    cargo test --workspace --locked "${features[@]}" --test portal soak:: -- --nocapture

say "memory of each check at a target that hangs, drips or never ends: below 100 MB"
python3 scripts/check_memory.py "$target/rehearsal"

say "kills of the identity provider while it provisions 2,000 users"
REHEARSAL_CRASH_USERS=${REHEARSAL_CRASH_USERS:-2000} \
    cargo test --workspace --locked "${features[@]}" --test crash

say "installation on a bare Debian 12 without rustup"
scripts/install-check.sh

say "each crate built from its own package"
scripts/release/packages.sh

say "the release build, twice with the same bytes"
release=${target%/debug}/reproduced
scripts/release/reproduce.sh "$release"

say "the command for Windows, built here and run under Wine"
PROFILE=${REHEARSAL_WINDOWS_PROFILE:-dev} scripts/release/windows.sh

say "the image: size, read-only, without root, SIGTERM"
scripts/image-check.sh "$release"

say "docker-compose.yml in a Docker engine"
scripts/compose-check.sh "$release"

say "the image as a test container"
cargo test --manifest-path examples/testcontainers/Cargo.toml -- --nocapture
