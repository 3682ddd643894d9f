#!/usr/bin/env bash
# Checks the image without Docker: builds the release binary and, with podman, the
# runtime stage of the Dockerfile, then runs it as compose does: read-only, without
# root and without capabilities. Part of scripts/nightly.sh.
#
#   scripts/image-check.sh [BINARY]    uses this binary instead of building one
#
# PODMAN is the command, with options if needed [default: podman].
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh
. scripts/image.sh

binary_limit=45000000 # bytes
layers_limit=60000000 # bytes, on top of the base image
image=rehearsal:check
folder=$(mktemp -d)
container=
# shellcheck disable=SC2317 # run by the trap
clean_up() {
    [ -z "$container" ] || "${podman[@]}" rm -f "$container" >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap clean_up EXIT

fail() {
    echo "image-check: $*" >&2
    exit 1
}

need_podman
command -v curl >/dev/null || need curl
command -v jq >/dev/null || need jq
install_missing
find_runtime

binary=${1:-}
if [ -z "$binary" ]; then
    install_toolchain
    cargo build --release --locked -p rehearsal --features command --bin rehearsal
    binary=${CARGO_TARGET_DIR:-target}/release/rehearsal
fi
bytes=$(stat -c %s "$binary")
echo "binary: $bytes bytes, limit $binary_limit"
[ "$bytes" -lt "$binary_limit" ] || fail "the binary has $bytes bytes; expected less than $binary_limit"

build_base
build_rehearsal "$image" "$binary"
size() { "${podman[@]}" image inspect --format '{{.Size}}' "$1"; }
layers=$(($(size "$image") - $(size "$base")))
echo "layers on top of the base image: $layers bytes, limit $layers_limit"
[ "$layers" -lt "$layers_limit" ] || fail "the image's own layers have $layers bytes; expected less than $layers_limit"


# The licenses of everything in it.
inside() { "${podman[@]}" run --rm --network none "$image" "$@"; }
inside cat /usr/share/doc/rehearsal/LICENSE | cmp - LICENSE || fail "the image has another LICENSE than the repository"
third_party=$(inside cat /usr/share/doc/rehearsal/THIRD-PARTY.txt)
grep -q '^aws-lc-rs ' <<<"$third_party" || fail "THIRD-PARTY.txt of the image does not name aws-lc-rs"

# start — starts the default command as docs/from-a-container.md says, read-only; writes
# $folder/ready.json.
start() {
    local logs line
    container=$("${podman[@]}" run -d --init --network host --read-only --tmpfs /tmp --cap-drop all \
        --security-opt no-new-privileges "$image")
    # The last line of the JSON is `}`.
    exec 3< <(exec timeout 120 "${podman[@]}" logs -f "$container" 2>"$folder/stderr")
    logs=$!
    while IFS= read -r line <&3; do
        printf '%s\n' "$line"
        [ "$line" != "}" ] || break
    done >"$folder/ready.json"
    kill "$logs" 2>/dev/null || true
    exec 3<&-
    jq -e .sp "$folder/ready.json" >/dev/null 2>&1 || fail "rehearsal up did not become ready: $(cat "$folder/stderr")"
}

# end — stops the container and checks that it ended by itself.
end() {
    "${podman[@]}" stop -t 20 "$container" >/dev/null
    status=$("${podman[@]}" inspect --format '{{.State.ExitCode}}' "$container")
    # Status 137 would mean SIGKILL after 20 seconds.
    [ "$status" = 0 ] || [ "$status" = 143 ] || fail "after SIGTERM the container ended with status $status; expected 0 or 143"
    "${podman[@]}" rm -f "$container" >/dev/null
    container=
}

start
user=$("${podman[@]}" exec "$container" id -u)
[ "$user" = 999 ] || fail "the container runs as user $user; expected 999"
for address in .sp.metadata_url .idp.metadata_url .simulation.url; do
    curl -fsS --max-time 20 -o /dev/null "$(jq -r "$address" "$folder/ready.json")"
done
"${podman[@]}" healthcheck run "$container" || fail "the health check of the image failed"
metadata() { jq -r '.sp.metadata_url, .idp.metadata_url' "$folder/ready.json"; }
first=$(metadata)
end
start
[ "$(metadata)" = "$first" ] || fail "the second start has other URLs of metadata: $(metadata), before: $first"
end
echo "image: runs read-only as user $user, is healthy, has the same URLs at each start, and ends by SIGTERM with status $status"
