#!/usr/bin/env bash
# scim-servers.sh [NAME…] — runs `rehearsal check scim` against SCIM servers of other projects. It
# must finish, quote request and answer with each finding, and delete everything that it created.
# docs/interop/scim-servers.md says which findings are true.
#
# SCIM Gateway runs from a folder with its source and its dependencies, which SCIMGATEWAY names, or
# from the npm registry.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/interop/lib.sh
[ -x "$rehearsal" ] || cargo build --quiet --locked -p rehearsal --features command
command -v python3 >/dev/null || skip "no Python 3 to read the reports with"
token=interop-token-$$
all_profiles='okta-oin-scim-spec okta-oin-scim-crud okta-oin-scim-manual okta-oin-entitlements
    entra-gallery-scim scim-interop-02 ipsie-al1 ipsie-al2
    entra-client entra-2020-client okta-client okta-aiw-client pingone-client onelogin-client
    jumpcloud-client google-client'
profiles=${INTEROP_PROFILES:-$all_profiles}
wanted=" $* "

# is_wanted NAME — true if the server is selected.
is_wanted() { [ "$wanted" = "  " ] || [[ $wanted == *" $1 "* ]]; }

# Prints a port that is free now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# check NAME BASE [keeps] — checks a server, then its report. `keeps`: the server does not delete all
# resources, and the report has to name them.
check() {
    local report=$interop/$1.json status=0
    timeout 300 "$rehearsal" check scim --base-url "$2" --token "$token" --json \
        --html "$interop/$1.html" >"$report" || status=$?
    [ "$status" -le 1 ] || { echo "$1: the check did not finish (exit $status)" >&2; return 1; }
    python3 scripts/interop/read_report.py "$1" "$report" "${@:3}"
}

# profiles NAME BASE — judges a server by every list and by the clients of providers, or by those that
# INTEROP_PROFILES names, and prints what became of the requirements (docs/profiles.md).
profiles() {
    local profile report status
    for profile in $profiles; do
        report=$interop/$1-$profile.json status=0
        timeout 150 "$rehearsal" check scim --quiet --base-url "$2" --token "$token" \
            --profile "$profile" --json >"$report" 2>/dev/null || status=$?
        [ "$status" -le 1 ] || { echo "$1: $profile did not finish (exit $status)" >&2; return 1; }
        python3 -c 'import json, sys; print(sys.argv[2], *(json.load(open(sys.argv[1]))["profiles"][0][it] for it in ("name", "summary")))' "$report" "$1"
    done
}

if ! is_wanted scim2-server; then :
elif python_with 'scim2-server==0.8.3' 'scim2-models==0.12.3'; then
    port=$(free_port)
    log=$interop/scim2-server.log
    start "$(dirname "$python")/scim2-server" --port "$port" --bearer-token "$token"
    wait_for_url "http://127.0.0.1:$port/"
    check scim2-server "http://127.0.0.1:$port/v2"
    profiles scim2-server "http://127.0.0.1:$port/v2"
else
    echo "skipped: scim2-server can't be installed: no Python 3 with venv, or no PyPI"
fi

if ! is_wanted scimmy; then :
elif node_with scimmy@1.3.5 scimmy-routers@1.3.2 express@4.21.2; then
    port=$(free_port)
    log=$interop/scimmy.log
    start node scripts/interop/scimmy-server.mjs "$node_folder" "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/"
    check scimmy "http://127.0.0.1:$port/scim"
    profiles scimmy "http://127.0.0.1:$port/scim"
else
    echo "skipped: SCIMMY can't be installed: no Node.js, or no npm"
fi

if ! is_wanted django-scim2; then :
elif python_with 'django-scim2==0.23.0' 'django==5.2.19'; then
    port=$(free_port)
    log=$interop/django-scim2.log
    start "$python" scripts/interop/django_scim/server.py "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/scim/v2/Users"
    check django-scim2 "http://127.0.0.1:$port/scim/v2"
else
    echo "skipped: django-scim2 can't be installed: no Python 3 with venv, or no PyPI"
fi

if ! is_wanted jackson; then :
# Its scripts compile a driver of SQLite, which the storage in memory doesn't need.
elif node_with --ignore-scripts @boxyhq/saml-jackson@26.2.0; then
    port=$(free_port)
    log=$interop/jackson.log
    start node scripts/interop/scim_servers/jackson-server.mjs "$node_folder" "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/"
    check jackson "http://127.0.0.1:$port/scim/v2" keeps
    profiles jackson "http://127.0.0.1:$port/scim/v2"
else
    echo "skipped: SAML Jackson can't be installed: no Node.js, or no npm"
fi

# The newest scim2-models with which this version of Canaille works is 0.9.0.
if ! is_wanted canaille; then :
elif python_with 'canaille[front,oidc,scim]==0.3.6' 'scim2-models==0.9.0'; then
    port=$(free_port)
    log=$interop/canaille.log
    start "$python" scripts/interop/scim_servers/canaille_server.py "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/"
    check canaille "http://127.0.0.1:$port/scim/v2"
    profiles canaille "http://127.0.0.1:$port/scim/v2"
else
    echo "skipped: Canaille can't be installed: no Python 3 with venv, or no PyPI"
