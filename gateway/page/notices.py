"""What became of what somebody did, for the page that is shown next. Bounded, and forgotten soon."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from gateway.bridge import Clock

_MOST = 50
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Notice:
    """``lists`` are (heading, sentences)."""

    text: str
    failed: bool = False
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Notices:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Notice]] = OrderedDict()

    def keep(self, notice: Notice) -> str:
        """The word by which it is found."""
        word = secrets.token_urlsafe(9)
        self._kept[word] = (self._clock.monotonic() + _SECONDS, notice)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return word

    def find(self, word: str) -> Notice | None:
        until, notice = self._kept.get(word, (0.0, None))
        return notice if self._clock.monotonic() < until else None
