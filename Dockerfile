# dccd in a container of its own: built here, run without a shell's worth of privileges.
ARG RUST=1.95
ARG DEBIAN=bookworm

FROM rust:${RUST}-slim-${DEBIAN} AS build
WORKDIR /build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev make \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked && cp target/release/dccd /dccd

FROM debian:${DEBIAN}-slim
# rclone is for remotes of `provider: rclone`.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates rclone \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 dccd \
    && useradd --uid 10001 --gid dccd --home-dir /data --no-create-home --shell /usr/sbin/nologin dccd \
    && install -d -o dccd -g dccd -m 0750 /data
COPY --from=build /dccd /usr/local/bin/dccd
USER dccd:dccd
WORKDIR /data
VOLUME /data
EXPOSE 9430
# SIGTERM ends it in good order within five seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --retries=3 --start-period=30s \
    CMD ["dccd", "--config", "/etc/dccd/config.yml", "healthcheck"]
ENTRYPOINT ["dccd", "--config", "/etc/dccd/config.yml"]
CMD ["start"]
