# syntax=docker/dockerfile:1

FROM docker.io/library/rust:1.95-slim-bookworm AS build
# musl-gcc and cmake compile aws-lc, the TLS cryptography, for a static program.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential cmake musl-tools \
 && rm -rf /var/lib/apt/lists/*
RUN rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /build
COPY . .
# The same flags as in image/build.sh, and the same files in the image: image/src/content.rs lists them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    target="$(uname -m)-unknown-linux-musl" \
 && CARGO_ENCODED_RUSTFLAGS="$(printf '%s\037%s' \
      "--remap-path-prefix=$CARGO_HOME=/cargo" "--remap-path-prefix=$PWD=/pollinator")" \
    cargo build --release --locked --target "$target" --package pollinator --bin pollinator \
 && cargo run --quiet --locked --package pollinator-image -- \
    tree --program "target/$target/release/pollinator" /image

# One static program, the certificate authorities and the licence. No shell.
FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pollinator" \
      org.opencontainers.image.description="A Kubernetes operator that turns SaaS APIs without webhooks into signed change events" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image/ /
# By number, so that Kubernetes can tell that it is not root. Nothing is written to the file system.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/pollinator"]
CMD ["operator"]
