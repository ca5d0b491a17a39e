"""Networks that break apart: who went with a split, so that thousands of departures and returns are two lines in a room.

A split shows as QUITs that name two servers, or as a batch that says so (IRCv3 netsplit, netjoin). Whoever goes with one is
told as ``Exit.SPLIT`` at once, and as gone for good only if they are not back in ``AWAY`` seconds, or if they were few.
Does not know what clients see.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridges.irc.alarm import NEVER
from bridges.irc.channels import Channel, live_keys
from bridges.irc.common import Common
from bridges.irc.users import User
from gateway.model import Departure, Exit

AWAY = 120.0  # seconds to wait for somebody who went with a split
MAX_AWAY = 20_000  # people waited for; who goes beyond that is just gone
FEW = 5  # departures in one burst that are not worth a line
MODES_TIME = 3.0  # seconds for servers to give back the modes of somebody who returned
MAX_SERVER = 63  # characters of a server's name
PORTION = 100  # people told in one turn of the loop
_QUIET = 1.0  # seconds without another departure or return until a line is written
_LONGEST = 5.0  # seconds until it is written in any case
_PAUSE = 0.005  # seconds between portions

#: "hub.example.org leaf.example.org", or hidden: "*.net *.split". Servers put something before what users say themselves.
_SERVERS = re.compile(
    r"((?:[\w*-]{1,63}\.){1,8}[\w*-]{1,63}) ((?:[\w*-]{1,63}\.){1,8}[\w*-]{1,63})", re.ASCII
)

Servers = tuple[str, str]


@dataclass(slots=True)
class _Away:
    """Somebody who went with a split; ``modes`` are the prefix modes by channel, of channels where there were any."""

    nick: str
    identity: str
    keys: list[str]
    modes: dict[str, str]
    servers: Servers
    reason: str
    until: float  # monotonic seconds


@dataclass(slots=True)
class _Burst:
    """How many went, or came back, in each channel. ``first``: the first of them, folded, one more than ``FEW`` at most."""

    began: float
    latest: float
    people: dict[str, int]
    first: list[str]

    @property
    def due(self) -> float:
        return min(self.latest + _QUIET, self.began + _LONGEST)


@dataclass(slots=True)
class _Returning:
    """Somebody who is back in a channel, and is told as soon as they have the ``modes`` that they had."""

    channel: Channel
    modes: str
    until: float


def servers(reason: str) -> Servers | None:
    """The two servers that a QUIT names; None if it is not a split's."""
    found = _SERVERS.fullmatch(reason) if len(reason) < 200 else None
    return None if found is None or found[1] == found[2] else (found[1], found[2])


