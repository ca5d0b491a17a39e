"""SASL mechanisms: what is said to a server to log in, message by message (RFC 4422). No lines, no base64.

Knows neither when to log in nor which mechanism to prefer. Keys that take long to derive are left to whoever may wait.
"""

import base64
import hashlib
import hmac
import re
import stringprep
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

#: RFC 7677 §4: fewer make it cheap to guess the password for whoever recorded the login.
LEAST_ITERATIONS = 4096
#: About a second of one core; a server that asks for more wants us to be busy.
MOST_ITERATIONS = 2_000_000

_MAX_NONCE = 512
_MAX_SALT = 1024
_SCRAM_NAMES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
# RFC 5802 §7: attr-val; the value may hold anything but a comma and NUL.
_ATTRIBUTE = re.compile(r"([A-Za-z])=([^,\0]*)")


class MechanismFailed(Exception):
    """The mechanism refuses to go on (a server that proves to be false, for instance); text for people."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """A key (PBKDF2) that is needed for the answer. Calling it takes up to a second: not on the loop. ``then`` makes the
    answer of the key; raises ``MechanismFailed``."""

    hash: str
    salt: bytes
    iterations: int
    then: Callable[[bytes], bytes]
    password: bytes = field(repr=False)

    def __call__(self) -> bytes:
        return hashlib.pbkdf2_hmac(self.hash, self.password, self.salt, self.iterations)


class Mechanism(Protocol):
    """One SASL mechanism. Must not show its secrets in ``repr``."""

    @property
    def name(self) -> str: ...

    @property
    def satisfied(self) -> bool:
        """Whether the server has proved all that this mechanism asks of it."""

    def begin(self) -> None:
        """Start over, for another exchange."""

    def respond(self, challenge: bytes) -> bytes | Derivation:
        """The answer to a challenge; ``b""`` comes first, as in every mechanism where the client speaks first. Raises
        ``MechanismFailed``."""


class Plain:
    """RFC 4616: user and password in one message. For connections that nobody listens to."""

    name = "PLAIN"
    satisfied = True  # it asks for no proof

    def __init__(self, user: str, password: str) -> None:
        """Raises ``ValueError`` for a NUL, which parts the two on the wire."""
        if "\0" in user or "\0" in password or not user:
            raise ValueError(
                "An account name must not be empty, and neither it nor a password can hold a NUL."
            )
        self._message = f"\0{user}\0{password}".encode("utf-8", "replace")

    def begin(self) -> None:
        """It has no steps."""

    def respond(self, challenge: bytes) -> bytes:
        return self._message


class External:
    """RFC 4422 Appendix A: the TLS certificate that the connection was made with says who we are."""

    name = "EXTERNAL"
    satisfied = True  # TLS has seen to it

    def begin(self) -> None:
        """It has no steps."""

    def respond(self, challenge: bytes) -> bytes:
        return (
            b""  # without an authorization identity: the account is the one that the certificate belongs to
        )


class Scram:
    """RFC 5802, RFC 7677: the password is proved, not shown, and the server proves to know it too. Without channel
    binding."""

    def __init__(self, name: str, user: str, password: str, nonce: Callable[[], str]) -> None:
        """``name`` is SCRAM-SHA-256 or SCRAM-SHA-512; ``nonce`` gives printable ASCII without commas, never the same twice.
        Raises ``ValueError`` for what SASLprep (RFC 4013) does not let pass."""
        self.name = name
        self._hash = _SCRAM_NAMES[name]
        self._password = saslprep(password).encode()
        self._user = saslprep(user).replace("=", "=3D").replace(",", "=2C")
        self._nonce = nonce
        self.begin()

    def begin(self) -> None:
        self.satisfied = False
        self._step: Callable[[bytes], bytes | Derivation] = self._first
        self._client_nonce = self._nonce()
        self._said = f"n={self._user},r={self._client_nonce}"  # AuthMessage, as far as it has come
        self._server_signature = b""

    def respond(self, challenge: bytes) -> bytes | Derivation:
        return self._step(challenge)

    def _first(self, challenge: bytes) -> bytes:
        self._step = self._final
        return b"n,," + self._said.encode()

    def _final(self, challenge: bytes) -> Derivation:
        said, nonce, salt, iterations = server_first(challenge)
        if not nonce.startswith(self._client_nonce) or len(nonce) == len(self._client_nonce):
            raise MechanismFailed("The server's login answer is not one to our question.")
        self._said = f"{self._said},{said},c=biws,r={nonce}"  # biws: base64 of "n,,", no channel binding
        self._step = self._early

        def proof(salted: bytes) -> bytes:
            return self._proof(salted, nonce)

        return Derivation(self._hash, salt, iterations, proof, self._password)

    def _proof(self, salted: bytes, nonce: str) -> bytes:
        """RFC 5802 §3."""
        auth = self._said.encode()
        client_key = self._mac(salted, b"Client Key")
        signature = self._mac(hashlib.new(self._hash, client_key).digest(), auth)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._server_signature = self._mac(self._mac(salted, b"Server Key"), auth)
        self._step = self._verify
        return f"c=biws,r={nonce},p={base64.b64encode(proof).decode()}".encode()

    def _early(self, challenge: bytes) -> bytes:
        raise MechanismFailed("The server went on with the login before it had our answer.")

    def _verify(self, challenge: bytes) -> bytes:
        if not hmac.compare_digest(server_final(challenge), self._server_signature):
            raise MechanismFailed(
                "The server does not know your password, so it may not be the one it says it is."
            )
        self.satisfied = True
        self._step = self._over
        return b""

    def _over(self, challenge: bytes) -> bytes:
        raise MechanismFailed("The server does not end the login.")

    def _mac(self, key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, self._hash)


def server_first(message: bytes) -> tuple[str, str, bytes, int]:
    """RFC 5802 §7 server-first-message: its text, nonce, salt and iterations. Raises ``MechanismFailed``."""
    text = _text(message)
    attributes = _attributes(text)
    if [name for name, _ in attributes[:3]] != ["r", "s", "i"]:
        # "m" in the first place is an extension that must be understood: none is.
        raise MechanismFailed("The server's login challenge is not one of SCRAM.")
    (_, nonce), (_, salt), (_, iterations) = attributes[:3]
    if not nonce.isascii() or not nonce.isprintable() or len(nonce) > _MAX_NONCE:
        raise MechanismFailed("The server's login challenge has an impossible nonce.")
    if not (iterations.isascii() and iterations.isdecimal() and len(iterations) < 10):
        raise MechanismFailed("The server's login challenge has no iteration count.")
    if not LEAST_ITERATIONS <= int(iterations) <= MOST_ITERATIONS:
        raise MechanismFailed(
            f"The server wants the password hashed {iterations} times; between {LEAST_ITERATIONS} and "
            f"{MOST_ITERATIONS} is safe."
        )
    return text, nonce, _bytes(salt, _MAX_SALT), int(iterations)


def server_final(message: bytes) -> bytes:
    """RFC 5802 §7 server-final-message: the server's signature. Raises ``MechanismFailed``."""
    attributes = _attributes(_text(message))
    name, value = attributes[0] if attributes else ("", "")
    if name == "e":
        words = "".join(char if char.isprintable() else "?" for char in value[:100])
        raise MechanismFailed(f"The server refused our login: {words}.")
    if name != "v":
        raise MechanismFailed("The server ended the login without a proof of its own.")
    return _bytes(value, _MAX_SALT)


