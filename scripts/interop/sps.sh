#!/usr/bin/env bash
# Runs `rehearsal check sp` against service providers of other projects that install
# here: python3-saml, pysaml2 and djangosaml2 (PyPI), @node-saml/node-saml, @node-saml/passport-saml,
# samlify and Better Auth (npm), the Shibboleth service provider, mod_auth_mellon, ruby-saml,
# SimpleSAMLphp and LemonLDAP::NG (Debian). Each must run to its end.
# Usage: scripts/interop/sps.sh [name …]
# Needs: jq, python3 with venv, xmlsec1, npm; apache2 with libapache2-mod-shib and
# libapache2-mod-auth-mellon; ruby-saml and ruby-webrick; simplesamlphp with php-cli, php-mbstring,
# php-sqlite3 and php-xml; lemonldap-ng with liblasso-perl, libxml-simple-perl and libio-string-perl.
# What is missing is skipped with a message. The reports are written to INTEROP_OUT. INTEROP_ONLY=ID
# runs only these checks, INTEROP_THOROUGH=1 sends every variant of the faults, and
# INTEROP_PROFILE=NAME judges by this profile.
set -uo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/scripts/interop/sps
. scripts/interop/lib.sh
[ -x "$rehearsal" ] || cargo build -q -p rehearsal --features command || exit 2
out=${INTEROP_OUT:-$interop/sps}
mkdir -p "$out"
out=$(realpath "$out")
failed=0
more=(${INTEROP_ONLY:+--only "$INTEROP_ONLY"} ${INTEROP_THOROUGH:+--thorough} ${INTEROP_PROFILE:+--profile "$INTEROP_PROFILE"})

