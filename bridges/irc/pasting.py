"""Messages of many lines as a file: where the gateway can publish one, a channel is shown its first line and a link.

What is said to the same channel or person meanwhile waits, so that a conversation reads as it was written. Where nothing can
be published, the lines go out one by one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bridges.irc.alarm import NEVER
from bridges.irc.common import Common
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.split import pieces
from gateway.bridge import Ticket
from gateway.model import Refused

NAME = "message.txt"
#: Messages that wait behind one; what is more goes ahead of its turn.
_MOST_WAITING = 100
_LEAST_FIRST = 40  # bytes of the first line


@dataclass(slots=True)
class _Paste:
    """An ``Answer`` with the file's link."""

    pasting: "Pasting"
    key: str
    ticket: Ticket
    say: Callable[[str], None]  # with the link; empty: there is none
    waiting: list[tuple[Ticket, Callable[[], None]]]

    def told(self, value: str) -> None:
        self._go(value)

    def refused(self, why: Refused) -> None:
        self._go("")

    def _go(self, link: str) -> None:
        if self.pasting.open.get(self.key) is not self:
            return  # the connection has ended meanwhile, and the user knows
        del self.pasting.open[self.key]
        self.say(link)
        for _, send in self.waiting:
            send()


class Pasting:
    """Of one session. ``lines``: messages of more become a file; 0: none do."""

    __slots__ = ("_sink", "lines", "open")

    def __init__(self, common: Common, lines: int) -> None:
        self.lines = lines
        self._sink = common.sink
        self.open: dict[str, _Paste] = {}  # by folded target; looked at before anything else is

    def paste(self, key: str, text: str, ticket: Ticket, say: Callable[[str], None]) -> None:
        """Publish ``text`` and call ``say`` once, with the link or without one."""
        paste = self.open[key] = _Paste(self, key, ticket, say, [])
        self._sink.publish(strip(text), NAME, paste)

    def behind(self, key: str, ticket: Ticket, send: Callable[[], None]) -> bool:
        """Whether ``send`` is called later, for it comes behind a file that is on its way."""
        paste = self.open.get(key)
        if paste is None or len(paste.waiting) >= _MOST_WAITING:
            return False
        paste.waiting.append((ticket, send))
        return True

    def close(self, why: Refused) -> None:
        """The connection is over."""
        pastes, self.open = list(self.open.values()), {}
        for paste in pastes:
            for ticket in (paste.ticket, *(ticket for ticket, _ in paste.waiting)):
                ticket.refused(why)

    def expire(self, now: float) -> float:
        """Publishing is bounded in time by itself."""
        return NEVER


def announced(text: str, link: str, limit: int) -> str:
    """What is said instead of ``text``: its first line, and where the rest is; in ``limit`` bytes if that can be."""
    lines = [line for line in strip(text).split("\n") if line.strip()]
    rest = f" … {len(lines)} lines: {link}"
    room = max(_LEAST_FIRST, limit - len(rest.encode()))
    return f"{pieces(lines[0].strip(), limit_bytes=room)[0].rstrip()}{rest}"
