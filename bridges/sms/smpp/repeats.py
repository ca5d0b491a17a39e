"""What a message centre brings once more, since it never had our answer: the connection ended between the commit and that.

SMPP has no id for a message (deliver_sm, §4.6.1), and people do say "ok" twice. So one is taken for another only where the
centre must bring it again: it was kept, its answer was not written, and the same comes on another connection within some
time. What came twice on the connection that was lost is two messages.
"""

from collections import OrderedDict
from typing import Final

from bridges.sms.smpp.bodies import Message
from gateway.bridge import Clock

#: Seconds in which a message centre has connected again and brings what it has; later it would be somebody's words.
SECONDS: Final = 120.0
_MOST: Final = 1000


class Repeats:
    """``connection`` is whatever is the same for one connection, and for no other."""

    def __init__(self, clock: Clock, seconds: float = SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
        self._owed: OrderedDict[Message, list[tuple[object, float]]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._owed.values()))

    def unanswered(self, message: Message, connection: object) -> None:
        """It is kept, and nobody could be told on the connection that brought it."""
        now = self._clock.monotonic()
        self._forget(now)
        self._owed.setdefault(message, []).append((connection, now + self._seconds))
        self._owed.move_to_end(message)
        if len(self._owed) > _MOST:
            self._owed.popitem(last=False)

    def again(self, message: Message, connection: object) -> bool:
        """Whether this is one of them; each is recognised once."""
        if not self._owed:
            return False
        now = self._clock.monotonic()
        self._forget(now)
        expected = self._owed.get(message, [])
        for each in expected:
            if each[0] is not connection and each[1] > now:
                expected.remove(each)
                if not expected:
                    del self._owed[message]
                return True
        return False

    def _forget(self, now: float) -> None:
        while self._owed:
            message, expected = next(iter(self._owed.items()))
            if expected[-1][1] > now:
                return
            del self._owed[message]
