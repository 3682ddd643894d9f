#!/usr/bin/env bash
# Runs schemathesis, a property-based tester of other projects, on both OpenAPI documents:
# the portal's (/api/openapi.json) and the identity provider's (/v1/openapi.json).
# Fails on a server error, on an undocumented status, media type or body, and on an
# invalid request that is accepted.
#
# SCHEMATHESIS_EXAMPLES: number of cases of each operation and phase [default: 20].
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/interop/lib.sh

python_with 'schemathesis==4.32.5' ||
    skip "schemathesis can't be installed: no Python 3 with venv, or no PyPI"
command -v jq >/dev/null || skip "jq is not installed"
[ -x "$rehearsal" ] || cargo build --quiet --locked -p rehearsal --features command

folder=$interop/schemathesis
mkdir -p "$folder"
log=$folder/up.log
ready=$folder/ready.json
config=$folder/schemathesis.toml
rm -f "$ready"
start "$rehearsal" up --ready-file "$ready"
wait_for "$ready"

of() { jq --raw-output "$1" "$ready"; }
checks=not_a_server_error,status_code_conformance,content_type_conformance
checks=$checks,response_schema_conformance,negative_data_rejection
checks=$checks,unsupported_method,ignored_auth
failed=()

# check_document NAME URL OPTION… — one run; parameters come from $config.
check_document() {
    local name=$1 url=$2
    shift 2
    printf '\n== %s\n' "$name"
    # It stores its findings in the folder that it runs in.
    (cd "$folder" && "${python%python}schemathesis" --config-file "$config" run "$url" \
        --checks "$checks" --max-examples "${SCHEMATHESIS_EXAMPLES:-20}" \
        --phases examples,coverage,fuzzing --continue-on-failure --seed 1 \
        --request-timeout 30 --warnings off "$@" >"$folder/$name.txt" 2>&1) ||
        failed+=("$name")
    tail -n 40 "$folder/$name.txt"
}

portal=$(of .sp.base_url)
portal_document=$portal/api/openapi.json
scim=$(of .sp.scim_base_url)
tenant=${scim%/v2}
tenant=${tenant##*/}
cat >"$config" <<END
[parameters]
"path.tenant" = "$tenant"

[auth.openapi.scimToken]
bearer = "$(of .sp.scim_bearer_token)"
END
# SCIM first, because requests to the configurator can turn SCIM off.
check_document portal-scim "$portal_document" --include-path-regex '^/scim/'

jar=$folder/cookies.txt
rm -f "$jar"
of '.sp.admin_login | {email: .username, password}' |
    curl --silent --show-error --fail --output /dev/null --cookie-jar "$jar" \
        --header 'Content-Type: application/json' --data @- "$portal/api/session"
session=$(awk '$6 == "portal_session" { print $7 }' "$jar")
cat >"$config" <<END
[auth.openapi.session]
api_key = "$session"

# 502 is documented: the metadata URL cannot be reached.
[[operations]]
include-operation-id = "putApiBusinessIdpIntegrationSaml"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "502"]
END
# Without the logout, because later requests need the session.
check_document portal-api "$portal_document" --exclude-path-regex '^/scim/' \
    --exclude-operation-id deleteApiSession --exclude-operation-id deleteApiSessions

idp=$(of .idp.base_url)
idp_document=$idp/v1/openapi.json
authorization="Authorization: Bearer $(of .idp.admin_token)"
first() { # first PATH COLLECTION — the id of the first resource there.
    curl --silent --show-error --fail --header "$authorization" "$idp/v1$1" |
        jq --raw-output "._embedded.$2[0].id"
}
env=$(first /environments environments)
printf '[parameters]\n"path.env" = "%s"\n' "$env" >"$config"
check_document idp-delete "$idp_document" --include-method DELETE \
    --exclude-path '/environments/{env}' --header "$authorization"
{
    printf '"path.user" = "%s"\n' "$(first "/environments/$env/users" users)"
    printf '"path.application" = "%s"\n' "$(first "/environments/$env/applications" applications)"
    printf '"path.group" = "%s"\n' "$(first "/environments/$env/groups" groups)"
    printf '"path.store" = "%s"\n' "$(first "/environments/$env/propagation/stores" stores)"
    printf '"path.plan" = "%s"\n' "$(first "/environments/$env/propagation/plans" plans)"
} >>"$config"
check_document idp "$idp_document" --exclude-method DELETE --header "$authorization"

printf '\n'
grep -H -E 'Test cases:|cases generated|passed|failed' "$folder"/*.txt || true
[ "${#failed[@]}" -eq 0 ] || {
    echo "schemathesis found something in: ${failed[*]}" >&2
    exit 1
}
