#!/usr/bin/env bash
# Runs `rehearsal check sp` on published vulnerabilities of SAML libraries: each must
# be found in the vulnerable version and not in the fixed one. The rows are in
# scripts/interop/holes/holes.tsv; `holes.sh WORD …` runs those that contain a
# WORD. What cannot be installed is skipped with a message. Everything is installed
# below target/interop. Needs: npm, python3, xmlsec1, jq; for two rows also
# python3.8 (PYTHON38 is its path if it has another name); for the rows of Debian packages
# apt-get, dpkg-deb, unshare and openssl.
set -uo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/scripts/interop
. scripts/interop/lib.sh
[ -x "$rehearsal" ] || cargo build -q -p rehearsal --features command || exit 2
out=${INTEROP_OUT:-$interop/holes}
mkdir -p "$out"
out=$(realpath "$out")
failed=0 shown=0 skipped=0
port=18600

# npm_folder LIBRARY@VERSION ["DEPENDENCY@VERSION …"] — sets $node_folder: the
# library, with those versions of the libraries below it.
npm_folder() {
  local library=$1 below=${2:-} overrides='' one
  node_folder=$out/npm/$(printf '%s' "$library+$below" | tr '/@ ' '___')
  [ ! -e "$node_folder/ready" ] || return 0
  command -v npm >/dev/null || return 1
  mkdir -p "$node_folder"
  for one in $below; do overrides="$overrides, \"${one%@*}\": \"${one##*@}\""; done
  printf '{"private": true, "dependencies": {"%s": "%s"}, "overrides": {%s}}\n' \
    "${library%@*}" "${library##*@}" "${overrides#, }" >"$node_folder/package.json"
  timeout 240 npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$node_folder" >"$node_folder/log" 2>&1 &&
    touch "$node_folder/ready"
}

# pip_folder PYTHON PACKAGE@VERSION — sets $python.
pip_folder() {
  local folder
  folder=$out/pip/${2/@/-}
  python=$folder/bin/python
  [ ! -e "$folder/ready" ] || return 0
  "$1" -m venv "$folder" 2>/dev/null || return 1
  timeout 240 "$folder/bin/pip" install --quiet --disable-pip-version-check "${2/@/==}" >"$folder/log" 2>&1 &&
    touch "$folder/ready"
}

# prepare_apt — sets $apt: apt-get with lists and a cache of its own in $state. It verifies the signatures.
prepare_apt() {
  state=$out/debian/apt
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/none/partial"
  printf 'deb http://deb.debian.org/%s main\n' 'debian bullseye' 'debian bookworm' 'debian trixie' \
    'debian-security bullseye-security' 'debian-security bookworm-security' >"$state/sources.list.new"
  cmp -s "$state/sources.list.new" "$state/sources.list" || rm -f "$state/ready"
  mv "$state/sources.list.new" "$state/sources.list"
  # The machine's own packages and sources don't count.
  apt=(apt-get -qq -y -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
    -o "Dir::State::lists=$state/lists" -o Dir::State::status=/dev/null -o "Dir::Cache=$state"
    -o APT::Default-Release=bullseye -o APT::Install-Recommends=0 -o Acquire::Languages=none
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o APT::Sandbox::User=root -o Debug::NoLocking=1)
  if [ ! -e "$state/ready" ]; then
    timeout 240 "${apt[@]}" update >"$state/log" 2>&1 && touch "$state/ready" || return 1
  fi
}

# debian_folder PACKAGE@VERSION PACKAGE… — sets $root: a folder with these packages, unpacked, and all
# that they depend on. PACKAGE@VERSION may be of any suite above; everything else is of bullseye, so
# that two folders differ only in that package. Installation scripts don't run.
debian_folder() {
  local pinned=${1/@/=} file
  root=$out/debian/${1/@/_}
  shift
  [ ! -e "$root/ready" ] || return 0
  command -v unshare >/dev/null && prepare_apt || return 1
  rm -rf "$root"
  mkdir -p "$root"
  set -- "$pinned" "$@" base-files base-passwd bash coreutils dash findutils grep libc-bin openssl sed
  timeout 400 "${apt[@]}" --download-only install "$@" >"$root.log" 2>&1 || return 1
  # apt-get lists only the packages that are not in its cache, so this one is empty.
  for file in $("${apt[@]}" -o "Dir::Cache::archives=$state/none" --print-uris install "$@" 2>>"$root.log" |
    sed -n "s/^'[^']*' \\([^ ]*\\) .*/\\1/p"); do
    dpkg-deb -x "$state/archives/$file" "$root" || return 1
  done
  cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
  cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
  mkdir -p "$root/tmp"
  chmod 1777 "$root/tmp"
  configure_php
  touch "$root/ready"
}

