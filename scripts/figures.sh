#!/usr/bin/env bash
# Measures the figures of docs/figures.md on this machine and writes the page again:
# a release build, beside products of other projects that are started in the same run.
# Takes about 10 minutes after the build. Run it on an idle machine.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/interop/lib.sh
command -v python3 >/dev/null || skip "no Python 3 to measure with"
if [ -z "${REHEARSAL_BIN:-}" ]; then
    cargo build --quiet --locked --release -p rehearsal --features command
    rehearsal=${CARGO_TARGET_DIR:-target}/release/rehearsal
fi

peers=()
# saml-idp depends on a fork of samlp in a repository. The released version
# replaces it, so that the package registry is sufficient.
login=$interop/figures-saml-idp
mkdir -p "$login"
echo '{"private": true, "dependencies": {"saml-idp": "1.2.1", "@node-saml/node-saml": "5.1.0"}, "overrides": {"samlp": "6.0.2"}}' \
    >"$login/package.json"
if (cd "$login" && npm install --silent --no-audit --no-fund >/dev/null); then
    peers+=(--login-peer "$login")
else
    echo "not measured: logins of saml-idp and node-saml: no Node.js, or no npm"
fi
if python_with 'scim2-server==0.8.3' 'scim2-models==0.12.3'; then
    peers+=(--scim-peer "$(dirname "$python")/scim2-server")
else
    echo "not measured: scim2-server: no Python 3 with venv, or no PyPI"
fi
python3 scripts/figures/measure.py --rehearsal "$rehearsal" --page docs/figures.md "${peers[@]}" "$@"
