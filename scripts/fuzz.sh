#!/usr/bin/env bash
# Fuzzes every target, or those that are named, for SECONDS each (default 600).
# The messages of the fault catalogue are the first inputs:
#
#   scripts/fuzz.sh [SECONDS [TARGET…]]
#
# `cargo fuzz run TARGET` works too. This script sets the flags itself, so that
# nothing has to be installed, and a short run needs no optimized build, which
# would take longer than it saves.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true

# Normally built together with the tests; built here if it is missing.
seeds=${CARGO_TARGET_DIR:-target}/debug/examples/seeds
[ -x "$seeds" ] || cargo build --quiet --locked -p rehearsal-faults --example seeds
"$seeds" fuzz/corpus

targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"|\1|p' fuzz/Cargo.toml)

profile=release
[ "$seconds" -ge 60 ] || profile=dev
host=$(rustc -vV | sed -n 's/^host: //p')
built=fuzz/target/$host/$([ "$profile" = dev ] && echo debug || echo release)
# Flags that the nightly compiler needs; the stable one accepts them too.
RUSTC_BOOTSTRAP=1 CARGO_PROFILE_DEV_DEBUG=none \
    CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true \
    RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table" \
    cargo build --quiet --locked --manifest-path fuzz/Cargo.toml --target-dir fuzz/target \
    --target "$host" --profile "$profile" --bins

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    echo "-- $target, $seconds s"
    if ! "$built/$target" "fuzz/corpus/$target" -artifact_prefix="fuzz/artifacts/$target/" \
        -max_total_time="$seconds" -timeout=20 -print_final_stats=1 >"$log" 2>&1; then
        grep -E "ERROR|SUMMARY|panicked" "$log" || tail -n 20 "$log"
        echo "$target: see fuzz/artifacts/$target"
        exit 1
    fi
    grep "stat::number_of_executed_units" "$log"
done
