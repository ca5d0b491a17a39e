"""Subscriptions between users and our addresses, and the presence that follows from them (RFC 6121 §3, §4).

Users may subscribe to the gateway and to networks, so that both can stand in their rosters. One record per (user, address)
survives restarts; a server that repeats a pending request gets the same answer, and a refusal is never asked about again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.model import Address, AddressKind
from gateway.storage.records import StoredSubscription, SubscriptionState
from gateway.xmpp import render
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.text import attribute, escape


@dataclass(frozen=True, slots=True)
class Availability:
    """How an address of ours shows itself to one user."""

    available: bool
    status: str = ""


class SubscriptionContext(Protocol):
    """What the service needs of the component."""

    jid: str

    def send(self, stanza: str, *, keep: bool = False) -> bool: ...

    def availability(self, owner: str, address: Address) -> Availability: ...

    def address_of(self, local: str) -> Address:
        """The address behind an escaped local part; raises ``BadAddress``."""

    def caps_xml(self) -> str:
        """The gateway's XEP-0115 element."""

    def save_subscription(self, subscription: StoredSubscription) -> None: ...

    def forget_subscription(self, subscription: StoredSubscription) -> None: ...


#: What of a subscription's two directions is there.
_FROM = frozenset({SubscriptionState.FROM, SubscriptionState.BOTH})
_TO = frozenset({SubscriptionState.TO, SubscriptionState.BOTH})

#: ``pending`` of a record: we asked, and have no answer; the user said no, and is never asked again.
_ASKED = "asked"
_REFUSED = "refused"


def _state(*, from_: bool, to: bool) -> SubscriptionState:
    if from_:
        return SubscriptionState.BOTH if to else SubscriptionState.FROM
    return SubscriptionState.TO if to else SubscriptionState.NONE


class Subscriptions:
    """All subscriptions of one component, in memory; storage only outlives us."""

    def __init__(self, bridge: str, context: SubscriptionContext) -> None:
        self._bridge = bridge
        self._context = context
        self._records: dict[tuple[str, str], StoredSubscription] = {}
        self._shown: set[tuple[str, str]] = set()  # (owner, local) that stand as available in a roster
        self._handlers = {
            "subscribe": self._subscribe,
            "subscribed": self._subscribed,
            "unsubscribe": self._unsubscribe,
            "unsubscribed": self._unsubscribed,
            "probe": self._probe,
        }

    def restore(self, records: Iterable[StoredSubscription]) -> None:
        self._records = {(each.owner, each.contact_local): each for each in records}

    def presence(self, stanza: Stanza, address: Address) -> None:
        """Presence to an address that is not a room. Plain availability of users needs no answer."""
        handler = self._handlers.get(stanza.type)
        if handler is not None:
            handler(stanza, address)

    # -- what users ask ----------------------------------------------------------------------------------------

    def _subscribe(self, stanza: Stanza, address: Address) -> None:
        record = self._record(stanza)
        already = record.state in _TO or record.pending
        self._save(replace(record, state=_state(from_=True, to=record.state in _TO)))
        us, them = attribute(stanza.to.bare), attribute(stanza.sender.bare)
        self._context.send(render.presence(us, them, "subscribed", id_=stanza.id), keep=True)
        self._show(stanza.sender.bare, stanza.to.local, address, only_available=True)
        if not already and address.kind is not AddressKind.CONTACT:
            # XEP-0100 §4.1.1: the gateway wants to know when the user is there. Asked once.
            self._save(replace(self._record(stanza), pending=_ASKED))
            self._context.send(render.presence(us, them, "subscribe"), keep=True)

    def _subscribed(self, stanza: Stanza, address: Address) -> None:
        record = self._record(stanza)
        if record.pending == _ASKED:
            self._save(replace(record, state=_state(from_=record.state in _FROM, to=True), pending=""))

    def _unsubscribe(self, stanza: Stanza, address: Address) -> None:
        record = self._records.pop((stanza.sender.bare, stanza.to.local), None)
        self._shown.discard((stanza.sender.bare, stanza.to.local))
        us, them = attribute(stanza.to.bare), attribute(stanza.sender.bare)
        self._context.send(render.presence(us, them, "unavailable"), keep=True)
        self._context.send(render.presence(us, them, "unsubscribed", id_=stanza.id), keep=True)
        if record is not None:
            if record.state in _TO or record.pending == _ASKED:
                self._context.send(render.presence(us, them, "unsubscribe"), keep=True)
            self._context.forget_subscription(record)

    def _unsubscribed(self, stanza: Stanza, address: Address) -> None:
        record = self._records.get((stanza.sender.bare, stanza.to.local))
        if record is not None:
            state = _state(from_=record.state in _FROM, to=False)
            self._save(replace(record, state=state, pending=_REFUSED))

    def _probe(self, stanza: Stanza, address: Address) -> None:
        """RFC 6121 §4.3.2: current presence to who may see it, else ``unsubscribed``."""
        record = self._records.get((stanza.sender.bare, stanza.to.local))
        if record is not None and record.state in _FROM:
            self._show(stanza.sender.bare, stanza.to.local, address)
        else:
            us, them = attribute(stanza.to.bare), attribute(stanza.sender.bare)
            self._context.send(render.presence(us, them, "unsubscribed"))

    # -- what we tell ------------------------------------------------------------------------------------------

    def changed(self, owner: str, local: str, address: Address) -> None:
        """An address shows itself differently to one user now."""
        record = self._records.get((owner, local))
        if record is None or record.state not in _FROM:
            return
        # One stanza for one change: the stations on the way to a connection are nobody's presence.
        if self._context.availability(owner, address).available != ((owner, local) in self._shown):
            self._show(owner, local, address)

    def announce(self) -> None:
        """Show everything that is available to everybody who may see it: after the link came up."""
        for (owner, local), record in list(self._records.items()):
            if record.state in _FROM:
                self._show(owner, local, self._context.address_of(local), only_available=True)

    def farewell(self) -> list[str]:
        """Unavailable presence of everything that is available now."""
        stanzas = []
        for (owner, local), record in self._records.items():
            address = self._context.address_of(local)
            if record.state in _FROM and self._context.availability(owner, address).available:
                stanzas.append(render.presence(self._jid_attr(local), attribute(owner), "unavailable"))
        return stanzas

    def _show(self, owner: str, local: str, address: Address, *, only_available: bool = False) -> None:
        availability = self._context.availability(owner, address)
        us, them = self._jid_attr(local), attribute(owner)
        if not availability.available:
            self._shown.discard((owner, local))
            if not only_available:
                self._context.send(render.presence(us, them, "unavailable"))
            return
        self._shown.add((owner, local))
        status = f"<status>{escape(availability.status)}</status>" if availability.status else ""
        caps = self._context.caps_xml() if not local else ""
        self._context.send(render.presence(us, them, "", status + caps))

    def _jid_attr(self, local: str) -> str:
        return attribute(f"{local}@{self._context.jid}" if local else self._context.jid)

    def _record(self, stanza: Stanza) -> StoredSubscription:
        owner, local = stanza.sender.bare, stanza.to.local
        return self._records.get((owner, local)) or StoredSubscription(self._bridge, owner, local)

    def _save(self, record: StoredSubscription) -> None:
        self._records[(record.owner, record.contact_local)] = record
        self._context.save_subscription(record)
