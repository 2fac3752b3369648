# The static binary alone, with the certificates of public authorities; time zones are in the binary. There is no shell.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=${VERSION}" -o /out/sarraf ./cmd/sarraf \
 && mkdir -m 0700 /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/sarraf /usr/local/bin/sarraf
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV SARRAF_DATABASE=sqlite:/data/sarraf.db SARRAF_LISTEN=0.0.0.0:8080 SARRAF_DRAIN=5s
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=12s --start-period=30s --retries=3 CMD ["/usr/local/bin/sarraf", "health"]
ENTRYPOINT ["/usr/local/bin/sarraf"]
CMD ["serve"]
