#!/usr/bin/env bash
# Plays the whole guide once: installs what is missing, builds, plays, and writes
# a report.
#
#   scripts/demo.sh [REPORT.html]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh

install_toolchain
say_first_build
# Cargo's progress is shown, because the build takes minutes.
if ! cargo build --locked -p rehearsal --features command; then
    echo "cannot build: see the error above. If a download failed:" >&2
    proxy_hint
    exit 1
fi
exec "${CARGO_TARGET_DIR:-target}/debug/rehearsal" demo --html "${1:-rehearsal-demo.html}"
