"""The channels of a network (LIST), asked for once and remembered for a while.

A list can be long and slow: what has come after some time is told as the beginning of one, and the rest is there for the
next question. Does not know who asks for which part of it.
"""

import re
from typing import ClassVar

from bridges.irc.addresses import is_channel, valid_channel
from bridges.irc.alarm import NEVER
from bridges.irc.common import Common, Handlers
from bridges.irc.console import Console
from bridges.irc.numerics import no_answer
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.line import Line
from bridges.irc.sendqueue import full
from gateway.bridge import Answer
from gateway.model import Catalog, Condition, ErrorType, Listed, Refused

FRESH = 60.0  # seconds in which a list is not asked for again
KEPT = 900.0  # seconds for which it is remembered, so that further pages fit the first
PATIENCE = 20.0  # seconds until what has come is told
LIST_TIME = 300.0  # seconds until a list that does not end counts as ended
MOST = 60_000  # channels; the largest network has about half as many
_MAX_TOPIC = 160  # characters
_SMALL = 2000  # channels that a server without SAFELIST can be asked for in one go
_FEWEST = 4  # people in a channel that is worth listing where there are too many
_UNSAFE = Refused(
    Condition.RESOURCE_CONSTRAINT,
    "This network has too many channels to list them here. Ask it for a part by a message to its address, for instance "
    "LIST *python*.",
    ErrorType.CANCEL,
)

# InspIRCd and UnrealIRCd put the modes before the topic, a channel's key among them.
_MODES = re.compile(r"\[\+[^\]]*\] ?")


class Listing:
    """``list_rooms`` of one session. A ``sendqueue.Parcel`` of its one line."""

    __slots__ = (
        "_asked_at",
        "_asking",
        "_channels",
        "_common",
        "_console",
        "_entries",
        "_since",
        "_waiting",
        "_whole",
        "withdrawn",
    )

    def __init__(self, common: Common, console: Console) -> None:
        self._common = common
        self._console = console
        self._entries: list[Listed] = []
        self._whole = False  # `_entries` is all there is
        self._asked_at = -NEVER  # when the line was written
        self._asking = False
        self._waiting: list[Answer[Catalog]] = []
        self._channels: int | None = None  # as LUSERS said
        self._since = common.clock.monotonic()
        self.withdrawn = False

    def list_rooms(self, answer: Answer[Catalog], *, anew: bool) -> None:
        now = self._common.clock.monotonic()
        age = now - self._asked_at
        if not self._asking and self._whole and age < (FRESH if anew else KEPT):
            answer.told(self._catalog())
            return
        if self._asking and age > PATIENCE:
            answer.told(self._catalog())
            return
        if not self._asking:
            line = self._line(now)
            if isinstance(line, Refused):
                answer.refused(line)
                return
            self._entries, self._whole, self._asking, self._asked_at = [], False, True, now
            if not self._common.queue.put(line, self):
                self._asking = False
                answer.refused(full(self._common.network))
                return
        self._waiting.append(answer)

    def written(self) -> None:
        self._asked_at = self._common.clock.monotonic()
        self._common.alarm.need(self._asked_at + PATIENCE)

    def lost(self, why: Refused) -> None:
        self._refuse(why)

    def expire(self, now: float) -> float:
        """When to look again."""
        # Sums throughout: a difference is rounded otherwise, and a moment never reached would be waited for again and
        # again.
        at = self._asked_at
        if not self._asking:
            if self._entries and now >= at + KEPT:
                self._entries, self._whole = [], False
            return at + KEPT if self._entries else NEVER
        if now < at + PATIENCE:
            return at + PATIENCE
        if not self._entries:
            self._refuse(no_answer(self._common.network, "the list of channels", PATIENCE))
            return NEVER
        self._tell()
        if now < at + LIST_TIME:
            return at + LIST_TIME
        self._end()
        return at + KEPT

    def close(self, why: Refused) -> None:
        self._refuse(why)

    # what the network tells

    def _entry(self, line: Line) -> None:
        if not self._asking:
            self._console.other(line)
            return
        name, people = line.params[1], line.params[2]
        # Some servers hide the names of private channels behind an asterisk.
        if len(self._entries) >= MOST or not is_channel(name) or not valid_channel(name):
            return
        topic = strip(_MODES.sub("", line.params[3], 1))[:_MAX_TOPIC] if len(line.params) > 3 else ""
        count = int(people) if people.isascii() and people.isdecimal() and len(people) < 9 else None
        self._entries.append(Listed(name, count, topic))

    def _begin(self, line: Line) -> None:
        if not self._asking:
            self._console.other(line)

    def _finished(self, line: Line) -> None:
        if self._asking:
            self._end()
        else:
            self._console.other(line)

    def refuse(self, line: Line, why: Refused) -> bool:
        """263 and its kind, about LIST; whether it was ours."""
        if self._asking and not self._entries and line.params[1:2] == ["LIST"]:
            self._refuse(why)
            return True
        return False

    def _formed(self, line: Line) -> None:
        """254 ``<me> <n> :channels formed``."""
        count = line.params[1]
        if count.isascii() and count.isdecimal() and len(count) < 9:
            self._channels = int(count)
        self._console.other(line)

    # inside

    def _line(self, now: float) -> str | Refused:
        support = self._common.standing.support
        closed = support.tokens.get("SECURELIST", "")
        if closed.isascii() and closed.isdecimal() and len(closed) < 6 and now - self._since < int(closed):
            return Refused(
                Condition.RESOURCE_CONSTRAINT,
                f"{self._common.network} lists its channels only to those who have been connected for {int(closed)} "
                "seconds. Try again then.",
            )
        if "SAFELIST" in support.tokens or (self._channels or 0) <= _SMALL:
            return "LIST"
        # Without SAFELIST a server drops who asks for more than it can send at once.
        return f"LIST >{_FEWEST - 1}" if "U" in support.tokens.get("ELIST", "").upper() else _UNSAFE

    def _catalog(self) -> Catalog:
        return Catalog(tuple(self._entries), self._whole)

    def _end(self) -> None:
        self._asking, self._whole = False, True
        self._common.alarm.need(self._asked_at + KEPT)
        self._tell()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            catalog = self._catalog()
            for answer in waiting:
                answer.told(catalog)

    def _refuse(self, why: Refused) -> None:
        self._asking = False
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            answer.refused(why)

    HANDLERS: ClassVar[Handlers["Listing"]] = {
        "254": (_formed, 2),
        "321": (_begin, 1),
        "322": (_entry, 3),
        "323": (_finished, 1),
    }
