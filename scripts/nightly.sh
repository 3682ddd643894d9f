#!/usr/bin/env bash
# What takes too long for each change: the tests of scripts/test.sh that race,
# kill and restart, with many more rounds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

install_toolchain
install_postgresql

say() { printf '\n== %s\n' "$*"; }
target=${CARGO_TARGET_DIR:-target}/debug
features=()
! command -v xmlsec1 >/dev/null || features=(--features faults/xmlsec)
cargo build --quiet --workspace --all-targets --locked "${features[@]}"

say "races of logins and SCIM on PostgreSQL, 200 rounds each"
REHEARSAL_RACE_ROUNDS=${REHEARSAL_RACE_ROUNDS:-200} "$target/test-postgres" \
    cargo test --workspace --locked "${features[@]}" --test portal races:: -- --test-threads 1
