#!/usr/bin/env bash
# Runs the SCIM-OAUTH checks with oidc-provider as authorization server and Rehearsal's portal as
# SCIM server, once for each way of client authentication. docs/interop/oauth.md says which findings
# are true.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/interop/lib.sh
[ -x "$rehearsal" ] || cargo build --quiet --locked -p rehearsal --features command
command -v python3 >/dev/null || skip "no Python 3 to read the reports with"
command -v openssl >/dev/null || skip "no openssl to make a key with"
command -v jq >/dev/null || skip "no jq"
node_with oidc-provider@9.13.3 || skip "oidc-provider can't be installed: no Node.js, or no npm"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

work=$interop/oauth
mkdir -p "$work"
rm -f "$work/ready.json"
log=$work/up.log
start "$rehearsal" up --ready-file "$work/ready.json"
wait_for "$work/ready.json"
base=$(jq -r .sp.scim_base_url "$work/ready.json")
portal=$(jq -r .sp.base_url "$work/ready.json")

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/client.pem" 2>/dev/null
python3 - "$work" <<'PYTHON'
import base64, json, subprocess, sys

work = sys.argv[1]
der = subprocess.run(["openssl", "pkey", "-in", f"{work}/client.pem", "-pubout", "-outform", "DER"],
                     capture_output=True, check=True).stdout
part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
jwk = {"kty": "EC", "crv": "P-256", "kid": "k1", "x": part(der[-64:-32]), "y": part(der[-32:])}
secret = "a-secret-of-enough-length-for-hs256"
clients = []
for name, method in [("basic", "client_secret_basic"), ("post", "client_secret_post"),
                     ("secret-jwt", "client_secret_jwt"), ("key-jwt", "private_key_jwt"),
                     ("other", "client_secret_post")]:
    client = {"client_id": name, "token_endpoint_auth_method": method, "redirect_uris": [],
              "response_types": [], "grant_types": ["client_credentials"], "scope": "scim"}
    client |= {"jwks": {"keys": [jwk]}} if name == "key-jwt" else {"client_secret": secret}
    clients.append(client)
json.dump(clients, open(f"{work}/clients.json", "w"))
open(f"{work}/client.secret", "w").write(secret)
PYTHON

port=$(free_port)
issuer=http://127.0.0.1:$port
log=$work/oidc-provider.log
start node scripts/interop/oidc-provider.mjs "$node_folder" "$port" "$base" \
    https://other.example/api "$work/clients.json"
wait_for_url "$issuer/.well-known/openid-configuration"

jq '.sp.admin_login | {email: .username, password}' "$work/ready.json" |
    curl -fsS -c "$work/cookies" -H 'Content-Type: application/json' -d @- "$portal/api/session" >/dev/null
jq -n --arg issuer "$issuer" --arg scim "$base" \
    '{issuer: $issuer, audience: $scim, clients: ["basic", "post", "secret-jwt", "key-jwt"], scope: "scim"}' |
    curl -fsS -b "$work/cookies" -H 'Content-Type: application/json' -d @- \
        "$portal/api/business/idp-integration/scim/issuers" >/dev/null

curl -fsS -d grant_type=client_credentials -d client_id=other -d scope=scim \
    --data-urlencode "client_secret@$work/client.secret" "$issuer/token" |
    jq -r .access_token >"$work/other.token"

# check NAME OPTION… — checks with this way of client authentication, then its report.
check() {
    local name=$1 report=$work/$1.json status=0
    shift
    timeout 150 "$rehearsal" check scim --base-url "$base" --oauth-issuer "$issuer" \
        --client-id "$name" --scope scim --other-audience-token-file "$work/other.token" \
        --only SCIM-OAUTH- --only SCIM-AUTH- --only SCIM-CLEAN- --json --html "$work/$name.html" \
        "$@" >"$report" || status=$?
    [ "$status" -le 1 ] || { cat "$report"; echo "$name: the check did not finish (exit $status)" >&2; return 1; }
    python3 scripts/interop/read_report.py "oidc-provider, $name" "$report"
}

check basic --client-secret-file "$work/client.secret"
check post --client-auth secret-post --client-secret-file "$work/client.secret"
check secret-jwt --client-auth secret-jwt --client-secret-file "$work/client.secret" --assertion-audience "$issuer"
check key-jwt --client-key "$work/client.pem" --client-key-id k1 --assertion-audience "$issuer"

# The requirements of marketplaces and working groups about the client's authentication.
client_requirements() {
    local name=$1 report=$work/$1-profiles.json status=0
    shift
    timeout 150 "$rehearsal" check scim --quiet --base-url "$base" --oauth-issuer "$issuer" \
        --client-id "$name" --scope scim --profile ipsie-al1,entra-gallery-scim --json "$@" \
        >"$report" || status=$?
    [ "$status" -le 1 ] || { echo "$name: the profiles did not finish (exit $status)" >&2; return 1; }
    jq -r --arg name "$name" '.profiles[] | .name as $profile | .requirements[]
        | select([.checks[] | test("OAUTH|PROFILE-1[57-9]")] | any)
        | "\($name), \($profile): \(.verdict) \(.id) \(.reason // "")"' "$report"
}

client_requirements basic --client-secret-file "$work/client.secret"
client_requirements key-jwt --client-key "$work/client.pem" --client-key-id k1 --assertion-audience "$issuer"
