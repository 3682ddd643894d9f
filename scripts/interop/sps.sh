#!/usr/bin/env bash
# Runs `rehearsal check sp` against service providers of other projects that install
# here: python3-saml and pysaml2 (PyPI), @node-saml/node-saml (npm). Each must
# run to its end. Usage: scripts/interop/sps.sh [name …]
# Needs: python3 with venv, xmlsec1, npm; what is missing is skipped with a
# message. The reports are written to INTEROP_OUT.
set -uo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/scripts/interop/sps
. scripts/interop/lib.sh
[ -x "$rehearsal" ] || cargo build -q -p rehearsal --features command || exit 2
out=${INTEROP_OUT:-$interop/sps}
mkdir -p "$out"
failed=0
more=(${INTEROP_ONLY:+--only "$INTEROP_ONLY"})

# The key with which the service providers sign logout messages.
export SP_KEYS=$out/keys
mkdir -p "$SP_KEYS"
[ -e "$SP_KEYS/sp.crt" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=sp \
  -keyout "$SP_KEYS/sp.key" -out "$SP_KEYS/sp.crt" 2>/dev/null || exit 2

judge() { # name, port, port of the identity provider, command…
  local name=$1 port=$2 idp=$3
  shift 3
  echo "== $name"
  "$rehearsal" check sp --prepare --idp-port "$idp" --idp-metadata-out "$out/$name-idp.xml" >/dev/null || return
  log=$out/$name.log start "$@" "$port" "$out/$name-idp.xml"
  "$rehearsal" check sp --metadata "http://127.0.0.1:$port/metadata" \
    --start-url "http://127.0.0.1:$port/login" --probe-url "http://127.0.0.1:$port/whoami" \
    --logout-url "http://127.0.0.1:$port/logout" --user jo@corp.example --expect 'user=jo@corp\.example;' \
    --idp-port "$idp" --idp-metadata-out "$out/$name-idp.xml" --wait 30 --timeout 60 "${more[@]}" \
    --html "$out/$name.html" --json 2>"$out/$name.err" >"$out/$name.json"
  local code=$?
  # 0 or 1: the check ran to its end. 2: it did not.
  if [ "$code" -ge 2 ]; then
    echo "$name: check sp broke off ($code)"
    tail -n 12 "$out/$name.err"
    failed=1
    return
  fi
  jq -r '.checks[] | select((.verdict == "fail" or .verdict == "warn") and .cause == null)
    | "\(.verdict) \(.id) \(.title)\n  \(.actual)"' "$out/$name.json"
  jq -r '.summary | "\(.passed) passed, \(.failed) findings, \(.warned) warnings, \(.skipped) skipped"' "$out/$name.json"
}

python3_saml() {
  python_with python3-saml==1.16.0 || { echo "python3-saml: skipped: it doesn't install"; return; }
  judge python3-saml 18101 18191 "$python" "$here/python3_saml_sp.py"
}

pysaml2() {
  command -v xmlsec1 >/dev/null || { echo "pysaml2: skipped: no xmlsec1"; return; }
  python_with pysaml2==7.5.5 || { echo "pysaml2: skipped: it doesn't install"; return; }
  judge pysaml2 18102 18192 "$python" "$here/pysaml2_sp.py"
}

node_saml() {
  node_with @node-saml/node-saml@5.1.0 || { echo "node-saml: skipped: it doesn't install"; return; }
  export NODE_PACKAGES=$node_folder
  # It hangs for minutes at half a million elements. After this finding nothing
  # else can be judged.
  local more=("${more[@]}" --skip SAML-SP-DOS-01)
  judge node-saml 18103 18193 node "$here/node_saml_sp.mjs"
}

[ "$#" -gt 0 ] || set -- python3_saml pysaml2 node_saml
for name in "$@"; do "$name"; done
exit "$failed"