# go_server LIBRARY@VERSION GO@VERSION — sets $program: the service provider with goxmldsig, built by that
# version of Go. Its programs need no other package, so they run where they are.
go_server() {
  local folder=$out/debian/${1/@/_}+${2/@/_} go=${2%@*} version=${2#*@} file
  program=$folder/sp
  [ ! -e "$program" ] || return 0
  prepare_apt || return 1
  rm -rf "$folder"
  mkdir -p "$folder/packages"
  (cd "$folder/packages" && timeout 400 "${apt[@]}" download "${1/@/=}" "$go=$version" "${go%-go}-src=$version" \
    golang-github-beevik-etree-dev=1.1.0-1 golang-github-jonboulle-clockwork-dev=0.1.0-4.1) >"$folder/log" 2>&1 || return 1
  for file in "$folder"/packages/*.deb; do dpkg-deb -x "$file" "$folder" || return 1; done
  go=${go#golang-}
  env -i PATH="$PATH" HOME="$folder" GOROOT="$folder/usr/lib/go-${go%-go}" GOPATH="$folder/usr/share/gocode" \
    GO111MODULE=off CGO_ENABLED=0 "$folder/usr/lib/go-${go%-go}/bin/go" build -o "$program" \
    "$here/holes/goxmldsig_sp.go" >>"$folder/log" 2>&1
}

# configure_php — does for PHP, if it is in $root, what its installation scripts do: enables the
# extensions, in the order of their priority, and names the program `php`.
configure_php() {
  local php file priority
  for php in "$root"/etc/php/*; do
    [ -e "$php" ] || return 0
    mkdir -p "$php/cli/conf.d"
    ln -sf "php${php##*/}" "$root/usr/bin/php"
    for file in "$root/usr/share/php${php##*/}"-*/*/*.ini; do
      priority=$(sed -n 's/^; priority=//p' "$file")
      cp "$file" "$php/cli/conf.d/${priority:-20}-${file##*/}"
    done
  done
}

