#!/usr/bin/env bash
# Fuzzes every target for some seconds (default 600), seeded with what the
# catalogue of faults delivers.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}

if ! cargo fuzz --version >/dev/null 2>&1; then
    cargo install cargo-fuzz --locked --quiet || {
        echo "skipped: no cargo-fuzz"
        exit 0
    }
fi
# cargo-fuzz wants flags of the nightly compiler; the stable one has them too.
export RUSTC_BOOTSTRAP=1
cargo run --quiet --locked -p faults --example seeds -- fuzz/corpus
for target in $(cargo fuzz list --fuzz-dir fuzz); do
    mkdir -p "fuzz/corpus/$target"
    echo "-- $target, $seconds s"
    cargo fuzz run --fuzz-dir fuzz --sanitizer none "$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=20 -print_final_stats=1 2>&1 |
        grep -E "stat::number_of_executed_units|ERROR|SUMMARY|panicked" || true
    if ls "fuzz/artifacts/$target"/* >/dev/null 2>&1; then
        echo "$target: found $(ls "fuzz/artifacts/$target")"
        exit 1
    fi
done
