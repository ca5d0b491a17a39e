"""Ids for messages and occupants: unique for ever, cheap to make, never guessed back to a person."""

import random
import re

from gateway.bridge import Clock

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_OURS = re.compile(r"[0-9a-z]{8,9}-[0-9a-z]{1,13}-[0-9a-f]{1,16}")


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"


class IdSource:
    """Makes ids of the form ``<start of this process>-<random>-<count>``: no two processes ever make the same one."""

    __slots__ = ("_count", "_prefix")

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._prefix = f"{_base36(int(clock.now() * 1000))}-{_base36(rng.getrandbits(64))}-"
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:x}"


def is_ours(id_: str) -> bool:
    """Whether an ``IdSource``, of this process or another, made this id, by its form."""
    return _OURS.fullmatch(id_) is not None
