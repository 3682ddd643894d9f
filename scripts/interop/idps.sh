#!/usr/bin/env bash
# Runs `rehearsal check idp` against identity providers of other projects that install
# here: samlp, saml-idp and samlify (npm), pysaml2, djangosaml2idp, djangosaml2idp2, flask-saml2-fork and
# NanoIDP (PyPI), SimpleSAMLphp and LemonLDAP::NG (Debian). Each check must run to its end.
# Usage: scripts/interop/idps.sh [name …]
# Needs: npm, python3 with venv, xmlsec1, php-cli, jq and the packages simplesamlphp, lemonldap-ng,
# liblasso-perl, libxml-simple-perl and libio-string-perl; what is missing is skipped with a message.
# INTEROP_PROFILE=NAME judges them by a profile.
set -uo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/scripts/interop/idps
rehearsal=${REHEARSAL:-target/debug/rehearsal}
[ -x "$rehearsal" ] || cargo build -q -p rehearsal --features command || exit 2
rehearsal=$(realpath "${REHEARSAL:-target/debug/rehearsal}")
work=$(mktemp -d)
out=${INTEROP_OUT:-$work/out}
mkdir -p "$out"
started=
trap 'for pid in $started; do kill "$pid" 2>/dev/null; done; rm -rf "$work"' EXIT
openssl req -x509 -newkey rsa:2048 -nodes -subj '/CN=interop' -days 30 \
  -keyout "$work/idp.key" -out "$work/idp.crt" 2>/dev/null

user=grace@lumen.example password=Corp-2-maple-lantern
more=()
profile=(${INTEROP_PROFILE:+--profile "$INTEROP_PROFILE"})

judge() { # name, port of the service provider, metadata URL
  echo "== $1"
  "$rehearsal" check idp --metadata "$3" --sp-port "$2" --sp-metadata-out "$work/$1.xml" \
    --user "$user" --password "$password" --wait 30 "${more[@]}" "${profile[@]}" \
    --record "$out/$1.record.json" --html "$out/$1.html" 2>"$out/$1.err" | tee "$out/$1.txt"
  local code=${PIPESTATUS[0]}
  # 0 or 1: the check ran to its end. 2: it did not.
  [ "$code" -lt 2 ] || { echo "$1: check idp broke off ($code)"; tail -5 "$out/$1.err"; failed=1; }
}

prepare() { # name, port: writes the service provider's metadata
  "$rehearsal" check idp --prepare --sp-port "$2" --sp-metadata-out "$work/$1.xml" 2>/dev/null
}

serve() { # name, command …: runs it until the end
  local name=$1
  shift
  "$@" >"$out/$name.log" 2>&1 &
  started="$started $!"
}

