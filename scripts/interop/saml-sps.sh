#!/usr/bin/env bash
# Three service providers of other projects log in at the mock IdP: python3-saml,
# pysaml2, @node-saml/node-saml. What cannot be installed is skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/install.sh
here=scripts/interop/saml-sps
work=target/interop/saml-sps
mkdir -p "$work"

# A virtual environment with both Python libraries, kept between runs.
python=$work/venv/bin/python
if ! "$python" -c 'import onelogin.saml2, saml2' 2>/dev/null; then
    rm -rf "$work/venv"
    if ! { python3 -m venv "$work/venv" &&
        "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"; } \
        >"$work/pip.log" 2>&1; then
        python=
    fi
fi
if [ ! -d "$work/npm/node_modules/@node-saml/node-saml" ] && command -v npm >/dev/null; then
    mkdir -p "$work/npm"
    cp "$here/package.json" "$work/npm/"
    npm install --silent --no-audit --no-fund --prefix "$work/npm" >"$work/npm.log" 2>&1 || true
fi
command -v xmlsec1 >/dev/null || install_packages xmlsec1 || true

# Normally built together with the tests; built here if it is missing.
[ -x target/debug/mock-idp ] || cargo build --quiet --locked --bin mock-idp
rm -f "$work/ready.json" "$work"/idp.db*
target/debug/mock-idp serve --database-url "sqlite://$work/idp.db?mode=rwc" \
    --ready-file "$work/ready.json" >"$work/idp.log" 2>&1 &
idp=$!
trap 'kill "$idp" 2>/dev/null || true' EXIT
for _ in $(seq 200); do
    [ -s "$work/ready.json" ] && break
    kill -0 "$idp" || { cat "$work/idp.log"; exit 1; }
    sleep 0.1
done
export MOCK_IDP=$PWD/$work/ready.json NODE_PACKAGES=$PWD/$work/npm

failed=0
# try NAME KINDS COMMAND… — logs in with each signature form and each kind of key.
try() {
    local name=$1 kinds=$2 signed kind
    shift 2
    for kind in $kinds; do
        for signed in assertion response both; do
            if "$@" "$signed" "$kind" >"$work/out.log" 2>&1; then
                echo "$name: logged in, $signed signed by $kind"
            else
                echo "$name: FAILED, $signed signed by $kind"
                tail -n 5 "$work/out.log"
                failed=1
            fi
        done
    done
}

if [ -n "$python" ]; then
    try python3-saml "RSA EC" "$python" "$here/with_python3_saml.py"
    if command -v xmlsec1 >/dev/null; then
        try pysaml2 "RSA EC" "$python" "$here/with_pysaml2.py"
    else
        echo "skipped: pysaml2, it wants xmlsec1"
    fi
else
    echo "skipped: python3-saml and pysaml2, $(tail -n 1 "$work/pip.log")"
fi
if [ -d "$work/npm/node_modules/@node-saml/node-saml" ]; then
    # It uses xml-crypto, which does not support ECDSA.
    try node-saml "RSA" node "$here/with_node_saml.mjs"
else
    echo "skipped: node-saml, $(command -v npm >/dev/null && tail -n 1 "$work/npm.log" || echo 'there is no npm')"
fi
exit "$failed"
