"""SCRAM-SHA-256 as a server speaks it (RFC 5802, RFC 7677): one exchange. Bytes in, bytes out; no lines, no base64."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

NAME = "SCRAM-SHA-256"
ITERATIONS = 4096


class Scram:
    """``first`` and ``final`` answer the client's two messages, None where it is to be refused; ``account`` is who it is
    then. ``lying``: as a server that does not know the password, and lets everybody in all the same."""

    def __init__(self, accounts: Mapping[str, str], *, lying: bool = False) -> None:
        self._accounts = accounts
        self._lying = lying
        self._said = ""  # without the header: the beginning of what is signed
        self._nonce = ""
        self._salt = secrets.token_bytes(16)
        self.begun = False
        self.finished = False
        self.account = ""

    def first(self, message: bytes) -> bytes | None:
        """``n,,n=user,r=nonce`` -> ``r=...,s=...,i=...``"""
        header, _, bare = message.decode(errors="replace").partition(",,")
        attributes = _attributes(bare)
        if header != "n" or not attributes.get("r"):
            return None
        self.begun = True
        self.account = attributes.get("n", "").replace("=2C", ",").replace("=3D", "=")
        self._nonce = attributes["r"] + secrets.token_urlsafe(12)
        salt = base64.b64encode(self._salt).decode()
        answer = f"r={self._nonce},s={salt},i={ITERATIONS}"
        self._said = f"{bare},{answer}"
        return answer.encode()

    def final(self, message: bytes) -> bytes | None:
        """``c=biws,r=nonce,p=proof`` -> ``v=signature``"""
        text = message.decode(errors="replace")
        bare, _, proof = text.rpartition(",p=")
        if self._lying:
            self.finished = True
            return b"v=" + base64.b64encode(bytes(32))
        password = self._accounts.get(self.account)
        if password is None or _attributes(bare).get("r") != self._nonce:
            return None
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), self._salt, ITERATIONS)
        signed = f"{self._said},{bare}".encode()
        client = _mac(salted, b"Client Key")
        wanted = bytes(
            one ^ other
            for one, other in zip(client, _mac(hashlib.sha256(client).digest(), signed), strict=True)
        )
        if proof != base64.b64encode(wanted).decode():
            return None
        self.finished = True
        return b"v=" + base64.b64encode(_mac(_mac(salted, b"Server Key"), signed))


def _attributes(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (part.partition("=") for part in text.split(","))}


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
