"""What is done to messages that the network has not named yet: it waits until it can be said which one is meant.

Clients let people take back or correct what they sent a moment ago, and the network may take longer than that to take it.
"""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from gateway.bridge import Cancellable, Clock

Chat = TypeVar("Chat", bound=Hashable)

_PATIENCE = 10.0  # seconds after the message
_MOST = 1000  # that wait, of all chats together

Deed = Callable[[], None]


class Unnamed(Generic[Chat]):
    """By chat, and by the id of the message in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[tuple[Chat, str], tuple[Cancellable, list[Deed]]] = {}
        self._count = 0

    def wait(self, chat: Chat, id_: str, sent: float, then: Deed) -> bool:
        """Call ``then`` at ``end``, or in time; False: there is nothing to wait for any more. ``sent``: Unix seconds."""
        left = sent + _PATIENCE - self._clock.now()
        if left <= 0 or self._count >= _MOST:
            return False
        if (chat, id_) not in self._waiting:
            timer = self._clock.call_later(left, partial(self.end, chat, id_))
            self._waiting[chat, id_] = timer, []
        self._waiting[chat, id_][1].append(then)
        self._count += 1
        return True

    def end(self, chat: Chat, id_: str) -> None:
        """The message has a name, or will not get one."""
        timer, deeds = self._waiting.pop((chat, id_), (None, []))
        if timer is not None:
            timer.cancel()
        self._count -= len(deeds)
        for each in deeds:
            each()