samlp() {
  command -v npm >/dev/null || { echo "samlp: skipped: no npm"; return; }
  mkdir -p "$work/npm"
  (cd "$work/npm" && npm install --silent --no-audit --no-fund samlp@8.0.0 express@4 express-session@1) ||
    { echo "samlp: skipped: it doesn't install"; return; }
  (cd "$work/npm" && exec node "$here/samlp.js" 18091 "$work" http://127.0.0.1:18081/acs) >"$out/samlp.log" 2>&1 &
  started="$started $!"
  judge samlp 18081 http://127.0.0.1:18091/metadata
}

samlify() {
  command -v npm >/dev/null || { echo "samlify: skipped: no npm"; return; }
  mkdir -p "$work/samlify"
  (cd "$work/samlify" && npm install --silent --no-audit --no-fund samlify@2.13.1 \
    @authenio/samlify-node-xmllint@2.0.0 express@4 express-session@1) ||
    { echo "samlify: skipped: it doesn't install"; return; }
  prepare samlify 18087
  (cd "$work/samlify" && exec node "$here/samlify.js" 18097 "$work" "$work/samlify.xml") >"$out/samlify.log" 2>&1 &
  started="$started $!"
  judge samlify 18087 http://127.0.0.1:18097/metadata
}

# attribute_maps - writes names of attributes as pysaml2 needs them.
attribute_maps() {
  mkdir -p "$work/maps"
  cat >"$work/maps/basic.py" <<'PY'
NAMES = ("name", "displayname", "objectidentifier", "groups")
MAP = {
    "identifier": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
    "fro": {name: name for name in NAMES},
    "to": {name: name for name in NAMES},
}
PY
}

# django_idp NAME PACKAGE PORT: checks one of the two packages, which are set up alike. The port of
# the service provider is 10 lower.
django_idp() {
  local name=$1 package=$2 port=$3 sp=$(($3 - 10))
  command -v xmlsec1 >/dev/null || { echo "$name: skipped: no xmlsec1"; return; }
  { python3 -m venv "$work/$name" && "$work/$name/bin/pip" install -q "$package" pysaml2==7.5.5 django==5.2.19; } \
    >/dev/null 2>&1 || { echo "$name: skipped: it doesn't install"; return; }
  attribute_maps
  prepare "$name" "$sp"
  serve "$name" "$work/$name/bin/python" "$here/djangosaml2idp_server.py" "$port" "$work" \
    "$work/$name.xml" "http://127.0.0.1:$sp/metadata"
  local more=(--initiated-url "http://127.0.0.1:$port/idp/sso/init/?sp={sp}"
    --disabled-user ada@lumen.example --disabled-password "$password")
  judge "$name" "$sp" "http://127.0.0.1:$port/idp/metadata/"
}

djangosaml2idp() { django_idp djangosaml2idp djangosaml2idp==0.7.2 18098; }

# A fork that is maintained.
djangosaml2idp2() { django_idp djangosaml2idp2 djangosaml2idp2==0.9.1 18099; }

# It imports pyOpenSSL, which it does not name as a dependency.
flask_saml2() {
  { python3 -m venv "$work/flask" && "$work/flask/bin/pip" install -q flask-saml2-fork==0.3.5 pyopenssl==26.4.0; } >/dev/null 2>&1 ||
    { echo "flask_saml2: skipped: it doesn't install"; return; }
  serve flask_saml2 "$work/flask/bin/python" "$here/flask_saml2_idp.py" 18100 "$work" \
    http://127.0.0.1:18090/metadata http://127.0.0.1:18090/acs
  judge flask_saml2 18090 http://127.0.0.1:18100/saml/metadata.xml
}

nanoidp() {
  { python3 -m venv "$work/nanoidp-venv" && "$work/nanoidp-venv/bin/pip" install -q nanoidp==3.4.0; } >/dev/null 2>&1 ||
    { echo "nanoidp: skipped: it doesn't install"; return; }
  serve nanoidp bash "$here/nanoidp.sh" "$work/nanoidp-venv/bin/nanoidp" 18095 "$work" http://127.0.0.1:18085
  judge nanoidp 18085 http://127.0.0.1:18095/saml/metadata
}

pysaml2() {
  command -v xmlsec1 >/dev/null || { echo "pysaml2: skipped: no xmlsec1"; return; }
  { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q pysaml2==7.5.5; } >/dev/null 2>&1 ||
    { echo "pysaml2: skipped: it doesn't install"; return; }
  attribute_maps
  prepare pysaml2 18082
  serve pysaml2 "$work/venv/bin/python" "$here/pysaml2_idp.py" 18092 "$work" "$work/pysaml2.xml"
  judge pysaml2 18082 http://127.0.0.1:18092/metadata
}

saml_idp() {
  command -v npm >/dev/null || { echo "saml_idp: skipped: no npm"; return; }
  mkdir -p "$work/saml-idp"
  # It depends on a fork of samlp in a repository. The released version replaces
  # it, so that the package registry is sufficient.
  echo '{"private": true, "dependencies": {"saml-idp": "1.2.1"}, "overrides": {"samlp": "6.0.2"}}' \
    >"$work/saml-idp/package.json"
  (cd "$work/saml-idp" && npm install --silent --no-audit --no-fund) ||
    { echo "saml_idp: skipped: it doesn't install"; return; }
  local sp=http://127.0.0.1:18084
  serve saml_idp node "$work/saml-idp/node_modules/saml-idp/bin/run.js" \
    --host 127.0.0.1 --port 18094 --cert "$work/idp.crt" --key "$work/idp.key" \
    --issuer http://127.0.0.1:18094/metadata --audience "$sp/metadata" \
    --acsUrl "$sp/acs" --sloUrl "$sp/slo"
  judge saml_idp 18084 http://127.0.0.1:18094/metadata
}

simplesamlphp() {
  command -v php >/dev/null && [ -d /usr/share/simplesamlphp ] ||
    { echo "simplesamlphp: skipped: no php or no package simplesamlphp"; return; }
  prepare simplesamlphp 18083
  local certificate
  certificate=$(sed -n 's/.*<ds:X509Certificate>\([^<]*\).*/\1/p' "$work/simplesamlphp.xml" | head -1)
  serve simplesamlphp bash "$here/simplesamlphp.sh" 18093 "$work" http://127.0.0.1:18083 "$certificate"
  judge simplesamlphp 18083 http://127.0.0.1:18093/saml2/idp/metadata.php
}

lemonldap_ng() {
  local one
  for one in lemonldap-ng liblasso-perl libxml-simple-perl libio-string-perl; do
    dpkg -s "$one" >/dev/null 2>&1 || { echo "lemonldap_ng: skipped: no package $one"; return; }
  done
  prepare lemonldap_ng 18086
  # Its cookie has SameSite=None, which browsers store over HTTPS only.
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=127.0.0.1 \
    -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
  serve lemonldap_ng bash "$here/lemonldap_ng.sh" 18096 "$work" "$work/lemonldap_ng.xml"
  local user=dwho password=dwho more=(--ca "$work/tls.crt")
  judge lemonldap_ng 18086 https://127.0.0.1:18096/saml/metadata
}

failed=0
for name in "${@:-samlp saml_idp samlify pysaml2 djangosaml2idp djangosaml2idp2 flask_saml2 nanoidp simplesamlphp lemonldap_ng}"; do
  for one in $name; do "$one"; done
done
[ -n "${INTEROP_OUT:-}" ] && echo "reports in $out"
exit "$failed"
