# Both programs in one image: `enishi` serves the API, `enishi-worker` runs the jobs.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# The caches outlive a build, so that a change to one file does not compile every dependency again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package api --package worker --bins \
    && install -D --target-directory=/out target/release/enishi target/release/enishi-worker

FROM debian:bookworm-slim
# The certificates are for outgoing calls: webhooks, mail and Slack.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin enishi \
    && install --directory --owner=enishi --mode=700 /data
COPY --from=build /out/ /usr/local/bin/

# By number, so that an orchestrator can see that it is not root.
USER 10001
ENV ENISHI_BIND=0.0.0.0:8080 ENISHI_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
CMD ["enishi"]
