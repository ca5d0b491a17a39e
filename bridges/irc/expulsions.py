"""Who was banned just before being kicked: IRC has two commands for what XEP-0045 calls one thing (status 301)."""

from bridges.irc.protocol.masks import Somebody, matches
from bridges.irc.standing import Standing
from bridges.irc.users import User

WITHIN = 5.0  # seconds between the ban and the kick
_REMEMBERED = 32  # bans, of all channels


class Expulsions:
    """The bans that channels of one session were given lately."""

    __slots__ = ("_bans", "_standing")

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._bans: list[tuple[str, str, float]] = []

    def banned(self, key: str, mask: str, now: float) -> None:
        """``mask`` is on the channel's list of bans from now on."""
        self._bans = [*self._bans[1 - _REMEMBERED :], (key, mask, now)]

    def is_ban(self, key: str, nick: str, user: User | None, now: float) -> bool:
        """Whether the kick of ``nick`` follows a ban that is meant for it."""
        name, _, host = user.identity.rpartition("@") if user is not None else ("", "", "")
        who = Somebody(nick, name, host)
        account = user.account if user is not None else ""
        return any(
            where == key and now - then <= WITHIN and self._hits(mask, who, account)
            for where, mask, then in self._bans
        )

    def _hits(self, mask: str, who: Somebody, account: str) -> bool:
        # Extended bans of accounts are written ``$a:name``, ``~account:name``, ``R:name``: the name is what counts.
        kind, colon, name = mask.partition(":")
        if colon and account and "!" not in mask and "@" not in kind:
            fold = self._standing.casemapping.fold
            return fold(name) == fold(account)
        return matches(mask, who, self._standing.casemapping)
