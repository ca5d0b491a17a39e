"""Secrets at rest: text sealed with a key that lies in a file of its own, outside the database.

AES-256-GCM. A sealed secret is bound to its place (``context``), so that copying it into another row or another user's
account makes it useless. Knows no database and no account.
"""

import base64
import binascii
import hashlib
import os
import stat
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1"
_KEY_OCTETS = 32
_NONCE_OCTETS = 12  # NIST SP 800-38D §8.2.2: 96 random bits are good for 2^32 secrets under one key
_FILE_LIMIT = 1024


class SecretError(Exception):
    """One sentence of what is wrong with a key or a sealed secret, and what to do. ``wrong_key`` means that no secret
    of this key can be opened, not just this one."""

    def __init__(self, text: str, *, wrong_key: bool = False) -> None:
        super().__init__(text)
        self.wrong_key = wrong_key


class SecretBox:
    """Seals and opens text with one key. Neither ``repr`` nor any error shows the key or a secret."""

    __slots__ = ("_cipher", "_key_id", "_pseudonyms", "_source")

    def __init__(self, key: bytes, source: str = "the key") -> None:
        """``key`` is 32 octets; ``source`` is how errors name where it came from."""
        if len(key) != _KEY_OCTETS:
            raise SecretError(
                f"{source} holds {len(key)} octets, but a key has {_KEY_OCTETS}: restore the right file."
            )
        self._cipher = AESGCM(key)
        self._key_id = hashlib.sha256(b"causeway key id\x00" + key).hexdigest()[:8]
        self._pseudonyms = hashlib.blake2b(b"causeway pseudonyms", key=key).digest()
        self._source = source

    def __repr__(self) -> str:
        return f"SecretBox(key id {self._key_id})"

    @property
    def key_id(self) -> str:
        """Tells keys apart, and nothing else about them."""
        return self._key_id

    @classmethod
    def create(cls, path: Path) -> Self:
        """Write a new random key to ``path`` (base64, mode 0600), which must not exist. Blocks: call it before the loop
        runs or in a thread."""
        key = os.urandom(_KEY_OCTETS)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(key) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            raise SecretError(
                f"The key file {path} exists already: keep it, for without it no stored password can be read, or name "
                "another file."
            ) from None
        except OSError as error:
            raise SecretError(
                f"The key file {path} cannot be written ({error.strerror}): {_fix(error)}."
            ) from error
        return cls(key, f"The key file {path}")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the key of ``path``, a regular file that nobody else may read. Blocks, as ``create``."""
        try:
            # Without O_NONBLOCK a fifo in its place would hold the start for ever.
            with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise SecretError(
                        f"The key file {path} is no regular file: name one, or make one with 'causeway init'."
                    )
                text = file.read(_FILE_LIMIT)
        except FileNotFoundError:
            raise SecretError(
                f"The key file {path} does not exist: restore it from a backup, or make a new one with 'causeway init' "
                "if there are no stored passwords yet."
            ) from None
        except OSError as error:
            raise SecretError(
                f"The key file {path} cannot be read ({error.strerror}): {_fix(error)}."
            ) from error
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise SecretError(
                f"The key file {path} can be used by others (mode {mode:04o}): run 'chmod 600 {path}'."
            )
        try:
            key = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise SecretError(
                f"The key file {path} is not base64 text: restore the right file from a backup."
            ) from None
        return cls(key, f"The key file {path}")

    def same_key(self, other: "SecretBox") -> bool:
        """Whether each opens what the other has sealed."""
        return self._key_id == other._key_id

    def seal(self, text: str, context: str) -> str:
        """``text`` (any string) as ASCII that only the same key and ``context`` open: ``v1.<key id>.<base64url>``."""
        nonce = os.urandom(_NONCE_OCTETS)
        # Half a surrogate pair is no UTF-8, but it is a str that somebody may have typed.
        sealed = self._cipher.encrypt(nonce, text.encode("utf-8", "surrogatepass"), self._bound(context))
        return f"{_VERSION}.{self._key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode('ascii')}"

    def open(self, token: str, context: str) -> str:
        """What was sealed; raises ``SecretError``."""
        version, _, rest = token.partition(".")
        key_id, _, body = rest.partition(".")
        if version != _VERSION or not body:
            raise SecretError(
                "A stored secret has a form that this Causeway does not know: install the version that wrote it, or set "
                "the password anew."
            )
        if key_id != self._key_id:
            raise SecretError(
                f"{self._source} (key id {self._key_id}) is not the one that the stored passwords were sealed with: "
                "restore the key file that belongs to this database, or remove the stored passwords and set them anew.",
                wrong_key=True,
            )
        try:
            raw = base64.b64decode(body, altchars=b"-_", validate=True)
            opened = self._cipher.decrypt(raw[:_NONCE_OCTETS], raw[_NONCE_OCTETS:], self._bound(context))
            return opened.decode("utf-8", "surrogatepass")
        except (InvalidTag, ValueError):
            raise SecretError(
                "A stored secret was changed or moved since it was sealed: set that password anew."
            ) from None

    def pseudonym(self, *words: str) -> str:
        """A name for what ``words`` say: the same as long as the key is, and of no use without the key to find out what they
        are. 32 hexadecimal digits."""
        said = b"".join(
            len(word).to_bytes(4, "big") + word
            for word in (each.encode("utf-8", "surrogatepass") for each in words)
        )
        return hashlib.blake2b(said, key=self._pseudonyms, digest_size=16).hexdigest()

    def _bound(self, context: str) -> bytes:
        return f"{_VERSION}.{self._key_id}.{context}".encode("utf-8", "surrogatepass")


def _fix(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "give it to the user that runs Causeway"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "create its directory"
    return "see that its disk works and has room"
