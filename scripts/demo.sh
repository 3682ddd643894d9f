#!/usr/bin/env bash
# The whole guide, once: installs what is missing, builds, plays it, leaves a
# report.
#
#   scripts/demo.sh [REPORT.html]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

install_toolchain
cargo build --quiet --locked -p rehearsal --features command
cargo run --quiet --locked -p rehearsal --features command -- demo --html "${1:-rehearsal-demo.html}"
