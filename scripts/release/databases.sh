#!/usr/bin/env bash
# Writes databases as this version of the program leaves them, for the test
# `harness/tests/upgrade.rs`: later versions must open them. The owner runs it for each release.
#
#   scripts/release/databases.sh VERSION [BINARY]    BINARY [default: target/debug/rehearsal]
#
# Writes harness/tests/upgrade/databases/VERSION/{sqlite,postgres}/{portal,idp}.sql and facts.json.
# If the folder VERSION has undo-portal.sql or undo-idp.sql, these run before the database is
# written: they take the schema back to a state from before the first release.
set -euo pipefail
[ $# = 1 ] || [ $# = 2 ] || {
    echo "usage: scripts/release/databases.sh VERSION [BINARY]" >&2
    exit 2
}
cd "$(dirname "$0")/../.."
. scripts/install.sh
for program in sqlite3 curl jq; do command -v $program >/dev/null || need $program; done
has_postgresql || need postgresql
command -v pg_dump >/dev/null || need postgresql-client
install_missing

target=${CARGO_TARGET_DIR:-target}/debug
binary=$(realpath "${2:-$target/rehearsal}")
to=harness/tests/upgrade/databases/$1
# If the server of this script is not given, it starts one and runs itself again.
if [ -z "${REHEARSAL_TEST_POSTGRES_URL:-}" ]; then
    exec "$target/test-postgres" "$0" "$@"
fi
folder=$(mktemp -d)
up=
# shellcheck disable=SC2317 # run by the trap
clean_up() {
    [ -z "$up" ] || kill "$up" 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT

undo_portal=$to/undo-portal.sql
undo_idp=$to/undo-idp.sql
for kind in sqlite postgres; do
    state=$folder/$kind
    mkdir -p "$state/tmp" "$to/$kind"
    if [ $kind = sqlite ]; then
        url="sqlite://$state/portal.db?mode=rwc"
    else
        name=databases_$$
        psql -q "$REHEARSAL_TEST_POSTGRES_URL" -c "CREATE DATABASE $name"
        # The server's URL may name a database; this one is beside it.
        url=$(sed -E "s#^(postgres(ql)?://[^/?]*)(/[^?]*)?#\1/$name#" <<<"$REHEARSAL_TEST_POSTGRES_URL")
    fi
    # The test replaces these ports.
    TMPDIR=$state/tmp XDG_RUNTIME_DIR=$state "$binary" up --sp-port 18080 --idp-port 18081 \
        --database-url "$url" --ready-file "$state/ready.json" --json >"$state/out" 2>"$state/err" &
    up=$!
    for _ in {1..600}; do
        [ ! -e "$state/ready.json" ] || break
        kill -0 $up 2>/dev/null || break
        sleep 0.2
    done
    [ -e "$state/ready.json" ] || {
        echo "rehearsal up did not become ready: $(cat "$state/err")" >&2
        exit 1
    }
    ready() { jq -r "$1" "$state/ready.json"; }
    portal=$(ready .sp.base_url)

    # An activated app, a session, and a refused login. The set-up itself wrote users, groups,
    # licenses, tokens and the audit log.
    "$binary" desktop activate --portal "$portal" --email "$(ready .idp.sso_login.username)" \
        --password "$(ready .idp.sso_login.password)" --state "$state/activation.json" --json >"$state/license.json"
    login=$(jq -c '.sp.admin_login | {email, password}' "$state/ready.json")
    curl -fsS -c "$state/jar" -H 'Content-Type: application/json' -d "$login" "$portal/api/session" >/dev/null
    curl -sS -o /dev/null -H 'Content-Type: application/json' -d "$(jq -c '.password = "wrong"' <<<"$login")" "$portal/api/session"
    cookie=$(awk 'NF == 7 { print $6 "=" $7 }' "$state/jar" | paste -sd ';' | sed 's/;/; /g')
    jq -n --arg time "$(date -u +%FT%TZ)" --arg cookie "$cookie" --slurpfile ready "$state/ready.json" \
        --slurpfile activation "$state/activation.json" \
        '{time: $time, session_cookie: $cookie, activation: $activation[0], ready: $ready[0]}' >"$to/$kind/facts.json"

    idp=$state/portal.db-idp
    [ $kind = sqlite ] || idp=$(find "$state/tmp" -name idp.db)
    cp "$idp" "$state/idp.db" # the last changes are in the log beside it
    [ ! -e "$idp-wal" ] || cp "$idp-wal" "$state/idp.db-wal"
    kill $up
    wait $up || true
    up=
    [ ! -e "$undo_idp" ] || sqlite3 -bail "$state/idp.db" <"$undo_idp"
    sqlite3 "$state/idp.db" .dump >"$to/$kind/idp.sql"
    if [ $kind = sqlite ]; then
        [ ! -e "$undo_portal" ] || sqlite3 -bail "$state/portal.db" <"$undo_portal"
        sqlite3 "$state/portal.db" .dump >"$to/$kind/portal.sql"
    else
        [ ! -e "$undo_portal" ] || psql -q -v ON_ERROR_STOP=1 "$url" -f "$undo_portal"
        # Lines with a backslash are commands of psql.
        # shellcheck disable=SC1003
        pg_dump --inserts --no-owner --no-privileges "$url" | grep -v '^\\' >"$to/$kind/portal.sql"
        psql -q "$REHEARSAL_TEST_POSTGRES_URL" -c "DROP DATABASE $name"
    fi
done
du -sh "$to"
