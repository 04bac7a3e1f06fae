# syntax=docker/dockerfile:1

FROM docker.io/library/rust:1.95-slim-bookworm AS build
# For aws-lc, the TLS cryptography.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --package pollinator --bin pollinator \
 && cp target/release/pollinator /pollinator

# The C library of the same Debian, CA certificates, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pollinator" \
      org.opencontainers.image.description="A Kubernetes operator that turns SaaS APIs without webhooks into signed change events" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY LICENSE /licenses/LICENSE
COPY --from=build /pollinator /pollinator
# By number, so that Kubernetes can tell that it is not root. Nothing is written to the file system.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/pollinator"]
CMD ["operator"]
