"""What was said while the user was away, on networks that keep it (IRCv3 draft/chathistory): asked for after coming in.

A server that is asked for its history sends none by itself, so the last words of a channel are asked for at every coming in.
What comes is a replay like those of servers that send it unasked; who has heard a message before knows it by its id. Asked
only when nothing waits to be sent, for nobody waits for it.
"""

from collections import deque
from collections.abc import Collection
from datetime import UTC, datetime
from enum import Enum, auto
from typing import ClassVar, NamedTuple

from bridges.irc.addresses import check_nick
from bridges.irc.alarm import NEVER
from bridges.irc.common import Common, Handlers
from bridges.irc.errands import Errands
from bridges.irc.extras import CHATHISTORY
from bridges.irc.protocol.line import Line, serialise
from gateway.bridge import BadAddress, Clock, Memory

#: Without the others there is no telling what is old, and what was heard before.
_NEEDED = frozenset((CHATHISTORY, "batch", "message-tags", "server-time"))

FUZZ = 300.0  # seconds by which clocks may differ, and for which a dead connection may have looked alive
RETURNING = 60.0  # seconds from the welcome in which channels are come back into
MOST = 100  # messages of one channel or person that were missed
USUAL = 20  # messages of a channel that is new to us
PACE = 2.0  # seconds between questions
REMEMBER = 300.0  # seconds between writing down that we are here
_PEOPLE = 50  # who may have written meanwhile
_MOST_ASKS = 500
_NAME = "seen"


class Seen:
    """Until when users were on networks, beyond restarts."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._errands = Errands("time of being seen")

    async def until(self, user: str, network: str) -> float | None:
        """Unix seconds; None for somebody who was never there."""
        text = (await self._memory.recall(user, network)).get(_NAME, "")
        return float(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None

    def now(self, user: str, network: str) -> None:
        self._errands.run(self._memory.remember(user, network, _NAME, str(int(self._clock.now()))))


class _Kind(Enum):
    PEOPLE = auto()  # who has written meanwhile?
    MISSED = auto()  # what was said meanwhile?
    USUAL = auto()  # what was said last?


class _Ask(NamedTuple):
    kind: _Kind
    target: str = ""


class Backlog:
    """Of one session of ``user``."""

    __slots__ = ("_asks", "_at", "_began", "_common", "_errands", "_seen", "_user", "_writes", "since")

    def __init__(self, common: Common, seen: Seen, user: str) -> None:
        self._common = common
        self._seen = seen
        self._user = user
        self._errands: Errands | None = None  # only where there is a history
        self._asks: deque[_Ask] | None = None
        self._began = self._at = self._writes = NEVER  # monotonic seconds
        self.since: float | None = None  # Unix seconds until which nothing was missed

    def begin(self, capabilities: Collection[str]) -> None:
        """We are in."""
        if _NEEDED.issubset(capabilities):
            self._asks = deque()
            self._began = self._common.clock.monotonic()
            self._errands = Errands("backlog")
            self._errands.run(self._recall())

    def entered(self, name: str) -> None:
        """We have come into a channel."""
        back = self._common.clock.monotonic() - self._began < RETURNING
        self._want(_Ask(_Kind.MISSED if back else _Kind.USUAL, name))

    def expire(self, now: float) -> float:
        """Ask what is to be asked, if nothing else is to be sent; when to look again."""
        if now >= self._writes:
            self._seen.now(self._user, self._common.network)
            self._writes = now + REMEMBER
        if now >= self._at:
            if self._asks and self._common.queue.idle:
                self._ask(self._asks.popleft())
            self._at = now + PACE if self._asks else NEVER
        return min(self._at, self._writes)

    def leave(self) -> None:
        """The connection is ending: until now nothing was missed."""
        if self._writes != NEVER:
            self._seen.now(self._user, self._common.network)
            self._writes = NEVER

    def close(self) -> None:
        """The connection is over."""
        if self._errands is not None:
            self._errands.cancel()
        self._asks = None
        self._at = self._writes = NEVER

    # inside

    async def _recall(self) -> None:
        self.since = await self._seen.until(self._user, self._common.network)
        self._writes = self._common.clock.monotonic()
        self._common.alarm.need(self._writes)
        if self.since is not None:
            self._want(_Ask(_Kind.PEOPLE))
        self._soon()

    def _want(self, ask: _Ask) -> None:
        if self._asks is not None and len(self._asks) < _MOST_ASKS and ask not in self._asks:
            self._asks.append(ask)
            self._soon()

    def _soon(self) -> None:
        # Not before it is known since when: until then nothing is asked.
        if self._writes != NEVER and self._asks and self._at == NEVER:
            self._at = self._common.clock.monotonic() + PACE
            self._common.alarm.need(self._at)

    def _ask(self, ask: _Ask) -> None:
        tokens = self._common.standing.support.tokens
        if "timestamp" not in tokens.get("MSGREFTYPES", "timestamp").split(","):
            return
        told = tokens.get("CHATHISTORY", "")
        most = int(told) if told.isascii() and told.isdecimal() and len(told) < 6 else 0
        since = _reference(self.since - FUZZ) if self.since is not None else "*"
        if ask.kind is _Kind.PEOPLE:
            until = _reference(self._common.clock.now() + FUZZ)
            line = serialise("CHATHISTORY", "TARGETS", until, since, str(min(_PEOPLE, most or _PEOPLE)))
        elif ask.kind is _Kind.MISSED and self.since is not None:
            line = serialise("CHATHISTORY", "LATEST", ask.target, since, str(min(MOST, most or MOST)))
        else:
            line = serialise("CHATHISTORY", "LATEST", ask.target, "*", str(min(USUAL, most or USUAL)))
        self._common.queue.put(line)

    def _target(self, line: Line) -> None:
        """``CHATHISTORY TARGETS name time``. Channels are asked about anyway."""
        name = line.params[1]
        if line.params[0].upper() != "TARGETS" or self._common.standing.support.is_channel(name):
            return
        try:
            self._want(_Ask(_Kind.MISSED, check_nick(name)))
        except BadAddress:
            return  # nobody who could have written

    HANDLERS: ClassVar[Handlers["Backlog"]] = {"CHATHISTORY": (_target, 2)}


def _reference(time: float) -> str:
    return f"timestamp={datetime.fromtimestamp(max(time, 0.0), UTC):%Y-%m-%dT%H:%M:%S}.000Z"
