"""Read marks on their way to networks: the newest for each contact, kept while the session is away.

Whoever has read a message has read what came before it, so one mark a contact is enough. Kept in memory: the network asks
for nothing, and after a restart the next message read says the same again.
"""

from collections.abc import Callable
from typing import cast

from gateway.accounts.account import Account
from gateway.bridge import MarksRead
from gateway.delivery.entry import Entry

#: Contacts with a mark that waits.
_MOST = 10_000


class ReadMarks:
    """For a bridge that has ``read_marks``."""

    def __init__(self, account: Callable[[str, str], Account | None]) -> None:
        self._account = account
        self._waiting: dict[tuple[str, str, str], Entry] = {}  # by owner, network, contact

    def read(self, entry: Entry) -> None:
        """The user has read a message, which has a foreign id."""
        account = self._account(entry.owner, entry.network)
        if account is not None and account.session is not None and account.connected:
            cast("MarksRead", account.session).mark_read(entry.peer, entry.foreign_id)
            return
        key = entry.owner, entry.network, entry.peer
        before = self._waiting.pop(key, None)
        self._waiting[key] = entry if before is None or before.created <= entry.created else before
        if len(self._waiting) > _MOST:
            del self._waiting[next(iter(self._waiting))]

    def online(self, account: Account) -> None:
        """The session is connected."""
        mine = [key for key in self._waiting if key[:2] == (account.owner, account.network)]
        for key in mine:
            self.read(self._waiting.pop(key))

    def forget(self, owner: str) -> None:
        for key in [key for key in self._waiting if key[0] == owner]:
            del self._waiting[key]
