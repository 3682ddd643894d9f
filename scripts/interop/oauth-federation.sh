#!/usr/bin/env bash
# Runs the SCIM-OAUTH checks with a client that authenticates by the JWTs of another issuer (workload
# identity federation), an authorization server made with Authlib, and Rehearsal's portal as SCIM
# server. docs/interop/oauth.md says which findings are true.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/interop/lib.sh
[ -x "$rehearsal" ] || cargo build --quiet --locked -p rehearsal --features command
command -v openssl >/dev/null || skip "no openssl to make a key with"
command -v jq >/dev/null || skip "no jq"
python_with authlib==1.9.10 flask==3.1.3 cryptography==50.0.2 joserfc==1.8.0 ||
    skip "Authlib can't be installed: no Python 3, or no pip"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

work=$interop/oauth-federation
mkdir -p "$work"
rm -f "$work/ready.json"
log=$work/up.log
start "$rehearsal" up --ready-file "$work/ready.json"
wait_for "$work/ready.json"
base=$(jq -r .sp.scim_base_url "$work/ready.json")
portal=$(jq -r .sp.base_url "$work/ready.json")

# The other issuer: only its key is needed.
federated=https://ci.example
subject=repo:corp/directory:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/issuer.pem" 2>/dev/null
python3 - "$work" <<'PYTHON'
import base64, json, subprocess, sys

work = sys.argv[1]
der = subprocess.run(["openssl", "pkey", "-in", f"{work}/issuer.pem", "-pubout", "-outform", "DER"],
                     capture_output=True, check=True).stdout
part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
jwk = {"kty": "EC", "crv": "P-256", "kid": "k1", "x": part(der[-64:-32]), "y": part(der[-32:])}
json.dump(jwk, open(f"{work}/issuer.jwk", "w"))
PYTHON

port=$(free_port)
issuer=http://127.0.0.1:$port
log=$work/authlib.log
# Authlib refuses http:// without this variable.
start env AUTHLIB_INSECURE_TRANSPORT=1 "$python" scripts/interop/authlib-server.py "$port" "$base" \
    https://other.example/api "$work/issuer.jwk" "$federated" "$subject"
wait_for_url "$issuer/.well-known/oauth-authorization-server"

jq '.sp.admin_login | {email: .username, password}' "$work/ready.json" |
    curl -fsS -c "$work/cookies" -H 'Content-Type: application/json' -d @- "$portal/api/session" >/dev/null
jq -n --arg issuer "$issuer" --arg scim "$base" \
    '{issuer: $issuer, audience: $scim, clients: ["federated", "expired", "other"], scope: "scim"}' |
    curl -fsS -b "$work/cookies" -H 'Content-Type: application/json' -d @- \
        "$portal/api/business/idp-integration/scim/issuers" >/dev/null

# token CLIENT — an access token of this client, with a JWT of the other issuer.
token() {
    local jwt
    jwt=$("$python" - "$work/issuer.pem" "$federated" "$subject" "$issuer/token" <<'PYTHON'
import sys, time, uuid
from joserfc import jwk, jwt

pem, issuer, subject, audience = sys.argv[1:5]
now = int(time.time())
claims = {"iss": issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + 60, "jti": uuid.uuid4().hex}
print(jwt.encode({"alg": "ES256"}, claims, jwk.import_key(open(pem).read(), "EC")))
PYTHON
    )
    curl -fsS -d grant_type=client_credentials -d "client_id=$1" -d scope=scim -d "client_assertion=$jwt" \
        -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer "$issuer/token" |
        jq -r .access_token
}
token expired >"$work/expired.token"
token other >"$work/other.token"

report=$work/report.json status=0
timeout 150 "$rehearsal" check scim --base-url "$base" --oauth-issuer "$issuer" --client-id federated \
    --federated-issuer "$federated" --federated-subject "$subject" --client-key "$work/issuer.pem" \
    --client-key-id k1 --scope scim --other-audience-token-file "$work/other.token" \
    --expired-token-file "$work/expired.token" --only SCIM-OAUTH- --only SCIM-AUTH- --only SCIM-CLEAN- \
    --json --html "$work/report.html" >"$report" || status=$?
[ "$status" -le 1 ] || { cat "$report"; echo "the check did not finish (exit $status)" >&2; exit 1; }
python3 scripts/interop/read_report.py "Authlib, federation" "$report"
