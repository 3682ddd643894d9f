#!/usr/bin/env bash
# Runs `rehearsal check scim` against three SCIM servers of other projects. It must finish,
# quote request and answer with each finding, and delete everything that it created.
# docs/interop/scim-servers.md says which findings are true.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/interop/lib.sh
[ -x "$rehearsal" ] || cargo build --quiet --locked -p rehearsal --features command
command -v python3 >/dev/null || skip "no Python 3 to read the reports with"
token=interop-token-$$

# Prints a port that is free now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# check NAME BASE — checks a server, then its report.
check() {
    local report=$interop/$1.json status=0
    timeout 150 "$rehearsal" check scim --base-url "$2" --token "$token" --json \
        --html "$interop/$1.html" >"$report" || status=$?
    [ "$status" -le 1 ] || { echo "$1: the check did not finish (exit $status)" >&2; return 1; }
    python3 scripts/interop/read_report.py "$1" "$report"
}

# profiles NAME BASE — judges a server by three lists and by the clients of providers, and prints what became
# of the requirements (docs/profiles.md).
profiles() {
    local profile report status
    for profile in okta-oin-scim-spec entra-gallery-scim scim-interop-02 \
        entra-client entra-2020-client okta-client okta-aiw-client pingone-client onelogin-client jumpcloud-client google-client; do
        report=$interop/$1-$profile.json status=0
        timeout 60 "$rehearsal" check scim --quiet --base-url "$2" --token "$token" \
            --profile "$profile" --json >"$report" 2>/dev/null || status=$?
        [ "$status" -le 1 ] || { echo "$1: $profile did not finish (exit $status)" >&2; return 1; }
        python3 -c 'import json, sys; print(sys.argv[2], *(json.load(open(sys.argv[1]))["profiles"][0][it] for it in ("name", "summary")))' "$report" "$1"
    done
}

if python_with 'scim2-server==0.8.3' 'scim2-models==0.12.3'; then
    port=$(free_port)
    log=$interop/scim2-server.log
    start "$(dirname "$python")/scim2-server" --port "$port" --bearer-token "$token"
    wait_for_url "http://127.0.0.1:$port/"
    check scim2-server "http://127.0.0.1:$port/v2"
    profiles scim2-server "http://127.0.0.1:$port/v2"
else
    echo "skipped: scim2-server can't be installed: no Python 3 with venv, or no PyPI"
fi

if node_with scimmy@1.3.5 scimmy-routers@1.3.2 express@4.21.2; then
    port=$(free_port)
    log=$interop/scimmy.log
    start node scripts/interop/scimmy-server.mjs "$node_folder" "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/"
    check scimmy "http://127.0.0.1:$port/scim"
    profiles scimmy "http://127.0.0.1:$port/scim"
else
    echo "skipped: SCIMMY can't be installed: no Node.js, or no npm"
fi

if python_with 'django-scim2==0.22.0' 'django==5.2'; then
    port=$(free_port)
    log=$interop/django-scim2.log
    start "$python" scripts/interop/django_scim/server.py "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/scim/v2/Users"
    check django-scim2 "http://127.0.0.1:$port/scim/v2"
else
    echo "skipped: django-scim2 can't be installed: no Python 3 with venv, or no PyPI"
fi
