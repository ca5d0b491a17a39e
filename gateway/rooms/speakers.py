"""Whom of a big room its clients are shown when its user wants them to see only who is active: the user, moderators, and
whoever said something lately. Everybody else is there all the same: they can be written to, looked up, listed and moderated.

Knows who is shown; how somebody is shown, and to which clients, is the room's to know.
"""

from collections.abc import Iterable, Iterator

from gateway.model import Occupant, Role
from gateway.rooms.history import Said
from gateway.rooms.seating import Seating

#: Seconds without a word after which somebody is not shown any more.
SILENCE = 1800.0


class Speakers:
    """Of one room, by nick. ``said`` tells who of those that are there now spoke."""

    __slots__ = ("_always", "_lately", "_own")

    def __init__(self, own: str, seating: Seating, said: Iterable[Said], now: float) -> None:
        self._own = own
        self._always = {each.nick for each in seating.occupants() if _always(each)} | {own}
        self._lately: dict[str, float] = {}  # when they were heard last; the longest silent first
        for each in said:
            if now - each.time < SILENCE and each.sender in seating:
                self.heard(each.sender, each.time)

    def __contains__(self, nick: str) -> bool:
        return nick in self._always or nick in self._lately

    def __iter__(self) -> Iterator[str]:
        yield from self._always
        yield from (nick for nick in self._lately if nick not in self._always)

    def heard(self, nick: str, now: float) -> None:
        """Somebody is to be shown, for a while."""
        self._lately.pop(nick, None)
        self._lately[nick] = now

    def came(self, occupant: Occupant, now: float) -> bool:
        """Somebody came, or changed; whether they are to be shown."""
        nick = occupant.nick
        if _always(occupant) or nick == self._own:
            self._always.add(nick)
        elif nick in self._always:
            self._always.discard(nick)
            self.heard(nick, now)
        return nick in self

    def went(self, nick: str) -> None:
        self._always.discard(nick)
        self._lately.pop(nick, None)

    def renamed(self, old: str, new: str, now: float) -> None:
        if old in self._always:
            self._always.discard(old)
            self._always.add(new)
        if self._lately.pop(old, None) is not None:
            self._lately[new] = now
        if old == self._own:
            self._own = new

    def silent(self, now: float) -> list[str]:
        """Who is not to be shown any more; they are forgotten."""
        found = []
        for nick, time in self._lately.items():
            if now - time < SILENCE:
                break
            found.append(nick)
        for nick in found:
            del self._lately[nick]
        return [nick for nick in found if nick not in self._always]


def _always(occupant: Occupant) -> bool:
    return occupant.role is Role.MODERATOR
