#!/usr/bin/env bash
# Runs `rehearsal check leaver` against applications made of packages of other projects: Django with
# djangosaml2, django-scim2 and Django REST framework; and python3-saml next to scim2-server,
# which share no data. Each run must complete with exactly the findings of
# docs/interop/leaver.md.
# Usage: scripts/interop/leaver.sh [name …]
# Needs: python3 with venv, openssl, xmlsec1. An application for which something is missing is
# skipped with a message. The reports are written to INTEROP_OUT. INTEROP_PROFILE=NAME runs the checks
# of a profile instead, and prints what became of its requirements.
set -uo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/scripts/interop
. scripts/interop/lib.sh
[ -x "$rehearsal" ] || cargo build -q -p rehearsal --features command || exit 2
out=${INTEROP_OUT:-$interop/leaver}
mkdir -p "$out"
token=interop-token-$$
echo "$token" >"$out/token"
failed=0
profile=(${INTEROP_PROFILE:+--profile "$INTEROP_PROFILE"})
# A profile allows five minutes.
limit=3
[ "${#profile[@]}" -eq 0 ] || limit=300

# prepare NAME PORT: writes the metadata of the played identity provider.
prepare() {
  "$rehearsal" check leaver --prepare --idp-port "$2" --idp-metadata-out "$out/$1-idp.xml" >/dev/null
}

# judge NAME PORT FINDINGS OPTION…: runs the check and expects exactly these findings.
judge() {
  local name=$1 idp=$2 expected=$3 code=0 found
  shift 3
  echo "== $name"
  "$rehearsal" check leaver --idp-port "$idp" --idp-metadata-out "$out/$name-idp.xml" \
    --token-file "$out/token" --max-seconds "$limit" --timeout 60 "$@" "${profile[@]}" \
    --html "$out/$name.html" --json 2>"$out/$name.err" >"$out/$name.json" || code=$?
  if [ "$code" -ge 2 ]; then
    echo "$name: check leaver could not complete (exit $code)"
    tail -n 12 "$out/$name.err"
    failed=1
    return
  fi
  jq -r '.checks[] | select(.verdict == "fail" or .verdict == "warn")
    | "\(.verdict) \(.id) \(.title)\n  \(.actual)"' "$out/$name.json"
  jq -r '.summary | "\(.passed) passed, \(.failed) findings, \(.warned) warnings, \(.skipped) skipped"' "$out/$name.json"
  if [ "${#profile[@]}" -gt 0 ]; then
    jq -r '.profiles[].requirements[] | "\(.verdict) \(.id) \(.name): \(.reason // "")"' "$out/$name.json"
    return
  fi
  found=$(jq -r '[.checks[] | select(.verdict == "fail") | .id] | join(" ")' "$out/$name.json")
  if [ "$found" != "$expected" ]; then
    echo "$name: expected the findings $expected, got $found"
    failed=1
  fi
}

django() {
  command -v xmlsec1 >/dev/null || { echo "django: skipped: no xmlsec1"; return; }
  command -v openssl >/dev/null || { echo "django: skipped: no openssl"; return; }
  python_with djangosaml2==1.12.0 django-scim2==0.23.0 django==5.2.19 djangorestframework==3.18.3 ||
    { echo "django: skipped: cannot install the packages"; return; }
  prepare django 18291
  local base=http://127.0.0.1:18201
  log=$out/django.log start "$python" "$here/django_scim/leaver.py" 18201 "$token" "$out/django-idp.xml"
  wait_for_url "$base/me" || { failed=1; return; }
  judge django 18291 "LEAVER-REACT-03 LEAVER-REACT-04 LEAVER-DELETE-03" \
    --scim-url "$base/scim/v2" --sp-metadata "$base/saml2/metadata/" \
    --start-url "$base/saml2/login/" --probe-url "$base/me" --expect 'user={user};' \
    --token-url "$base/token" --token-probe "$base/api"
}

apart() {
  python_with python3-saml==1.16.0 scim2-server==0.8.3 scim2-models==0.12.3 ||
    { echo "apart: skipped: cannot install the packages"; return; }
  prepare apart 18292
  local base=http://127.0.0.1:18202 scim=http://127.0.0.1:18203
  log=$out/apart-saml.log start "$python" "$here/sps/python3_saml_sp.py" 18202 "$out/apart-idp.xml"
  log=$out/apart-scim.log start "$(dirname "$python")/scim2-server" --port 18203 --bearer-token "$token"
  wait_for_url "$scim/" || { failed=1; return; }
  judge apart 18292 "LEAVER-DEACT-01 LEAVER-DEACT-03 LEAVER-DELETE-01 LEAVER-DELETE-03" \
    --scim-url "$scim/v2" --sp-metadata "$base/metadata" \
    --start-url "$base/login" --probe-url "$base/whoami" --expect 'user={user};'
}

command -v jq >/dev/null || skip "no jq to read the reports with"
[ "$#" -gt 0 ] || set -- django apart
for name in "$@"; do "$name"; done
exit "$failed"