def saslprep(text: str) -> str:
    """RFC 4013, as for a stored string. Raises ``ValueError`` for what it prohibits."""
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    if not prepared:
        raise ValueError("There is nothing in it that counts.")
    if any(table(char) for char in prepared for table in _PROHIBITED):
        raise ValueError("It holds characters that SASL does not allow.")
    if any(map(stringprep.in_table_d1, prepared)):  # RFC 3454 §6: right to left, and nothing else
        ends = stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])
        if not ends or any(map(stringprep.in_table_d2, prepared)):
            raise ValueError("It mixes directions of writing in a way that SASL does not allow.")
    return prepared


_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def _text(message: bytes) -> str:
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise MechanismFailed("The server's login challenge is not text.") from None


def _attributes(text: str) -> list[tuple[str, str]]:
    found = []
    for part in text.split(","):
        attribute = _ATTRIBUTE.fullmatch(part)
        if attribute is None:
            raise MechanismFailed("The server's login challenge is not one of SCRAM.")
        found.append((attribute[1], attribute[2]))
    return found


def _bytes(encoded: str, most: int) -> bytes:
    try:
        if 0 < len(encoded) <= most:
            return base64.b64decode(encoded, validate=True)
    except ValueError:
        pass
    raise MechanismFailed("The server's login challenge is not base64.")