# The key with which the service providers sign logout messages.
export SP_KEYS=$out/keys
mkdir -p "$SP_KEYS"
[ -e "$SP_KEYS/sp.crt" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=sp \
  -keyout "$SP_KEYS/sp.key" -out "$SP_KEYS/sp.crt" 2>/dev/null || exit 2
# The certificate of the servers with HTTPS.
[ -e "$SP_KEYS/tls.crt" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=127.0.0.1 \
  -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1 \
  -keyout "$SP_KEYS/tls.key" -out "$SP_KEYS/tls.crt" 2>/dev/null || exit 2

# The addresses of a service provider, where a function below sets no others.
base=http://127.0.0.1:
metadata=/metadata start=/login probe=/whoami logout=/logout
# What the page of --probe-url contains for the user of --user only.
expect='user=jo@corp\.example;'
# More options of `check sp --prepare`.
prepare=()

judge() { # name, port, port of the identity provider, command…
  local name=$1 port=$2 idp=$3
  shift 3
  echo "== $name"
  "$rehearsal" check sp --prepare --idp-port "$idp" --idp-metadata-out "$out/$name-idp.xml" "${prepare[@]}" >/dev/null || return
  log=$out/$name.log start "$@" "$port" "$out/$name-idp.xml"
  "$rehearsal" check sp --ca "$SP_KEYS/tls.crt" --metadata "$base$port$metadata" \
    --start-url "$base$port$start" --probe-url "$base$port$probe" \
    --logout-url "$base$port$logout" --user jo@corp.example --expect "$expect" \
    --idp-port "$idp" --idp-metadata-out "$out/$name-idp.xml" --wait 120 --timeout 60 "${more[@]}" \
    --pid "${started[-1]}" --html "$out/$name.html" --json 2>"$out/$name.err" >"$out/$name.json"
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
  jq -r '.profiles[]? | .name as $profile | .requirements[] | select(.verdict == "failed")
    | "\($profile): failed (\(.level)): \(.id) \(.name)"' "$out/$name.json"
}

python3_saml() {
  python_with python3-saml==1.16.0 || { echo "python3-saml: skipped: it doesn't install"; return; }
  local base=https://127.0.0.1:
  judge python3-saml 18101 18191 "$python" "$here/python3_saml_sp.py"
}

pysaml2() {
  command -v xmlsec1 >/dev/null || { echo "pysaml2: skipped: no xmlsec1"; return; }
  python_with pysaml2==7.5.5 || { echo "pysaml2: skipped: it doesn't install"; return; }
  local base=https://127.0.0.1:
  judge pysaml2 18102 18192 "$python" "$here/pysaml2_sp.py"
}

node_saml() {
  node_with @node-saml/node-saml@5.1.0 || { echo "node-saml: skipped: it doesn't install"; return; }
  export NODE_PACKAGES=$node_folder
  # It hangs for minutes at half a million elements. After this finding nothing
  # else can be judged.
  local base=https://127.0.0.1: more=("${more[@]}" --skip SAML-SP-DOS-01)
  judge node-saml 18103 18193 node "$here/node_saml_sp.mjs"
}

# has_debian PACKAGE… — true if these packages are installed; prints those that are not.
has_debian() {
  local one
  for one in "$@"; do
    dpkg -s "$one" >/dev/null 2>&1 || { echo "skipped: no package $one"; return 1; }
  done
}

shibboleth() {
  has_debian apache2 libapache2-mod-shib || return
  local base=https://127.0.0.1: probe=/whoami.shtml
  local metadata=/Shibboleth.sso/Metadata logout=/Shibboleth.sso/Logout
  local start="/Shibboleth.sso/Login?target=$probe"
  judge shibboleth 18104 18194 "$here/shibboleth_sp.sh"
}

# The life of certificates, and signed metadata: the service provider fetches the metadata again.
shibboleth_metadata() {
  has_debian apache2 libapache2-mod-shib || return
  local base=https://127.0.0.1: probe=/whoami.shtml
  local metadata=/Shibboleth.sso/Metadata logout=/Shibboleth.sso/Logout
  local start="/Shibboleth.sso/Login?target=$probe"
  local prepare=(--sign-metadata --metadata-refetch-wait 6)
  local more=(--only SAML-SP-CERT "${prepare[@]}")
  METADATA_URL=http://127.0.0.1:18211/metadata METADATA_SIGNER=$out/shibboleth-metadata-idp.pem \
    judge shibboleth-metadata 18111 18211 "$here/shibboleth_sp.sh"
}

mellon() {
  has_debian apache2 libapache2-mod-auth-mellon || return
  local base=https://127.0.0.1: probe=/whoami.shtml metadata=/mellon/metadata
  local start="/mellon/login?ReturnTo=$probe" logout="/mellon/logout?ReturnTo=/"
  judge mellon 18105 18195 "$here/mellon_sp.sh"
}

ruby_saml() {
  has_debian ruby-saml ruby-webrick || return
  judge ruby-saml 18106 18196 ruby "$here/ruby_saml_sp.rb"
}

simplesamlphp() {
  has_debian simplesamlphp php-cli php-mbstring php-sqlite3 php-xml || return
  judge simplesamlphp 18107 18197 "$here/simplesamlphp_sp.sh"
}

lemonldap_ng() {
  has_debian lemonldap-ng liblasso-perl libxml-simple-perl libio-string-perl || return
  local base=https://127.0.0.1: metadata=/saml/metadata start=/ probe='/mysession/?whoami' logout='/?logout=1'
  local expect='"jo@corp\.example"'
  judge lemonldap-ng 18112 18212 "$here/lemonldap_ng_sp.sh"
}

djangosaml2() {
  command -v xmlsec1 >/dev/null || { echo "djangosaml2: skipped: no xmlsec1"; return; }
  python_with djangosaml2==1.12.0 || { echo "djangosaml2: skipped: it doesn't install"; return; }
  local base=https://127.0.0.1: metadata=/saml2/metadata/ start=/saml2/login/ logout=/saml2/logout/
  judge djangosaml2 18108 18198 "$python" "$here/djangosaml2_sp.py"
}

passport_saml() {
  node_with @node-saml/passport-saml@5.1.1 @node-saml/node-saml@5.1.0 passport@0.7.0 express@5.3.0 express-session@1.19.0 ||
    { echo "passport-saml: skipped: it doesn't install"; return; }
  export NODE_PACKAGES=$node_folder
  local base=https://127.0.0.1: more=("${more[@]}" --skip SAML-SP-DOS-01)
  judge passport-saml 18109 18199 node "$here/passport_saml_sp.mjs"
}

samlify() {
  node_with samlify@2.13.1 @authenio/samlify-node-xmllint@2.0.0 || { echo "samlify: skipped: it doesn't install"; return; }
  export NODE_PACKAGES=$node_folder
  local base=https://127.0.0.1:
  judge samlify 18110 18200 node "$here/samlify_sp.mjs"
}

# install_better_auth — sets NODE_PACKAGES. @better-auth/sso 1.7.5 is the newest, and npm installs no newer
# better-auth beside it, because both need other versions of the same packages.
install_better_auth() {
  node_with better-auth@1.7.5 @better-auth/core@1.7.5 @better-auth/sso@1.7.5 samlify@2.13.1 ||
    { echo "better-auth: skipped: it doesn't install"; return 1; }
  export NODE_PACKAGES=$node_folder
}

better_auth() {
  install_better_auth || return
  local base=https://127.0.0.1: metadata='/api/auth/sso/saml2/sp/metadata?providerId=idp'
  judge better-auth 18113 18213 node "$here/better_auth_sp.mjs"
}

# Single logout by HTTP-POST. The metadata of the plugin offers HTTP-Redirect, too, and then that is judged.
better_auth_logout() {
  install_better_auth || return
  local base=https://127.0.0.1: metadata='/api/auth/sso/saml2/sp/metadata?providerId=idp'
  local more=(--only SAML-SP-SLO --only SAML-SP-REQ --only SAML-SP-MD)
  OWN_METADATA=1 judge better-auth-logout 18114 18214 node "$here/better_auth_sp.mjs"
}

[ "$#" -gt 0 ] || set -- python3_saml pysaml2 djangosaml2 node_saml passport_saml samlify \
  better_auth better_auth_logout shibboleth shibboleth_metadata mellon ruby_saml simplesamlphp lemonldap_ng
for name in "$@"; do "$name"; done
exit "$failed"
