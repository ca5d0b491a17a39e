"""What is particular about one connection: the encodings that its user has set, and what the user is told of it."""

from collections.abc import Mapping

from bridges.irc.common import Common, Connection
from bridges.irc.entry import Entry
from gateway.bridge import BadAddress
from gateway.model import Details


class Particulars:
    """Of one session."""

    __slots__ = ("_common", "_connection", "_entry")

    def __init__(self, common: Common, entry: Entry) -> None:
        self._common = common
        self._entry = entry
        self._connection: Connection | None = None

    def tune(self, connection: Connection) -> None:
        """Let ``connection`` read and write as its user has set it, at no cost for those who have set nothing special."""
        self._connection = connection
        encodings = self._common.standing.encodings
        connection.fallback_encoding = encodings.usual.incoming
        connection.decoder = None if encodings.simple else encodings.decode
        connection.encoder = None if encodings.unset else encodings.encode

    def adjust(self, room: str, values: Mapping[str, str]) -> None:
        """The user's settings for a channel. Those that were made before a rule was may not be valid any more."""
        try:
            self._common.standing.encodings.adjust(room, values)
        except BadAddress as error:
            self._common.sink.service(f"Your settings for {room} do not hold. {error}")
        if self._connection is not None:
            self.tune(self._connection)

    def details(self) -> Details:
        """What ``get-irc-connection-info`` shows."""
        if self._connection is None:
            return Details()
        standing, account = self._common.standing, self._entry.login.account
        cipher = self._connection.cipher
        more = (
            f"Encrypted with {cipher}." if cipher else "Not encrypted.",
            f"You are {standing.mask or standing.nick} there.",
            f"You are logged in to the account {account}."
            if account
            else "You are not logged in to an account.",
        )
        return Details(f"on port {self._entry.port}{' (using TLS)' if cipher else ''}", more)
