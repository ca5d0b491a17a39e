"""A certificate for servers on loopback, signed by an authority of its own, so that verification can be tested."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files. ``authority`` is what a client has to trust."""

    authority: Path
    certificate: Path
    key: Path
    sha256: str  # fingerprint of the certificate, hexadecimal without colons


def make_certificate(
    directory: Path,
    names: Sequence[str] = ("localhost", "irc.localhost"),
    addresses: Sequence[str] = ("127.0.0.1",),
    *,
    days: float = 1.0,
) -> Certificate:
    """Write ``ca.pem``, ``server.pem`` and ``server.key`` into ``directory``; the server's is good for ``days`` from now, or
    ended so many days ago if that is negative."""
    issuer_key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Causeway playground authority")])
    authority = (
        _builder(issuer, issuer, issuer_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    server = (
        _builder(subject, issuer, key, days)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    made = Certificate(
        directory / "ca.pem",
        directory / "server.pem",
        directory / "server.key",
        server.fingerprint(hashes.SHA256()).hex(),
    )
    made.authority.write_bytes(authority.public_bytes(pem))
    made.certificate.write_bytes(server.public_bytes(pem))
    made.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: float = 1.0
) -> x509.CertificateBuilder:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    end = now + days * day
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, end) - day)
        .not_valid_after(end)
    )
