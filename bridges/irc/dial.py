"""Dialling: from an endpoint to an open, verified transport."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How to trust the server. ``fingerprint``: SHA-256 of its certificate in hex, *instead of* the CAs."""

    verify: bool = True
    ca_file: str = ""
    fingerprint: str = ""
    server_name: str = ""  # for SNI and verification; empty: the endpoint's host


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    port: int
    tls: TlsSettings | None = None
    local_addr: tuple[str, int] | None = None  # to bind to before connecting


class ConnectFailed(Exception):
    """No connection; the argument is one sentence for people. ``certificate``: the server is there, but not trusted."""

    def __init__(self, text: str, *, certificate: bool = False) -> None:
        super().__init__(text)
        self.certificate = certificate
