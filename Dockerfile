# syntax=docker/dockerfile:1
# One image with everything: the portal, the identity provider, the desktop app
# and the harness are one binary, called by different names.
#
#   docker build --build-arg REHEARSAL_COMMIT="$(git rev-parse --short=12 HEAD)" -t rehearsal:local .
#
# With BINARY=prebuilt the image is put together from binaries for each platform, in
# image/amd64/ and image/arm64/, as .github/workflows/release.yml does.
ARG BINARY=build

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
# The repository itself is not copied, so the commit is an argument.
ARG REHEARSAL_COMMIT=
# Downloads and compiled dependencies stay in caches of the builder: after a
# change, only this project's own crates are compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    mkdir /out \
    && REHEARSAL_COMMIT="$REHEARSAL_COMMIT" scripts/release/build.sh \
    && install target/release/rehearsal /out/rehearsal \
    && scripts/release/licenses.py /out/THIRD-PARTY.txt

FROM scratch AS prebuilt
ARG TARGETARCH
COPY image/$TARGETARCH/rehearsal image/$TARGETARCH/THIRD-PARTY.txt /out/

FROM ${BINARY} AS binary

FROM debian:bookworm-slim AS runtime
# The root certificates let checks reach public HTTPS endpoints. The folders are
# there for volumes, which take over their owner.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/apt/*.bin /var/cache/debconf/*-old /var/cache/ldconfig \
    && useradd --system --uid 999 --create-home rehearsal \
    && install -d -o rehearsal -g rehearsal -m 0700 /run/rehearsal /var/lib/rehearsal \
    && install -d -o rehearsal -g rehearsal /reports \
    && cd /usr/local/bin && ln -s rehearsal sp && ln -s rehearsal mock-idp && ln -s rehearsal desktop-sim
COPY scripts/compose-target.json /opt/rehearsal/target.json
COPY LICENSE /usr/share/doc/rehearsal/LICENSE
COPY --from=binary /out/THIRD-PARTY.txt /usr/share/doc/rehearsal/THIRD-PARTY.txt
COPY --from=binary /out/rehearsal /usr/local/bin/rehearsal
USER rehearsal
WORKDIR /var/lib/rehearsal
# Where `up` keeps the file by which `health` finds it. /tmp is what a read-only
# container can write to.
ENV XDG_RUNTIME_DIR=/tmp
# By the binary itself, because the image has no curl. Checks the parties of
# `rehearsal up`; a container that runs another command has another check, or none.
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s CMD ["rehearsal", "health"]
# The same ports and the same keys at each start, so that other programs can be set
# up once with the URLs of the metadata. Needs `--network host`, because `up` listens
# on loopback only.
CMD ["rehearsal", "up", "--sp-port", "8080", "--idp-port", "8081", "--simulation-port", "8082", "--key-seed", "1"]
