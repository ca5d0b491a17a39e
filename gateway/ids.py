"""Ids for messages and occupants: unique for ever, cheap to make, never guessed back to a person."""

import random
import re

from gateway.bridge import Clock

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_OURS = re.compile(r"[0-9a-z]{8,9}-[0-9a-z]{1,13}-[0-9a-f]{1,16}(?:-([0-9a-f]{1,12}))?")
_LAST = float(1 << 38)  # seconds: what fits into an id


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"


class IdSource:
    """Makes ids of the form ``<start of this process>-<random>-<count>``: no two processes ever make the same one."""

    __slots__ = ("_count", "_moment", "_prefix", "_suffix")

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._prefix = f"{_base36(int(clock.now() * 1000))}-{_base36(rng.getrandbits(64))}-"
        self._count = 0
        self._moment = -1  # milliseconds in ``_suffix``: messages come in bursts
        self._suffix = ""

    def next(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:x}"

    def at(self, time: float) -> str:
        """An id for what is said at ``time`` (Unix seconds), which ``time_in`` reads from it again: so archives find a
        message by its id without an index of ids. A time that makes no sense is left out."""
        self._count += 1
        if 0.0 <= time < _LAST:
            moment = int(time * 1000)
            if moment != self._moment:
                self._moment, self._suffix = moment, f"-{moment:x}"
            return f"{self._prefix}{self._count:x}{self._suffix}"
        return f"{self._prefix}{self._count:x}"


def is_ours(id_: str) -> bool:
    """Whether an ``IdSource``, of this process or another, made this id, by its form."""
    return _OURS.fullmatch(id_) is not None


def time_in(id_: str) -> float | None:
    """The time that ``IdSource.at`` has put into an id of ours, to the millisecond; None for all others."""
    found = _OURS.fullmatch(id_)
    return int(found[1], 16) / 1000 if found is not None and found[1] else None
