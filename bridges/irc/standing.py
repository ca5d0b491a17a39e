"""What one connection has come to be: our nick and mask there, and the rules of the server."""

from collections.abc import Sequence, Set

from bridges.irc.encodings import USUAL, Encodings, Pair
from bridges.irc.extras import PLAIN
from bridges.irc.protocol.casemap import Casemapping
from bridges.irc.protocol.isupport import UNTOLD, after

_MAX_FOLDS = 512


class Standing:
    """Owned by the session; its parts read it. Names are folded by the server's rule through ``fold`` only."""

    __slots__ = (
        "_folded",
        "_folds",
        "_me",
        "_nick",
        "encodings",
        "extras",
        "identity",
        "mask",
        "nick",
        "support",
        "tells_accounts",
    )

    def __init__(self, nick: str, encodings: Pair = USUAL) -> None:
        self.support = UNTOLD
        self.encodings = Encodings(encodings, self.fold, self._utf8_only)
        self.extras = PLAIN  # what the connection can do beyond plain lines
        self.tells_accounts = False  # whenever somebody logs in or out (IRCv3 account-notify)
        self._folds: dict[str, str] = {}
        self._nick = self._folded = ""  # the last that was folded
        self.identity = ""  # user@host as others see it, once known
        self.mask: str | None = None  # nick!user@host, as soon as the server has shown it to us
        self.nick = nick
        self._me = self.casemapping.fold(nick)

    @property
    def casemapping(self) -> Casemapping:
        return self.support.casemapping

    def fold(self, name: str) -> str:
        """The key of a name, remembered: for the few names that come again and again (channels, ourselves)."""
        key = self._folds.get(name)
        if key is None:
            if len(self._folds) >= _MAX_FOLDS:
                self._folds.clear()
            key = self._folds[name] = self.casemapping.fold(name)
        return key

    def fold_nick(self, nick: str) -> str:
        """The key of somebody's name. The last one is remembered: several parts look at whom a line is about."""
        if nick != self._nick:
            self._nick, self._folded = nick, self.casemapping.fold(nick)
        return self._folded

    def _utf8_only(self) -> bool:
        return self.support.utf8only

    def told(self, params: Sequence[str]) -> Set[str]:
        """The parameters of one 005; the names of the tokens that changed."""
        self.support, changed = after(self.support, tuple(params[1:]))
        return changed

    def is_me(self, nick: str) -> bool:
        return nick == self.nick or self.fold_nick(nick) == self._me

    def call_me(self, nick: str) -> None:
        self.nick = nick
        self._me = self.casemapping.fold(nick)
        self.show(self.identity)

    def show(self, identity: str) -> None:
        """The server shows others this ``user@host`` of us."""
        self.identity = identity
        self.mask = f"{self.nick}!{identity}" if identity else None

    def refold(self) -> None:
        """The casemapping has changed."""
        self._folds.clear()
        self._nick = self._folded = ""
        self._me = self.casemapping.fold(self.nick)
        self.encodings.refold()
