# A static binary, the CA roots, and nothing else. It runs as nobody.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /maildoctor .

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /maildoctor /maildoctor
USER 65534:65534
WORKDIR /work
ENTRYPOINT ["/maildoctor"]
CMD ["--help"]
