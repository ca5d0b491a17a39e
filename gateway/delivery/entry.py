"""One message in the ledger: what it is, how far it has come, and the row it is kept as.

A delivery only ever gets further: ``STEPS`` says from where to where. Knows no stanza, no session and no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any

from gateway.model import Condition, DeliveryState, ErrorType, Message, MessageKind, Refused
from gateway.storage.deliveries import COLUMNS, LedgerRow

_QUEUED, _ACCEPTED, _DELIVERED = DeliveryState.QUEUED, DeliveryState.ACCEPTED, DeliveryState.DELIVERED
_READ, _FAILED, _UNKNOWN = DeliveryState.READ, DeliveryState.FAILED, DeliveryState.UNKNOWN

#: From where to where. News that leads nowhere from here is old news: reports come twice and out of order. What is unknown
#: can still become known; what has been delivered cannot fail any more.
STEPS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    _QUEUED: frozenset({_ACCEPTED, _DELIVERED, _READ, _FAILED, _UNKNOWN}),
    _ACCEPTED: frozenset({_DELIVERED, _READ, _FAILED, _UNKNOWN}),
    _UNKNOWN: frozenset({_DELIVERED, _READ, _FAILED}),
    _DELIVERED: frozenset({_READ}),
    _READ: frozenset(),
    _FAILED: frozenset(),
}


@dataclass(slots=True, eq=False)
class Entry:
    """A row. ``owner`` is the user's bare JID, ``peer`` the contact or room as its network spells it.

    Outbound (from the user): ``stanza_type``, ``stanza_id`` and ``origin`` (full JID) are of the user's stanza, ``jid`` is
    the address of ours that it went to. Inbound: they are of the stanza that we send, ``jid`` the address it comes from.
    ``extra`` is ready XML that travels with the body. ``handed``: the other side (the network's session; for inbound ones
    the user's server) has been given it, and has not said its last word. ``active``: something is still to be done.
    """

    id: str
    bridge: str
    owner: str
    network: str
    inbound: bool
    room: bool
    peer: str
    kind: MessageKind
    body: str
    extra: str
    parts: str  # outbound: what it is besides text, see ``outgoing``
    said_at: float
    stanza_type: str
    stanza_id: str
    origin: str
    jid: str
    foreign_id: str  # the first, where the network gave several
    unreported: str  # outbound: those of its parts that are not reported yet, one a line
    receipt: bool  # outbound: the client wants a receipt
    markable: bool  # outbound: the client wants to know that it was read
    state: DeliveryState
    condition: str
    error_type: str
    reason: str
    attempts: int
    handed: bool
    active: bool
    created: float
    changed: float

    def advance(
        self, state: DeliveryState, now: float, why: Refused | None = None, *, late: bool = False
    ) -> bool:
        """Take a step if there is one; whether there was. ``late``: what was delivered, as far as anybody knew, can still
        come back."""
        came_back = late and (self.state, state) == (_DELIVERED, _FAILED)
        if state not in STEPS[self.state] and not came_back:
            return False
        self.state = state
        self.changed = now
        if why is not None:
            self.condition, self.error_type, self.reason = why.condition, why.error_type, why.text
        return True

    def settle(self) -> None:
        """Nothing is left to be done: the text is not needed any more."""
        self.active = False
        self.handed = False
        self.body = self.extra = self.parts = ""

    @property
    def refused(self) -> Refused:
        """Why it failed."""
        condition = Condition(self.condition) if self.condition else Condition.UNDEFINED_CONDITION
        return Refused(condition, self.reason, ErrorType(self.error_type) if self.error_type else None)

    @property
    def size(self) -> int:
        """Characters, roughly bytes."""
        return len(self.body) + len(self.extra) + len(self.parts) + 200

    def row(self) -> LedgerRow:
        return (
            self.id,
            self.bridge,
            self.owner,
            self.network,
            self.inbound,
            self.room,
            self.peer,
            self.kind.value,
            self.body,
            self.extra,
            self.parts,
            self.said_at,
            self.stanza_type,
            self.stanza_id,
            self.origin,
            self.jid,
            self.foreign_id,
            self.unreported,
            self.receipt,
            self.markable,
            self.state.value,
            self.condition,
            self.error_type,
            str(self.reason),
            self.attempts,
            self.handed,
            self.active,
            self.created,
            self.changed,
        )


if tuple(field.name for field in fields(Entry)) != COLUMNS:
    raise AssertionError("an entry and its row have the same columns in the same order")


def names_of(entry: Entry) -> tuple[str, ...]:
    """Names that a reason may repeat, and that say whose message it was."""
    return entry.peer, entry.owner, entry.owner.partition("@")[0], entry.jid


def entry_of(row: Any) -> Entry:
    """The entry that a row of the database holds."""
    values = list(row)
    entry = Entry(*values)
    entry.kind, entry.state = MessageKind(entry.kind), DeliveryState(entry.state)
    return entry


def key_of(bridge: str, owner: str, network: str, *, inbound: bool, foreign_id: str) -> str:
    """The key of a foreign id in the ledger: 160 bits, for a collision would lose a message."""
    return _hash(bridge, owner, network, "in" if inbound else "out", foreign_id)


def key_of_message(bridge: str, owner: str, network: str, message: Message) -> str:
    """What a message that comes again is recognised by: its foreign id, else what was said by whom at the network's own
    time. One with neither has no key: people do say the same twice, and such a network never repeats itself."""
    if message.foreign_id:
        return key_of(bridge, owner, network, inbound=True, foreign_id=message.foreign_id)
    if message.time is None:
        return ""
    return _hash(
        bridge, owner, network, "in", "", message.sender, repr(message.time), message.kind, message.text
    )


def _hash(*parts: str) -> str:
    data = "\0".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=20).hexdigest()