class Splits:
    """Of one session. ``changed`` tells the core what somebody in a channel is now."""

    __slots__ = (
        "_away",
        "_back",
        "_changed",
        "_common",
        "_fold",
        "_gone",
        "_latest",
        "_note",
        "_returning",
        "batch",
    )

    def __init__(
        self,
        common: Common,
        note: Callable[[Channel, str], None],
        changed: Callable[[Channel, User], None],
    ) -> None:
        self._common = common
        self._fold = common.standing.fold_nick
        self._note = note
        self._changed = changed
        self._away: dict[str, _Away] = {}  # by folded nick; the longest first
        self._returning: dict[tuple[str, str], _Returning] = {}  # by channel and folded nick
        self._gone: dict[Servers, _Burst] = {}
        self._back: dict[Servers, _Burst] = {}
        # What somebody quit with, read, and told to the core: they come in bursts.
        self._latest: tuple[str, Servers | None, Departure] = ("", None, Departure(Exit.SPLIT))
        self.batch: Servers | None = None  # of the batch whose lines come now

    def __bool__(self) -> bool:
        return bool(self._away)

    # -- what the network tells --------------------------------------------------------------------------------

    def quit(self, user: User, modes: dict[Channel, str], reason: str) -> bool:
        """Somebody has quit, who had these prefix ``modes`` in the channels where they were; whether it was in a split, and
        is told."""
        if reason != self._latest[0]:
            self._latest = reason, servers(reason), Departure(Exit.SPLIT, reason)
        named = self.batch or self._latest[1]
        keys = live_keys(modes)
        if named is None or not keys or len(self._away) >= MAX_AWAY:
            return False
        folded, now = self._fold(user.nick), self._common.clock.monotonic()
        self._away.pop(folded, None)
        held = {channel.key: letters for channel, letters in modes.items() if letters}
        self._away[folded] = _Away(user.nick, user.identity, keys, held, named, reason, now + AWAY)
        self._count(self._gone, named, keys, folded, now)
        self._common.sink.departed(keys, user.nick, self._latest[2])
        return True

    def came(self, channel: Channel, user: User) -> bool:
        """Somebody has come into a channel while people are away; whether telling it waits for their modes."""
        folded = self._fold(user.nick)
        away = self._away.get(folded)
        if away is None or channel.key not in away.keys:
            return False
        if away.identity and user.identity and away.identity != user.identity:
            del self._away[folded]  # somebody else under the nick
            self._common.sink.departed(away.keys, away.nick, Departure(Exit.QUIT, away.reason))
            return False
        away.keys.remove(channel.key)
        if not away.keys:
            del self._away[folded]
        now = self._common.clock.monotonic()
        self._count(self._back, self.batch or away.servers, (channel.key,), folded, now)
        modes = away.modes.get(channel.key, "")
        if modes:
            self._returning[channel.key, folded] = _Returning(channel, modes, now + MODES_TIME)
            self._common.alarm.need(now + MODES_TIME)
        return bool(modes)

    def holds(self, channel: Channel, user: User) -> bool:
        """Whether news of somebody waits until they have the modes again that they had."""
        if not self._returning:
            return False
        key = channel.key, self._fold(user.nick)
        waiting = self._returning.get(key)
        if waiting is None or waiting.channel is not channel:
            return False
        if channel.modes_of(key[1]) != waiting.modes:
            return True
        del self._returning[key]
        return False

    def renamed(self, old: str, new: str) -> None:
        """Somebody is about to change their nick."""
        if self._returning:
            folded = self._fold(old)
            for key in [key for key in self._returning if key[1] == folded]:
                self._arrived(key)
        if self._away:
            self.displaced(new)

    def displaced(self, nick: str) -> None:
        """Whoever went as ``nick`` is gone for good: somebody else is about to be called so."""
        away = self._away.pop(self._fold(nick), None)
        if away is not None:
            self._lost(away)

    def ended(self) -> None:
        """A batch is complete: nothing more comes of it."""
        self._tell(NEVER)

    def clear(self) -> None:
        """We are in no channel any more."""
        for each in (self._away, self._returning, self._gone, self._back):
            each.clear()

    # -- time --------------------------------------------------------------------------------------------------

    def expire(self, now: float) -> float:
        """Tell what is due, in portions; when to look again."""
        if not (self._away or self._returning or self._gone or self._back):
            return NEVER
        self._tell(now)
        for key, waiting in list(self._returning.items())[:PORTION]:
            if waiting.until <= now:
                self._arrived(key)
        for folded, away in list(self._away.items())[:PORTION]:
            if away.until <= now:
                del self._away[folded]
                self._lost(away)
        times = [burst.due for bursts in (self._gone, self._back) for burst in bursts.values()]
        times += [each.until for each in self._first()]
        return max(min(times, default=NEVER), now + _PAUSE)

    def _first(self) -> Sequence[_Away | _Returning]:
        firsts = (next(iter(self._away.values()), None), next(iter(self._returning.values()), None))
        return [each for each in firsts if each is not None]

    # -- pieces ------------------------------------------------------------------------------------------------

    def _count(
        self, bursts: dict[Servers, _Burst], named: Servers, keys: Sequence[str], folded: str, now: float
    ) -> None:
        burst = bursts.get(named)
        if burst is None:
            burst = bursts[named] = _Burst(now, now, {}, [])
            self._common.tally.splits += bursts is self._gone
            self._common.alarm.need(burst.due)
        burst.latest = now
        if len(burst.first) <= FEW:
            burst.first.append(folded)
        for key in keys:
            burst.people[key] = burst.people.get(key, 0) + 1

    def _tell(self, now: float) -> None:
        for (one, other), burst in _due(self._gone, now):
            if len(burst.first) > FEW:
                self._write(burst, f"netsplit: {one} <-> {other}", "people")
                continue
            for folded in burst.first:
                self.displaced(folded)
        for (one, other), burst in _due(self._back, now):
            if len(burst.first) > FEW:
                self._write(burst, f"netjoin: {one} <-> {other}", "people are back")

    def _write(self, burst: _Burst, what: str, who: str) -> None:
        for key, count in burst.people.items():
            channel = self._common.channels.get(key)
            if channel is not None:
                self._note(channel, f"{what}, {count} {who}")

    def _arrived(self, key: tuple[str, str]) -> None:
        """Tell of somebody who returned what is known, if they are still there."""
        channel = self._returning.pop(key).channel
        user = self._common.channels.user(key[1])
        if user is not None and key[1] in channel.members and self._common.channels.get(key[0]) is channel:
            self._changed(channel, user)

    def _lost(self, away: _Away) -> None:
        """Somebody does not come back, where they are not back already."""
        keys, folded = [], self._fold(away.nick)
        for key in away.keys:
            channel = self._common.channels.get(key)
            if channel is not None and channel.live and folded not in channel.members:
                keys.append(key)
        if keys:
            self._common.sink.departed(keys, away.nick, Departure(Exit.QUIT, away.reason))


def _due(bursts: dict[Servers, _Burst], now: float) -> list[tuple[Servers, _Burst]]:
    """Those whose line is to be written now; they are over."""
    found = [(named, burst) for named, burst in bursts.items() if burst.due <= now]
    for named, _ in found:
        del bursts[named]
    return found
