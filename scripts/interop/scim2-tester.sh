#!/usr/bin/env bash
# Runs scim2-tester, a conformance tester of other projects, against Rehearsal's portal.
# Errors and critical results make it fail; deviations are only printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/interop/lib.sh

python_with 'scim2-tester==0.5.2' 'scim2-client[httpx2]==0.13.2' 'scim2-models==0.12.3' ||
    skip "scim2-tester can't be installed: no Python 3 with venv, or no PyPI"
[ -x "$rehearsal" ] || cargo build --quiet --locked -p rehearsal --features command

log=$interop/up.log
ready=$interop/ready-tester.json
rm -f "$ready"
start "$rehearsal" up --ready-file "$ready"
wait_for "$ready"
"$python" scripts/interop/run_scim2_tester.py "$ready"
