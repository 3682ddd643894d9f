#!/usr/bin/env bash
# Everything CI asks for: format, lints, dependencies, tests, scenarios.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=default
[ -n "${CI:-}" ] && profile=ci

say() { printf '\n== %s\n' "$*"; }

say "format"
cargo fmt --all --check

say "clippy"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "dependencies"
if cargo deny --version >/dev/null 2>&1; then
    cargo deny --offline check bans licenses sources
else
    echo "skipped: no cargo-deny"
fi

say "tests"
cargo nextest run --workspace --locked --profile "$profile"
cargo test --workspace --locked --doc --quiet

say "scenarios"
cargo run --quiet --locked --bin rehearsal -- run --junit target/rehearsal.junit.xml
cargo run --quiet --locked --bin rehearsal -- coverage
