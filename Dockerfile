# One image with the portal, the identity provider, the desktop app and the
# harness; compose chooses which of them runs.
FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p sp -p mock-idp -p desktop-sim -p rehearsal --bins --features command

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home rehearsal
COPY --from=build /src/target/release/sp /src/target/release/mock-idp \
    /src/target/release/desktop-sim /src/target/release/rehearsal /usr/local/bin/
COPY --from=build /src/features /opt/rehearsal/features
COPY --from=build /src/scripts/compose-target.json /opt/rehearsal/target.json
USER rehearsal
WORKDIR /home/rehearsal
CMD ["rehearsal", "--help"]
