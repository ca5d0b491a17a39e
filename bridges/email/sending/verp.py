"""Return addresses, one for each recipient of each mail (VERP): what comes back to one of them is about that one.

``b+`` and 28 characters of base32 in lower case: the recipient's row, the day on which the address ends, and an HMAC, so
that nobody makes one up. Letter case does not matter, for some servers change it.
"""

import base64
import hashlib
import hmac
import random
import re
from dataclasses import dataclass

from bridges.email.addresses import Mailbox

PREFIX = "b+"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 §6
_ROW, _DAY, _SEAL = 12, 4, 12
_TOKEN = re.compile(rf"[a-z2-7]{{{_ROW + _DAY + _SEAL}}}")
_ROW_PATTERN = re.compile(rf"[a-z2-7]{{{_ROW}}}")
_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Return:
    """A return address of ours. ``expired``: nothing that comes now can be about that mail any more."""

    row: str
    expired: bool


def new_row(chance: random.Random) -> str:
    """A name for a row: 60 bits."""
    return "".join(chance.choice(_ALPHABET) for _ in range(_ROW))


class ReturnPaths:
    """``secret``: 32 octets, for ever the same. ``domain``: in A-labels. ``days``: how long an address is good; reports of a
    server that tries for a week, and answers of people who are on holiday, come late."""

    def __init__(self, secret: bytes, domain: str, days: int = 60) -> None:
        self._secret = secret
        self._domain = domain.lower()
        self._days = days

    def address(self, row: str, now: float) -> str:
        """For the row of a recipient, made by ``new_row``."""
        if _ROW_PATTERN.fullmatch(row) is None:
            raise ValueError(f"{row!r} is no name of a row")
        day = _written(int(now // _SECONDS) + self._days)
        return f"{PREFIX}{row}{day}{self._seal(row + day)}@{self._domain}"

    def read(self, mailbox: Mailbox, now: float) -> Return | None:
        """None for what is no return address of ours."""
        local = mailbox.local.lower()
        if mailbox.domain != self._domain and mailbox.envelope.partition("@")[2].lower() != self._domain:
            return None
        token = local.removeprefix(PREFIX)
        if token == local or _TOKEN.fullmatch(token) is None:
            return None
        row, day, seal = token[:_ROW], token[_ROW : _ROW + _DAY], token[_ROW + _DAY :]
        if not hmac.compare_digest(seal, self._seal(row + day)):
            return None
        return Return(row, _read(day) < int(now // _SECONDS))

    def _seal(self, text: str) -> str:
        digest = hmac.digest(self._secret, b"verp" + text.encode("ascii"), hashlib.sha256)
        return base64.b32encode(digest)[:_SEAL].decode("ascii").lower()


def _written(day: int) -> str:
    letters = ""
    for _ in range(_DAY):
        day, digit = divmod(day, len(_ALPHABET))
        letters = _ALPHABET[digit] + letters
    return letters


def _read(letters: str) -> int:
    day = 0
    for each in letters:
        day = day * len(_ALPHABET) + _ALPHABET.index(each)
    return day
