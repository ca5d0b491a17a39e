"""What is known of people, as values: one object for all of our users who see the same of somebody. Rooms are large, and a
gateway's users are in the same ones: whoever comes into a room that another user is in costs an entry in a table.

Knows no channel. The latest ``KEPT`` people are found again; for others there is a second object, which does no harm.
"""

from collections.abc import Mapping
from functools import lru_cache

from bridges.irc.badges import hats
from bridges.irc.ranks import Rank, rank
from gateway.model import Occupant

#: About 400 bytes each, and no more than there are.
KEPT = 1 << 14


class User:
    """Somebody we share channels with; not to be changed, for others have the same object. ``identity`` is ``user@host``, or
    empty; ``account`` is empty where there is none or the network has not told; ``flags`` are of ``badges``."""

    __slots__ = ("_shown", "account", "flags", "identity", "nick")

    def __init__(self, nick: str, identity: str, account: str, flags: str) -> None:
        self.nick = nick
        self.identity = identity
        self.account = account
        self.flags = flags
        self._shown: Occupant | None = None

    def occupant(self, modes: str, table: Mapping[str, Rank], *, moderated: bool) -> Occupant:
        """What somebody with these prefix ``modes`` is, in the core's words: the same object as the last time if it is the
        same."""
        affiliation, role = rank(modes, table, moderated=moderated)
        worn = hats(modes, self.account, self.flags)
        shown = self._shown
        if (
            shown is None
            or shown.role is not role
            or shown.affiliation is not affiliation
            or shown.hats != worn
        ):
            shown = self._shown = Occupant(self.nick, affiliation, role, self.identity, self.account, worn)
        return shown


@lru_cache(maxsize=KEPT)
def user(nick: str, identity: str = "", account: str = "", flags: str = "") -> User:
    """Whoever is known to be this."""
    return User(nick, identity, account, flags)
