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
# Built with the tests; alone it is built here.
seeds=${CARGO_TARGET_DIR:-target}/debug/examples/seeds
[ -x "$seeds" ] || cargo build --quiet --locked -p faults --example seeds
"$seeds" fuzz/corpus

# cargo-fuzz wants flags of the nightly compiler; the stable one has them too.
export RUSTC_BOOTSTRAP=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cargo fuzz build --fuzz-dir fuzz --sanitizer none >"$log" 2>&1; then
    tail -n 30 "$log"
    exit 1
fi
for target in $(cargo fuzz list --fuzz-dir fuzz); do
    mkdir -p "fuzz/corpus/$target"
    echo "-- $target, $seconds s"
    if ! cargo fuzz run --fuzz-dir fuzz --sanitizer none "$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=20 -print_final_stats=1 >"$log" 2>&1; then
        grep -E "ERROR|SUMMARY|panicked" "$log" || tail -n 20 "$log"
        echo "$target: see fuzz/artifacts/$target"
        exit 1
    fi
    grep "stat::number_of_executed_units" "$log"
done
