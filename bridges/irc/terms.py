"""What the server tells of itself and of us, at any time: its rules (ISUPPORT), what it offers (CAP), our login, our mask.

Keeps ``Standing`` true, and tells the parts that are concerned. Knows no channel's inside.
"""

from collections.abc import Callable
from typing import ClassVar

from bridges.irc import extras
from bridges.irc.common import Common, Handlers
from bridges.irc.console import Console
from bridges.irc.entry import Entry
from bridges.irc.joining import Joining
from bridges.irc.numerics import is_error
from bridges.irc.protocol.line import Line
from bridges.irc.regain import Regain
from bridges.irc.rooms import Rooms
from gateway.bridge import Capabilities


class Terms:
    """One session's. ``plain`` is what every connection of the bridge can do; ``typing``: the operator lets people be told
    who types; ``lengthen`` is told how long lines may be; ``refusal`` takes error replies that are nobody's here."""

    __slots__ = (
        "_common",
        "_console",
        "_entry",
        "_joining",
        "_lengthen",
        "_plain",
        "_refusal",
        "_regain",
        "_rooms",
        "_told",
        "_typing",
    )

    def __init__(
        self,
        common: Common,
        entry: Entry,
        console: Console,
        joining: Joining,
        rooms: Rooms,
        regain: Regain,
        plain: Capabilities,
        lengthen: Callable[[int], None],
        refusal: Callable[[Line], None],
        *,
        typing: bool,
    ) -> None:
        self._common = common
        self._entry = entry
        self._console = console
        self._joining = joining
        self._rooms = rooms
        self._regain = regain
        self._plain = plain
        self._told = plain.styling  # what the core believes until it hears otherwise
        self._lengthen = lengthen
        self._refusal = refusal
        self._typing = typing

    def look(self) -> None:
        """What the connection can do beyond plain lines may have changed."""
        standing, login = self._common.standing, self._entry.login
        standing.tells_accounts = "account-notify" in login.enabled
        found = extras.read(login.enabled, login.offered, standing.support.clienttagdeny, typing=self._typing)
        if found != standing.extras or not self._told:
            self._told = True
            standing.extras = found
            self._common.sink.abilities(found.abilities(self._plain))

    def _capabilities(self, line: Line) -> None:
        if self._entry.login.welcome:  # else it was read already
            self._entry.feed(line)
            self.look()

    def _authenticating(self, line: Line) -> None:
        """SASL after the welcome: the services were away."""
        login = self._entry.login
        if login.welcome and login.waiting:
            self._entry.feed(line)
        elif login.welcome and is_error(line.command):
            self._refusal(line)

    def _logged_in(self, line: Line) -> None:
        self._authenticating(line)
        if self._entry.login.welcome:
            self._regain.logged_in()
            self._joining.logged_in()
        self._console.other(line)

    def _nick_watch(self, line: Line) -> None:
        if not self._regain.hear(line):
            self._console.other(line)

    def _isupport(self, line: Line) -> None:
        common = self._common
        changed = common.standing.told(line.params)
        if "LINELEN" in changed:
            self._lengthen(common.standing.support.linelen)
        if "CLIENTTAGDENY" in changed:
            self.look()
        if "CASEMAPPING" in changed:
            common.standing.refold()
            common.channels.refold()
            self._joining.refold()
            self._rooms.refold()
            common.sink.refold()

    def _cloaked(self, line: Line) -> None:
        """396: our host as others see it from now on, sometimes with the user name."""
        standing = self._common.standing
        user, _, host = line.params[1].rpartition("@")
        known = standing.identity.partition("@")[0]
        if host and (user or known):
            standing.show(f"{user or known}@{host}")

    HANDLERS: ClassVar[Handlers["Terms"]] = {
        "CAP": (_capabilities, 1),
        **dict.fromkeys(
            ("AUTHENTICATE", "902", "903", "904", "905", "906", "907", "908"), (_authenticating, 0)
        ),
        "900": (_logged_in, 0),
        **dict.fromkeys(("303", "730", "731", "734"), (_nick_watch, 1)),
        "005": (_isupport, 1),
        "396": (_cloaked, 2),
    }
