#!/usr/bin/env bash
# Runs a command with the programs and libraries of a folder of unpacked Debian packages: ROOT FOLDER
# COMMAND…. The current folder and FOLDER have their usual paths.
set -euo pipefail
rights=()
[ "$(id -u)" = 0 ] || rights=(--map-root-user)
# shellcheck disable=SC2016 # expanded by the inner shells
exec unshare "${rights[@]}" --mount bash -c '
    root=$1 folder=$2
    shift 2
    for one in "$PWD" "$folder" /dev /proc; do
        mkdir -p "$root$one"
        mount --rbind "$one" "$root$one"
    done
    exec chroot "$root" /bin/bash -c '\''cd "$0" && exec "$@"'\'' "$PWD" "$@"' "$0" "$@"
