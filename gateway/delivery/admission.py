"""What of a user's messages is taken on: not more than may wait, nothing for a network that is away and lets nothing wait.

Makes the row of what is. Knows nothing of what becomes of it.
"""

from collections.abc import Callable, Iterable

from gateway.accounts.account import Account
from gateway.bridge import Capabilities, Clock
from gateway.delivery import words
from gateway.delivery.entry import Entry
from gateway.delivery.outgoing import Outgoing, kept, not_connected
from gateway.ids import IdSource
from gateway.model import Address, AddressKind, Condition, DeliveryState, Refused
from gateway.texts import Text
from gateway.xmpp.stanza import Stanza

_STRANGER = Refused(
    Condition.REGISTRATION_REQUIRED,
    Text(
        "You are not registered with this gateway, so nothing was sent. Register with it first: your client offers that, or "
        'write "register" to the gateway.'
    ),
)


class Admission:
    """``most``: messages of one user without an outcome."""

    def __init__(
        self,
        bridge: str,
        can: Capabilities,
        most: int,
        clock: Clock,
        ids: IdSource,
        account: Callable[[str, str], Account | None],
        refuse: Callable[[Stanza, Refused], None],
    ) -> None:
        self._bridge = bridge
        self._can = can
        self.most = most
        self._clock = clock
        self._ids = ids
        self._account = account
        self._refuse = refuse
        self._last = 0.0  # when the newest row was made: rows have an order
        self._leaving: frozenset[tuple[str, str]] = frozenset()
        self._load: dict[str, int] = {}  # messages without an outcome, by user

    def admit(self, stanza: Stanza, address: Address, outgoing: Outgoing) -> Entry | None:
        """Its row, which is not written down yet; until ``over`` it counts. None: it was refused."""
        owner = stanza.sender.bare
        account = self._account(owner, address.network)
        known = account is not None or (owner, address.network) in self._leaving
        if not known and self._can.registration:
            self._refuse(stanza, _STRANGER)
            return None
        connected = account is not None and account.connected
        if not connected and not (known and self._can.store_and_forward):
            self._refuse(stanza, not_connected(account, address.network))
            return None
        if self._load.get(owner, 0) >= self.most:
            text = Text(
                "Too many of your messages wait to be delivered. Wait until some are through, then send this again."
            )
            self._refuse(stanza, Refused(Condition.RESOURCE_CONSTRAINT, text))
            return None
        self._load[owner] = self._load.get(owner, 0) + 1
        return self._entry(stanza, address, outgoing)

    def leaving(self, accounts: Iterable[tuple[str, str]]) -> None:
        """The gateway ends: what these accounts (user, network) write from now on waits for its next start."""
        self._leaving = frozenset(accounts)

    def _entry(self, stanza: Stanza, address: Address, outgoing: Outgoing) -> Entry:
        now = self._last = max(self._clock.now(), self._last + 1e-6)
        return Entry(
            id=self._ids.next(),
            bridge=self._bridge,
            owner=stanza.sender.bare,
            network=address.network,
            inbound=False,
            room=address.kind is AddressKind.ROOM,
            peer=address.name,
            kind=outgoing.kind,
            body=outgoing.text,
            extra=outgoing.extra,
            parts=kept(outgoing.parts),
            said_at=now,
            stanza_type=stanza.type,
            stanza_id=stanza.id[: words.ID_LIMIT * 4],
            origin=stanza.sender.full,
            jid=stanza.to.full,
            foreign_id="",
            unreported="",
            receipt=words.wants_receipt(stanza),
            markable=words.is_markable(stanza),
            state=DeliveryState.QUEUED,
            condition="",
            error_type="",
            reason="",
            attempts=0,
            handed=False,
            active=True,
            created=now,
            changed=now,
        )

    def restore(self, entry: Entry) -> None:
        """An active row of an earlier process."""
        self._last = max(self._last, entry.created)
        if entry.state is DeliveryState.QUEUED:
            self._load[entry.owner] = self._load.get(entry.owner, 0) + 1

    def over(self, entry: Entry) -> None:
        """It has its outcome."""
        left = self._load.get(entry.owner, 0) - 1
        if left > 0:
            self._load[entry.owner] = left
        else:
            self._load.pop(entry.owner, None)

    def forget(self, owner: str) -> None:
        self._load.pop(owner, None)
