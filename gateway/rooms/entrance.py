"""Presence that clients send to rooms (XEP-0045 §7.1 to §7.2, §7.6, §7.14): they come in, are called otherwise, and leave.

Who may, and how many rooms a user can have, is decided elsewhere; what a client that is in is shown is the room's business.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol
from xml.etree.ElementTree import Element

from gateway.accounts.account import Account
from gateway.accounts.directory import Accounts, TooMany
from gateway.addressing import nick_for
from gateway.bridge import NOT_SUPPORTED, BadAddress, Bridge, Session, Ticket
from gateway.limits import Kind, Limits
from gateway.model import Address, Condition, Refused
from gateway.rooms.events import Listeners
from gateway.rooms.history import read_request
from gateway.rooms.people import Attendee
from gateway.rooms.room import Room
from gateway.rooms.tickets import Outcome
from gateway.texts import Text
from gateway.xmpp import render
from gateway.xmpp.stanza import Jid, Stanza
from gateway.xmpp.text import attribute

_MUC_X = f"<x xmlns='{render.MUC}'/>"
_PASSWORD = 512  # characters

Found = tuple[Account | None, Room | None, Attendee | None]


class Guarded(Protocol):
    @property
    def limits(self) -> Limits: ...


class EntranceContext(Protocol):
    """What this needs of the component."""

    bridge: Bridge
    listeners: Listeners

    @property
    def guard(self) -> Guarded: ...

    def send(self, stanza: str, *, keep: bool = False) -> bool: ...

    def refuse(self, stanza: Stanza, why: Refused, extra: str = "") -> None: ...

    def allowed(self, user: Jid) -> bool: ...


class Entrance:
    """Of all rooms of one component. ``find``: who is in which room; ``ask`` asks the session, or refuses the ticket."""

    def __init__(
        self,
        context: EntranceContext,
        accounts: Accounts,
        find: Callable[[Stanza, Address], Found],
        ask: Callable[[Account, Ticket, Callable[[Session], None]], None],
        not_in_room: Refused,
    ) -> None:
        self._context = context
        self._accounts = accounts
        self._find = find
        self._ask = ask
        self._not_in_room = not_in_room

    def presence(self, stanza: Stanza, address: Address) -> None:
        """All but errors."""
        if stanza.type == "available":
            self._available(stanza, address)
        elif stanza.type == "unavailable":
            self._unavailable(stanza, address)
        elif stanza.type == "subscribe":
            # Nobody can subscribe to a room (XEP-0045 has no such thing).
            sender = attribute(stanza.to.bare)
            self._context.send(render.presence(sender, attribute(stanza.sender.bare), "unsubscribed"))

    def _available(self, stanza: Stanza, address: Address) -> None:
        muc = stanza.child("x", render.MUC)
        account, room, attendee = self._find(stanza, address)
        if muc is None:
            if attendee is None:
                self._refuse(stanza, self._not_in_room)
            elif account is not None and room is not None:
                self._context.listeners.met(stanza, attendee)
                self._change_nick(stanza, account, room)
            return
        try:
            self._join(stanza, address, muc, account)
        except TooMany as error:
            self._refuse(stanza, error.refused)
        except BadAddress as error:
            self._refuse(stanza, Refused(Condition.NOT_ACCEPTABLE, str(error)))

    def _join(self, stanza: Stanza, address: Address, muc: Element, account: Account | None) -> None:
        wanted = stanza.to.resource
        if not wanted:
            # XEP-0045 §7.2.1: no nick, no room.
            text = Text("Say under which nick: join ROOM/NICK.")
            self._refuse(stanza, Refused(Condition.JID_MALFORMED, text))
            return
        if not self._context.allowed(stanza.sender):
            text = Text("This gateway is not open to your address; ask its operator.")
            self._refuse(stanza, Refused(Condition.FORBIDDEN, text))
            return
        nick = self._context.bridge.nick(nick_for(wanted))
        account = account or self._accounts.open(stanza.sender.bare, address.network, nick)
        if account.room(address.name) is None:
            self._accounts.check_rooms(account)
        password = muc.findtext(f"{{{render.MUC}}}password") or ""
        room = account.want(address.name, nick, password[:_PASSWORD])
        attendee = Attendee(
            jid=stanza.sender.full,
            jid_attr=attribute(stanza.sender.full),
            room_local=stanza.to.local,
            room_attr=attribute(stanza.to.bare),
            nick=wanted,
            join=stanza,
            history=read_request(muc),
        )
        self._context.listeners.met(stanza, attendee)
        account.attend(room, attendee)
        self._accounts.start(account)

    def _change_nick(self, stanza: Stanza, account: Account, room: Room) -> None:
        wanted = stanza.to.resource
        # Every change of a client's status arrives as presence to the occupant (XEP-0045 §7.7): not a nick change.
        if not wanted or room.nick_behind(wanted) == room.nick:
            return
        try:
            nick = self._context.bridge.nick(wanted)
        except BadAddress as error:
            self._refuse(stanza, Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        if (why := self._context.guard.limits.take(account.owner, Kind.COMMANDS)) is not None:
            self._refuse(stanza, why)
            return
        ticket = Outcome(partial(account.rename, nick), partial(self._refuse, stanza))
        if not self._context.bridge.capabilities.nick_change:
            ticket.refused(NOT_SUPPORTED)
            return
        self._ask(account, ticket, lambda session: session.rename(nick, ticket))

    def _unavailable(self, stanza: Stanza, address: Address) -> None:
        account, room, attendee = self._find(stanza, address)
        if account is not None and room is not None and attendee is not None:
            account.leave(room, attendee, stanza.text("status") or "")

    def _refuse(self, stanza: Stanza, why: Refused) -> None:
        self._context.refuse(stanza, why, _MUC_X)
