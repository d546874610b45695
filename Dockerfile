# The image of memory-ingress: one static program, and the certificates that it trusts. docs/container.md says how to use
# it. tests/release runs what the last stage contains.
FROM rust:1.95-alpine AS build
WORKDIR /source
COPY . .
# On Alpine a program is static. The folder of the memories is made here, because the last stage has no mkdir.
RUN cargo build --locked --release --package memory-ingress --bin memory-ingress && \
    install -D -m 0755 target/release/memory-ingress /image/program/memory-ingress && \
    install -d -m 0700 /image/owned/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /image/program/ /
COPY --from=build --chown=65532:65532 /image/owned/ /
# A number, because there is no /etc/passwd.
USER 65532:65532
VOLUME ["/data"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["/memory-ingress", "health"]
ENTRYPOINT ["/memory-ingress"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--data", "/data"]