fi

if ! is_wanted django-scim2-server; then :
elif python_with 'django-scim2-server==1.1.0' 'scim2-models==0.12.3' 'django==5.2.19'; then
    port=$(free_port)
    log=$interop/django-scim2-server.log
    start "$python" scripts/interop/scim_servers/django_server.py "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/scim/v2/Users"
    check django-scim2-server "http://127.0.0.1:$port/scim/v2" keeps
    profiles django-scim2-server "http://127.0.0.1:$port/scim/v2"
else
    echo "skipped: django-scim2-server can't be installed: no Python 3 with venv, or no PyPI"
fi

# @better-auth/scim 1.7.5 is the newest, and works with better-auth 1.7.5 only.
if ! is_wanted better-auth; then :
elif node_with better-auth@1.7.5 @better-auth/core@1.7.5 @better-auth/scim@1.7.5 bun@1.4.5; then
    port=$(free_port)
    log=$interop/better-auth.log
    start "$node_folder/node_modules/.bin/bun" scripts/interop/scim_servers/better-auth-server.mjs "$node_folder" "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/"
    check better-auth "http://127.0.0.1:$port/api/auth/scim/v2"
    profiles better-auth "http://127.0.0.1:$port/api/auth/scim/v2"
else
    echo "skipped: Better Auth can't be installed: no Node.js, or no npm"
fi

if ! is_wanted authub; then :
elif python_with authub==0.0.5 uvicorn==0.54.0; then
    port=$(free_port)
    log=$interop/authub.log
    start "$python" scripts/interop/scim_servers/authub_server.py "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/"
    check authub "http://127.0.0.1:$port/scim/v2" may-keep
    profiles authub "http://127.0.0.1:$port/scim/v2"
else
    echo "skipped: authub can't be installed: no Python 3.11 with venv, or no PyPI"
fi

if ! is_wanted mitol-django-scim; then :
elif python_with mitol-django-scim==2026.10.9 django-scim2==0.23.0 django==5.2.19; then
    port=$(free_port)
    log=$interop/mitol-django-scim.log
    start "$python" scripts/interop/scim_servers/mitol_server.py "$port" "$token"
    wait_for_url "http://127.0.0.1:$port/scim/v2/Users"
    check mitol-django-scim "http://127.0.0.1:$port/scim/v2" keeps
    profiles mitol-django-scim "http://127.0.0.1:$port/scim/v2"
else
    echo "skipped: mitol-django-scim can't be installed: no Python 3.11 with venv, or no PyPI"
fi

# The package does not start on Python 3.11 and older.
newer_python() {
    local one
    for one in python3 python3.14 python3.13 python3.12; do
        "$one" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo "$one" && return
    done
    return 1
}

if ! is_wanted mlflow-oidc-auth; then :
elif python3=$(newer_python) && python_with mlflow-oidc-auth==11.0.2; then
    port=$(free_port)
    log=$interop/mlflow-oidc-auth.log
    rm -f "$interop/mlflow.token"
    start "$python" scripts/interop/scim_servers/mlflow_server.py "$port" "$interop/mlflow.token"
    wait_for "$interop/mlflow.token"
    own_token=$token token=$(cat "$interop/mlflow.token")
    wait_for_url "http://127.0.0.1:$port/"
    check mlflow-oidc-auth "http://127.0.0.1:$port/scim/v2"
    profiles mlflow-oidc-auth "http://127.0.0.1:$port/scim/v2"
    token=$own_token
else
    echo "skipped: mlflow-oidc-auth can't be installed: no Python 3.12 with venv, or no PyPI"
fi

# scimgateway — starts SCIM Gateway with plugin-loki in memory; fails if there is none.
scimgateway() {
    local folder=${SCIMGATEWAY:-}
    if [ -z "$folder" ]; then
        SCIMGATEWAY_POSTINSTALL_SKIP=1 node_with bun@1.4.5 scimgateway@6.1.18 2>/dev/null || return 1
        folder=$node_folder/node_modules/scimgateway
    else
        node_with bun@1.4.5 || return 1
    fi
    local private=$interop/scimgateway
    rm -rf "$private"
    mkdir -p "$private"
    cp -r "$folder/lib" "$folder/config" "$folder/package.json" "$private"
    local modules=$folder/node_modules
    [ -d "$modules" ] || modules=$(dirname "$folder")
    mkdir "$private/node_modules"
    ln -s "$modules"/* "$private/node_modules"
    # The plugin imports the package by its name.
    ln -sfn "$private" "$private/node_modules/scimgateway"
    python3 scripts/interop/scim_servers/scimgateway_config.py "$private/config/plugin-loki.json" "$port" "$token"
    start "$node_folder/node_modules/.bin/bun" "$private/lib/plugin-loki.ts"
}

port=$(free_port)
log=$interop/scimgateway.log
if ! is_wanted scimgateway; then :
elif scimgateway; then
    wait_for_url "http://127.0.0.1:$port/"
    check scimgateway "http://127.0.0.1:$port" keeps
    profiles scimgateway "http://127.0.0.1:$port"
else
    echo "skipped: SCIM Gateway can't be installed: no npm, or not in the registry; SCIMGATEWAY names a folder with its source"
fi
