"""Client certificates: a key and a self-signed certificate for one user on one network, made when the user asks for them.

A network knows the user by the certificate's fingerprint (CertFP, SASL EXTERNAL). Knows no connection and no form.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.bridge import Clock, Memory

#: Networks go by the fingerprint and do not look at the end, but some TLS libraries do.
_DAYS = 3650
_NAME = "client certificate"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """``pem`` holds the key and then the certificate; the fingerprints are lower-case hex."""

    pem: str = field(repr=False)
    sha256: str
    sha512: str
    expires: float  # Unix seconds


def make(now: float) -> str:
    """A new key and its certificate, in PEM. It says nothing about whose it is. Takes milliseconds."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "irc")])
    start = datetime.fromtimestamp(now, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=1))  # other people's clocks
        .not_valid_after(start + timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (secret + certificate.public_bytes(serialization.Encoding.PEM)).decode("ascii")


def read(pem: str) -> ClientCertificate:
    """What ``make`` made."""
    certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
    return ClientCertificate(
        pem,
        certificate.fingerprint(hashes.SHA256()).hex(),
        certificate.fingerprint(hashes.SHA512()).hex(),
        certificate.not_valid_after_utc.timestamp(),
    )


class Certificates:
    """Everybody's certificates, kept in the bridge's memory as secrets."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def find(self, user: str, network: str) -> ClientCertificate | None:
        pem = (await self._memory.recall(user, network)).get(_NAME)
        return read(pem) if pem else None

    async def make(self, user: str, network: str) -> ClientCertificate:
        """A new one, in place of the one there was."""
        pem = await asyncio.to_thread(make, self._clock.now())
        await self._memory.remember(user, network, _NAME, pem, secret=True)
        return read(pem)

    async def remove(self, user: str, network: str) -> None:
        await self._memory.forget(user, network, _NAME)
