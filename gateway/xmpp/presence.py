"""Subscriptions between users and our addresses, and the presence that follows from them (RFC 6121 §3, §4).

Users may subscribe to the gateway, to networks and to contacts, so that all of them can stand in their rosters. What a
stanza does to a subscription is decided by ``gateway.xmpp.subscriptions``; here are the records, one per (user, address),
what was shown last, and the stanzas.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Protocol

from gateway.bridge import BadAddress
from gateway.contacts.known import AWAY, Standing
from gateway.model import GATEWAY, Address, Availability
from gateway.storage.records import StoredSubscription
from gateway.xmpp import render
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.subscriptions import NONE, Act, Event, Subscription, next_state, stored
from gateway.xmpp.text import attribute, escape


class SubscriptionContext(Protocol):
    """What the service needs of the component."""

    jid: str

    def send(self, stanza: str, *, keep: bool = False) -> bool: ...

    def standing(self, owner: str, address: Address) -> Standing:
        """How an address of ours shows itself to one user now."""

    def ever_shown(self, address: Address) -> bool:
        """Whether an address of this kind can be seen as available at all."""

    def address_of(self, local: str) -> Address:
        """The address behind an escaped local part; raises ``BadAddress``."""

    def adornment(self, owner: str, local: str, address: Address) -> str:
        """Ready XML for the available presence of an address: capabilities (XEP-0115), the hash of a picture (XEP-0153)."""

    def introduction(self, owner: str, address: Address) -> str:
        """Ready XML for a request to see the user: who asks (XEP-0172 §4.1)."""

    def subscription_changed(self, owner: str, local: str, address: Address, *, sees_us: bool) -> None:
        """The user sees the address from now on, or does not any more."""

    def save_subscription(self, subscription: StoredSubscription) -> None: ...

    def forget_subscription(self, subscription: StoredSubscription) -> None: ...


_EVENTS = {
    each.value: each for each in (Event.SUBSCRIBE, Event.SUBSCRIBED, Event.UNSUBSCRIBE, Event.UNSUBSCRIBED)
}
_SHOW = frozenset(
    {Availability.CHAT, Availability.AWAY, Availability.EXTENDED_AWAY, Availability.DO_NOT_DISTURB}
)
#: The one device that everybody on the other networks has, as far as XMPP is concerned.
RESOURCE = "gateway"
#: Of a long list, so many presences go out between two turns of the loop.
_SLICE = 100


class _Record:
    """``shown`` is what the user was shown last; None where nothing was since the link came up."""

    __slots__ = ("shown", "subscription")

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.shown: Standing | None = None


class Subscriptions:
    """All subscriptions of one component, in memory; storage only outlives us. By owner, then by escaped local part."""

    def __init__(self, bridge: str, context: SubscriptionContext) -> None:
        self._bridge = bridge
        self._context = context
        self._records: dict[str, dict[str, _Record]] = {}
        self._announced = False

    def restore(self, records: Iterable[StoredSubscription]) -> None:
        shared: dict[Subscription, Subscription] = {}
        for each in records:
            subscription = stored(each.state, each.pending)
            subscription = shared.setdefault(subscription, subscription)
            self._records.setdefault(each.owner, {})[each.contact_local] = _Record(subscription)

    # -- what users' servers send ------------------------------------------------------------------------------

    def presence(self, stanza: Stanza, address: Address) -> None:
        """Presence to an address that is not a room. Plain availability of users needs no answer."""
        event = _EVENTS.get(stanza.type)
        if event is not None:
            self._happen(stanza.sender.bare, stanza.to.local, address, event, stanza.id)
        elif stanza.type == "probe":
            self._probe(stanza, address)

    def refuse(self, stanza: Stanza) -> None:
        """Presence to what is no address of ours: nobody is there to be seen (RFC 6121 §3.1.3, §4.3.2)."""
        if stanza.type in ("subscribe", "probe"):
            us, them = attribute(stanza.to.bare), attribute(stanza.sender.bare)
            self._context.send(render.presence(us, them, "unsubscribed", id_=stanza.id), keep=True)

    def _probe(self, stanza: Stanza, address: Address) -> None:
        """RFC 6121 §4.3.2: current presence to who may see it, else ``unsubscribed``."""
        owner, local = stanza.sender.bare, stanza.to.local
        record = self._record(owner, local)
        if record is not None and record.subscription.from_:
            self._show(owner, local, address, record)
        else:
            self._context.send(render.presence(self._jid_attr(local), attribute(owner), "unsubscribed"))

    # -- what we want ------------------------------------------------------------------------------------------

    def ask(self, owner: str, address_local: str) -> None:
        """Ask to see the user, because of something they did; a no-op if we do, or have asked already."""
        self._happen(owner, address_local, self._context.address_of(address_local), Event.ASK)

    def grant(self, owner: str, address_local: str) -> None:
        """The user's roster, which we were allowed to write, says that both see each other."""
        self._happen(owner, address_local, self._context.address_of(address_local), Event.GRANT)

    def end(self, owner: str) -> None:
        """Take back all subscriptions of a user who leaves for good."""
        for local in list(self._records.get(owner, {})):
            self.end_one(owner, local)

    def end_one(self, owner: str, local: str) -> None:
        address = self._address(local)
        if address is not None:
            self._happen(owner, local, address, Event.END)

    # -- what is there -----------------------------------------------------------------------------------------

    def of(self, owner: str, local: str) -> Subscription:
        record = self._record(owner, local)
        return record.subscription if record is not None else NONE

    def seen_by(self, owner: str) -> Iterator[tuple[str, Address]]:
        """The addresses that a user may see, with their local parts."""
        for local, record in list(self._records.get(owner, {}).items()):
            if record.subscription.from_ and (address := self._address(local)) is not None:
                yield local, address

    def seen(self) -> Iterator[str]:
        """The users whom the gateway itself may see."""
        for owner, records in self._records.items():
            if (record := records.get("")) is not None and record.subscription.to:
                yield owner

    # -- what we tell ------------------------------------------------------------------------------------------

    def changed(self, owner: str, local: str, address: Address) -> None:
        """An address shows itself differently to one user now. One stanza for one change: the stations on the way to it
        are nobody's presence."""
        record = self._record(owner, local)
        if record is None or not record.subscription.from_:
            return
        if (record.shown or AWAY) != self._context.standing(owner, address):
            self._show(owner, local, address, record)

    def redrawn(self, owner: str, local: str, address: Address) -> None:
        """An address looks different now (its picture), wherever it is shown as available."""
        record = self._record(owner, local)
        if (
            record is not None
            and record.shown is not None
            and record.shown.availability is not Availability.UNAVAILABLE
        ):
            self._show(owner, local, address, record)

    async def gateway_changed(self) -> None:
        """The gateway itself shows itself differently, maybe to everybody."""
        shown = 0
        for owner, records in list(self._records.items()):
            record = records.get("")
            if record is None or record.shown is None or not record.subscription.from_:
                continue
            if record.shown != self._context.standing(owner, GATEWAY):
                self._show(owner, "", GATEWAY, record)
                shown += 1
                if shown % _SLICE == 0:
                    await asyncio.sleep(0)

    async def announce(self) -> None:
        """Show everybody what they may see: after the link came up. The first time also what is not there, because a gateway
        that was killed could not say so."""
        first, self._announced = not self._announced, True
        shown = 0
        for owner, records in list(self._records.items()):
            for local, record in list(records.items()):
                if not record.subscription.from_ or (address := self._address(local)) is None:
                    continue
                before, record.shown = record.shown, None
                there = self._context.standing(owner, address).availability is not Availability.UNAVAILABLE
                stale = first and self._context.ever_shown(address)
                if there or stale or (before or AWAY) != AWAY:
                    self._show(owner, local, address, record)
                    shown += 1
                    if shown % _SLICE == 0:
                        await asyncio.sleep(0)

    def farewell(self) -> list[str]:
        """Unavailable presence of everything that is available now."""
        return [
            render.presence(self._there_attr(local), attribute(owner), "unavailable")
            for owner, records in self._records.items()
            for local, record in records.items()
            if record.shown is not None and record.shown.availability is not Availability.UNAVAILABLE
        ]

    # -- pieces ------------------------------------------------------------------------------------------------

    def _happen(self, owner: str, local: str, address: Address, event: Event, id_: str = "") -> None:
        """Let ``event`` happen to one subscription; ``id_`` is that of the stanza that is answered."""
        record = self._record(owner, local)
        before = record.subscription if record is not None else NONE
        now, acts = next_state(before, event)
        if now.empty:
            if record is not None:
                del self._records[owner][local]
                if not self._records[owner]:
                    del self._records[owner]
                self._context.forget_subscription(StoredSubscription(self._bridge, owner, local))
        elif now != before:
            if record is None:
                record = self._records.setdefault(owner, {})[local] = _Record(now)
            record.subscription = now
            self._context.save_subscription(
                StoredSubscription(self._bridge, owner, local, now.state, now.asked.value)
            )
        for act in acts:
            self._act(act, owner, local, address, id_)
        if now.from_ != before.from_:
            self._context.subscription_changed(owner, local, address, sees_us=now.from_)

    def _act(self, act: Act, owner: str, local: str, address: Address, id_: str) -> None:
        # RFC 6121 §3: subscriptions are between bare JIDs.
        us, them = self._jid_attr(local), attribute(owner)
        if act is Act.SHOW:
            record = self._record(owner, local)
            if record is not None:
                self._show(owner, local, address, record, only_available=True)
        elif act is Act.HIDE:
            record = self._record(owner, local)
            if record is not None:
                record.shown = None
            self._context.send(render.presence(self._there_attr(local), them, "unavailable"), keep=True)
        else:
            content = self._context.introduction(owner, address) if act is Act.SUBSCRIBE else ""
            answers = act in (Act.SUBSCRIBED, Act.UNSUBSCRIBED)
            self._context.send(render.presence(us, them, act, content, id_ if answers else ""), keep=True)

    def _show(
        self, owner: str, local: str, address: Address, record: _Record, *, only_available: bool = False
    ) -> None:
        now = self._context.standing(owner, address)
        record.shown = now
        us, them = self._there_attr(local), attribute(owner)
        status = f"<status>{escape(now.status)}</status>" if now.status else ""
        if now.availability is Availability.UNAVAILABLE:
            if not only_available:
                self._context.send(render.presence(us, them, "unavailable", status))
            return
        show = f"<show>{now.availability}</show>" if now.availability in _SHOW else ""
        self._context.send(
            render.presence(us, them, "", show + status + self._context.adornment(owner, local, address))
        )

    def _address(self, local: str) -> Address | None:
        """What a stored local part names; None if it names nothing any more (the configuration has changed)."""
        try:
            return self._context.address_of(local)
        except BadAddress:
            return None

    def _jid_attr(self, local: str) -> str:
        return attribute(f"{local}@{self._context.jid}" if local else self._context.jid)

    def _there_attr(self, local: str) -> str:
        """Where availability is shown from. RFC 6121 §4.2: it is a resource's, and clients such as Gajim look at nothing
        else in a person. The gateway itself shows its domain's (XEP-0100 §4.4)."""
        return f"{self._jid_attr(local)}/{RESOURCE}" if local else self._jid_attr(local)

    def _record(self, owner: str, local: str) -> _Record | None:
        records = self._records.get(owner)
        return records.get(local) if records is not None else None
