"""After the link to the XMPP server came up (again): which of the clients we think are in rooms really are?

While the link was down nobody could tell us who left. Each client is asked once, with a ping from a room it is in; those
that answer are shown their rooms again, those whose server answers for them are forgotten.
"""

from collections.abc import Callable
from functools import partial
from xml.etree.ElementTree import Element

from gateway.accounts.directory import Accounts
from gateway.model import Condition, Refused
from gateway.rooms.people import Attendance, Attendee
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.stanza import Jid, parse_jid

_PING = "<ping xmlns='urn:xmpp:ping'/>"
#: Pings under way at a time: a gateway may have many thousands of clients.
_AT_ONCE = 200
#: Seconds; a phone may be asleep (XEP-0198 keeps the ping for it).
_PATIENCE = 60.0

#: Answers that prove a client, if a simple one.
_ALIVE = frozenset({Condition.FEATURE_NOT_IMPLEMENTED, Condition.FORBIDDEN, Condition.NOT_ALLOWED})
#: No answer is no proof of absence; if it is gone, the first message to it will say so.
_UNKNOWN = frozenset({Condition.REMOTE_SERVER_TIMEOUT, Condition.RESOURCE_CONSTRAINT})


class PresenceCheck:
    """Asks all clients of all rooms of one component. ``gone`` forgets one; ``restored`` hears of each, by room, that was in
    before a restart of ours and still is."""

    def __init__(
        self,
        accounts: Accounts,
        book: AddressBook,
        iq: IqTracker,
        gone: Callable[[Jid], None],
        restored: Callable[[Attendee], None],
    ) -> None:
        self._accounts = accounts
        self._book = book
        self._iq = iq
        self._gone = gone
        self._restored = restored
        self._waiting: list[tuple[str, str]] = []
        self._asked = 0
        self._asking = False
        self._round = 0

    @property
    def busy(self) -> bool:
        """Whether some clients have not answered yet."""
        return bool(self._waiting or self._asked)

    def start(self) -> None:
        """The link is up: those that are there see their rooms, and what they have missed of them."""
        self.stop()
        clients: dict[str, str] = {}
        for account in self._accounts:
            for room in account.rooms.values():
                for attendee in room.attendees.values():
                    if attendee.attendance is not Attendance.WAITING:
                        clients[attendee.jid] = self._book.full(attendee.room_local)
        self._waiting = list(clients.items())
        self._ask()

    def stop(self) -> None:
        """The link is down: what is heard now tells nothing of any client."""
        self._round += 1
        self._waiting = []
        self._asked = 0

    def _ask(self) -> None:
        if self._asking:
            # An answer came before its question returned (the link is down again): the loop below goes on.
            return
        self._asking = True
        while self._waiting and self._asked < _AT_ONCE:
            client, room_jid = self._waiting.pop()
            self._asked += 1
            self._iq.request_cb(
                client,
                _PING,
                partial(self._heard, self._round, parse_jid(client)),
                sender=room_jid,
                timeout=_PATIENCE,
            )
        self._asking = False

    def _heard(self, round_: int, client: Jid, outcome: Element | Refused) -> None:
        if round_ != self._round:
            return
        self._asked -= 1
        self._answered(client, outcome)
        self._ask()

    def _answered(self, client: Jid, outcome: Element | Refused) -> None:
        if isinstance(outcome, Refused) and outcome.condition not in _ALIVE | _UNKNOWN:
            self._gone(client)
            return
        for account in self._accounts.of(client.bare):
            for room in list(account.rooms.values()):
                attendee = room.attendees.get(client.full)
                if attendee is not None:
                    if attendee.attendance is Attendance.ABSENT:
                        self._restored(attendee)
                    account.returned(room, attendee)
