# shellcheck shell=bash
# Builds images without Docker, with podman. Sourced by image-check.sh and compose-check.sh, which
# define `fail` and `folder`, a temporary folder.
#
# PODMAN is the command, with options if needed [default: podman].

read -ra podman <<<"${PODMAN:-podman}"
base=debian:bookworm-slim

# need_podman — adds the packages that are missing to the list of the next `install_missing`.
need_podman() {
    command -v "${podman[0]}" >/dev/null || need podman
    command -v buildah >/dev/null || need buildah
    command -v catatonit >/dev/null || need catatonit # podman run --init
}

# find_runtime — configures podman where its defaults cannot work: crun refuses machines with control
# groups of both versions, and such machines often forbid higher limits than their own.
find_runtime() {
    [ -z "${PODMAN:-}" ] && [ -z "${CONTAINERS_CONF:-}" ] || return 0
    [ -d /sys/fs/cgroup/unified ] || return 0
    command -v runc >/dev/null || install_packages runc
    # shellcheck disable=SC2154 # set by the script that sources this one
    printf '[engine]\nruntime="runc"\n[containers]\ndefault_ulimits=["nofile=%s:%s", "nproc=4096:4096"]\n' \
        "$(ulimit -Hn)" "$(ulimit -Hn)" >"$folder/containers.conf"
    export CONTAINERS_CONF=$folder/containers.conf
}

# build_base — pulls the base image, or builds it from Debian's packages.
build_base() {
    "${podman[@]}" image exists "$base" && return 0
    "${podman[@]}" pull -q "docker.io/library/$base" 2>/dev/null && return 0
    echo "cannot pull $base: building it with debootstrap"
    command -v debootstrap >/dev/null || install_packages debootstrap
    as_root debootstrap --variant=minbase bookworm "$folder/base" >"$folder/debootstrap.log" ||
        fail "debootstrap failed: $(tail -n 3 "$folder/debootstrap.log")"
    as_root tar -C "$folder/base" -c . | "${podman[@]}" import -q - "$base"
    as_root rm -rf "$folder/base"
}

# build_rehearsal IMAGE BINARY — builds the runtime stage of the Dockerfile with a binary of this
# machine, as the release does: with BINARY=prebuilt.
build_rehearsal() {
    local arch
    arch=$("${podman[@]}" info --format '{{.Host.Arch}}')
    mkdir -p "$folder/context/scripts" "$folder/context/image/$arch"
    cp "$2" "$folder/context/image/$arch/rehearsal"
    scripts/release/licenses.py "$folder/context/image/$arch/THIRD-PARTY.txt"
    cp scripts/compose-target.json "$folder/context/scripts/"
    cp LICENSE Dockerfile "$folder/context/"
    # Only Docker's format has a health check.
    "${podman[@]}" build -q --format docker --network host --build-arg BINARY=prebuilt \
        --build-arg "TARGETARCH=$arch" -t "$1" "$folder/context" >/dev/null
}

# build_postgres IMAGE — builds an image that does what docker-compose.yml needs of the image
# `postgres:15`: the same user, folders, variables and stop signal, with PostgreSQL 15 of Debian.
build_postgres() {
    mkdir -p "$folder/postgres"
    cat >"$folder/postgres/start" <<'START'
#!/bin/bash
set -euo pipefail
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA"
    chmod 3775 /run/postgresql
    find "$PGDATA" /run/postgresql ! -user postgres -exec chown postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] || { echo "invalid POSTGRES_HOST_AUTH_METHOD" >&2; exit 1; }
    initdb --username="$POSTGRES_USER" --auth=trust
    echo "host all all all trust" >>"$PGDATA/pg_hba.conf"
    # Without TCP, so that nothing takes it for ready before the database is there.
    pg_ctl --wait start --options="-c listen_addresses=''"
    createdb --host=/run/postgresql --username="$POSTGRES_USER" --maintenance-db=postgres "$POSTGRES_DB"
    pg_ctl --wait --mode=fast stop
fi
exec "$@"
START
    cat >"$folder/postgres/Dockerfile" <<DOCKERFILE
FROM $base
RUN mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \\
    && apt-get update && apt-get install -y --no-install-recommends postgresql-15 \\
    && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin:/sbin:/bin PGDATA=/var/lib/postgresql/data LC_ALL=C.UTF-8
COPY --chmod=755 start /usr/bin/start
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["start"]
STOPSIGNAL SIGINT
CMD ["postgres", "-c", "listen_addresses=*"]
DOCKERFILE
    "${podman[@]}" build -q --network host -t "$1" "$folder/postgres" >/dev/null
}
