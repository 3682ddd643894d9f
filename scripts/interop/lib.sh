# shellcheck shell=bash
# Functions of the interop scripts. Packages of other projects are installed below
# target/interop, which is not committed, in the versions named here.

interop=$PWD/target/interop
mkdir -p "$interop"
rehearsal=${REHEARSAL_BIN:-target/debug/rehearsal}
started=()

# skip WHY — ends the script successfully and prints the reason.
skip() { echo "skipped: $1"; exit 0; }

# stop_all — stops all processes of `start`.
stop_all() {
    local one
    for one in "${started[@]}"; do kill "$one" 2>/dev/null || true; done
    wait 2>/dev/null || true
}
trap stop_all EXIT

# start COMMAND… — runs a command in the background; its output goes to $log.
start() {
    "$@" >"$log" 2>&1 &
    started+=("$!")
}

# python_with PACKAGE… — creates a virtual environment with these packages; sets $python. Another
# interpreter can be named in $python3.
python_with() {
    local key venv
    key=$(printf '%s ' "$@" | cksum | cut -d' ' -f1)
    venv=$interop/python-$key
    python=$venv/bin/python
    [ ! -e "$venv/ready" ] || return 0
    command -v "${python3:-python3}" >/dev/null || return 1
    "${python3:-python3}" -m venv "$venv" 2>/dev/null || return 1
    timeout 300 "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" || return 1
    touch "$venv/ready"
}

# node_with PACKAGE… — creates a folder with these packages; sets $node_folder.
node_with() {
    local key
    key=$(printf '%s ' "$@" | cksum | cut -d' ' -f1)
    node_folder=$interop/node-$key
    [ ! -e "$node_folder/ready" ] || return 0
    command -v node >/dev/null && command -v npm >/dev/null || return 1
    mkdir -p "$node_folder"
    timeout 300 npm install --silent --no-audit --no-fund --no-save --prefix "$node_folder" "$@" >/dev/null || return 1
    touch "$node_folder/ready"
}

# wait_for FILE — waits at most 30 seconds until the file exists.
wait_for() {
    local tries=0
    until [ -s "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { echo "expected $1 within 30 s, got nothing:" >&2; cat "$log" >&2; return 1; }
        sleep 0.1
    done
}

# wait_for_url URL — waits at most 30 seconds until the URL answers.
wait_for_url() {
    local tries=0
    until curl --silent --output /dev/null "$1"; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { echo "expected an answer of $1 within 30 s, got none:" >&2; cat "$log" >&2; return 1; }
        sleep 0.1
    done
}
