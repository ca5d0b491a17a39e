"""Corrections for networks that have none: said in words, once, when the user has stopped correcting.

People correct a message several times within seconds; others should read one line, not every step of it.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from gateway.bridge import Cancellable, Clock
from gateway.chat.degrade import correction

#: Seconds without a further correction after which one is said.
QUIET = 3.0
#: Texts remembered to correct a correction.
_REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class Correction:
    """``original`` is the id of the message's first version. ``before`` gives what readers know, None if that is not known;
    it is asked when the correction is said, since the network may confirm the message only meanwhile. ``say`` is called
    with the line to say, or ``drop`` if there is nothing to say; exactly one of the two."""

    original: str
    before: Callable[[], str | None]
    after: str
    say: Callable[[str], None]
    drop: Callable[[], None]


class Corrections:
    """Of all places of a component. ``Hashable`` is whatever tells one place from another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[Hashable, tuple[Correction, Cancellable]] = {}
        self._latest: dict[tuple[Hashable, str], str] = {}

    def put(self, place: Hashable, correction: Correction) -> None:
        """Say it when it stays the last word for a while."""
        waiting = self._waiting.get(place)
        if waiting is not None and waiting[0].original == correction.original:
            waiting[1].cancel()
            waiting[0].drop()
        elif waiting is not None:
            self.flush(place)
        handle = self._clock.call_later(QUIET, lambda: self.flush(place))
        self._waiting[place] = correction, handle

    def flush(self, place: Hashable) -> None:
        """Say now what waits in a place: before anything else is said there."""
        waiting = self._waiting.pop(place, None)
        if waiting is None:
            return
        wanted, handle = waiting
        handle.cancel()
        known = self._latest.get((place, wanted.original))
        before = wanted.before() if known is None else known
        line = correction(before, wanted.after) if before is not None else f"* {wanted.after}"
        self.remember(place, wanted.original, wanted.after)
        if line:
            wanted.say(line)
        else:
            wanted.drop()

    def flush_all(self) -> bool:
        """Say everything that waits; whether there was anything."""
        some = self.waiting
        for place in list(self._waiting):
            self.flush(place)
        return some

    def remember(self, place: Hashable, original: str, text: str) -> None:
        """What readers know a message as, where that is not the text they were sent."""
        self._latest.pop((place, original), None)
        self._latest[place, original] = text
        if len(self._latest) > _REMEMBERED:
            del self._latest[next(iter(self._latest))]

    @property
    def waiting(self) -> bool:
        """Whether any place has to be flushed before something is said: hot, and mostly not."""
        return bool(self._waiting)
