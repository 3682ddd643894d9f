#!/usr/bin/env bash
# The whole guide, once: builds, plays it, leaves a report.
#
#   scripts/demo.sh [REPORT.html]
set -euo pipefail
cd "$(dirname "$0")/.."

report=${1:-rehearsal-demo.html}
cargo build --quiet --locked --bin rehearsal
cargo run --quiet --locked --bin rehearsal -- demo --html "$report"