# new_key FILE SUBJECT OPTION… — creates the key FILE.key and its certificate FILE.crt.
new_key() {
  local file=$1 subject=$2
  shift 2
  [ -e "$file.crt" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=$subject" "$@" \
    -keyout "$file.key" -out "$file.crt" 2>/dev/null
}

# The keys of the service providers of scripts/interop/sps.
# web.py speaks HTTPS if this is set, which only the servers of Debian need.
export SP_KEYS=$out/keys
mkdir -p "$SP_KEYS"
new_key "$SP_KEYS/sp" sp || exit 2
new_key "$SP_KEYS/tls" 127.0.0.1 -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1 || exit 2

# verdict_of FAMILY LIBRARY BELOW CHECK [FLAG] — prints the verdict of the check. FLAG is an option, or
# another check that sends the message.
verdict_of() {
  local family=$1 library=$2 below=$3 check=$4 flag=${5:-} name idp server
  local base=http://127.0.0.1 metadata=/metadata start=/login probe=/whoami
  name=$(printf '%s' "$library+$below" | tr '/@ ' '___')
  port=$((port + 1))
  idp=$((port + 100))
  case $family in
    python3_saml) pip_folder python3 "$library" || return 1; set -- env -u SP_KEYS PYTHONPATH="$here/sps" "$python" "$here/holes/python3_saml_sp.py" ;;
    pysaml2) command -v xmlsec1 >/dev/null && pip_folder python3 "$library" || return 1; set -- env -u SP_KEYS PYTHONPATH="$here/sps" "$python" "$here/holes/pysaml2_sp.py" ;;
    pysaml2_of_python3.8) command -v xmlsec1 >/dev/null && pip_folder "${PYTHON38:-python3.8}" "$library" || return 1; set -- env -u SP_KEYS PYTHONPATH="$here/sps" "$python" "$here/holes/pysaml2_sp.py" ;;
    simplesamlphp) debian_folder "$library" php-cli php-mbstring php-sqlite3 php-xml || return 1; set -- "$here/holes/in_debian_folder.sh" "$root" "$out" "$here/sps/simplesamlphp_sp.sh" ;;
    shibboleth) # Apache starts as root and gives its rights up.
      [ "$(id -u)" = 0 ] && debian_folder "$library" "opensaml-schemas=${library##*@}" apache2 libapache2-mod-shib media-types || return 1
      base=https://127.0.0.1 metadata=/Shibboleth.sso/Metadata start="/Shibboleth.sso/Login?target=/whoami.shtml" probe=/whoami.shtml
      set -- "$here/holes/in_debian_folder.sh" "$root" "$out" "$here/sps/shibboleth_sp.sh" ;;
    mellon)
      [ "$(id -u)" = 0 ] && debian_folder "$library" apache2 libapache2-mod-auth-mellon media-types || return 1
      base=https://127.0.0.1 metadata=/mellon/metadata start="/mellon/login?ReturnTo=/whoami.shtml" probe=/whoami.shtml
      set -- "$here/holes/in_debian_folder.sh" "$root" "$out" "$here/sps/mellon_sp.sh" ;;
    ruby_saml) debian_folder "$library" ruby ruby-webrick || return 1; set -- "$here/holes/in_debian_folder.sh" "$root" "$out" ruby "$here/holes/ruby_saml_sp.rb" ;;
    goxmldsig) go_server "$library" "$below" || return 1; set -- "$program" ;;
    *) npm_folder "$library" "$below" || return 1; set -- env "NODE_PACKAGES=$node_folder" node "$here/holes/sp.mjs" "$family" ;;
  esac
  # The ports are in the metadata, so each run has its own.
  name=$name-$port
  "$rehearsal" check sp --prepare --idp-port "$idp" --idp-metadata-out "$out/$name-idp.xml" >/dev/null || return 1
  # The check writes the file again while the server reads it.
  cp "$out/$name-idp.xml" "$out/$name-trusted.xml"
  case $flag in SAML-*) flag=--only=$flag ;; esac
  "$@" "$port" "$out/$name-trusted.xml" >"$out/$name.log" 2>&1 &
  server=$!
  started+=("$server")
  "$rehearsal" check sp --ca "$SP_KEYS/tls.crt" --metadata "$base:$port$metadata" \
    --start-url "$base:$port$start" --probe-url "$base:$port$probe" \
    --user jo@corp.example --expect 'user=jo@corp\.example;' \
    --idp-port "$idp" --idp-metadata-out "$out/$name-idp.xml" --wait 120 --timeout 60 \
    --only "$check" ${flag:+"$flag"} --json >"$out/$name-$check.json" 2>"$out/$name-$check.err"
  kill "$server" 2>/dev/null
  # A run without an honest login has no checks.
  jq -r --arg check "$check" '(.checks[] | select(.id == $check) | .verdict) // empty' \
    "$out/$name-$check.json" | grep . || echo "nothing judged"
}

while IFS=$'\t' read -r -u 3 hole family vulnerable fixed below check; do
  case $hole in '' | '#'*) continue ;; esac
  if [ "$#" -gt 0 ]; then
    wanted=no
    for word in "$@"; do case "$hole $family $vulnerable $check" in *"$word"*) wanted=yes ;; esac; done
    [ "$wanted" = yes ] || continue
  fi
  # "a -> b" in the column of the library below: its two versions.
  first=${below%% -> *} second=${below##* -> }
  [ "$below" != - ] || first='' second=''
  # "CHECK --thorough": only the variants find it, so the check passes without them. "CHECK OTHER": the
  # check judges the answer to the message of the other one.
  id=${check%% *} flag=${check#"$id"} flag=${flag# }
  before=$(verdict_of "$family" "$vulnerable" "$first" "$id" "$flag") || before=skipped
  port=$((port + 2))
  if [ "$flag" = --thorough ] && [ "$before" = fail ]; then
    plain=$(verdict_of "$family" "$vulnerable" "$first" "$id")
    port=$((port + 2))
    [ "$plain" = pass ] || before="$plain without $flag"
  fi
  after=$(verdict_of "$family" "$fixed" "$second" "$id" "$flag") || after=skipped
  port=$((port + 2))
  row="$hole $vulnerable${first:+ with $first}: $before; $fixed${second:+ with $second}: $after ($check)"
  case $before/$after in
    fail/pass) shown=$((shown + 1)); echo "shown: $row" ;;
    skipped/* | */skipped) skipped=$((skipped + 1)); echo "skipped: $row" ;;
    *) failed=1; echo "NOT SHOWN: $row" ;;
  esac
done 3<"$here/holes/holes.tsv"
echo "$shown holes found on the vulnerable version and not on the fixed one; $skipped skipped"
exit "$failed"
