"""Moderation in XEP-0045's words (muc#admin, §8 to §9): who may do what in a room, shown and changed.

Those present are known here; who is banned the network is asked. What is changed is the network's to allow: an iq is
answered when it did, or in its own words when it did not.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, cast
from xml.etree.ElementTree import Element

from gateway.addressing import nick_for
from gateway.bridge import BadAddress, Governs, Session, Ticket
from gateway.model import (
    Address,
    AddressKind,
    Affiliation,
    Condition,
    ListEntry,
    Occupant,
    Refused,
    Role,
    StandingChange,
)
from gateway.rooms.answers import Told
from gateway.rooms.masks import mask_jid, mask_of
from gateway.rooms.people import Attendee
from gateway.rooms.room import Room
from gateway.rooms.tickets import ErrorOnly, Outcome
from gateway.texts import Text
from gateway.xmpp import render
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.router import Reply
from gateway.xmpp.stanza import Stanza, name_of, parse_jid
from gateway.xmpp.text import attribute
from gateway.xmpp.xml import element, text_element

if TYPE_CHECKING:
    from gateway.accounts.account import Account

MAX_ITEMS = 100  # changes in one request
MAX_BYTES = 128 * 1024  # of a list: servers accept stanzas of 256 KiB
_REASON = 1000  # characters

_NO_ITEM = Refused(Condition.BAD_REQUEST, Text("Say in an item which role or affiliation is meant."))
_NOT_HERE = Refused(
    Condition.FEATURE_NOT_IMPLEMENTED, Text("On this network nobody can be moderated from here.")
)
_ONLY_KICKS = Refused(
    Condition.FEATURE_NOT_IMPLEMENTED, Text("On this network people can be kicked, and no more.")
)
_TOO_MANY = Refused(
    Condition.BAD_REQUEST, Text("At most {number} people can be changed at once.", number=MAX_ITEMS)
)
_NOBODY = Refused(Condition.BAD_REQUEST, Text("Say in every item who is meant: by nick, or by address."))

Found = tuple["Account | None", Room | None, Attendee | None]


class GoverningContext(Protocol):
    """What this needs of the component."""

    book: AddressBook

    def refuse(self, stanza: Stanza, why: Refused, extra: str = "") -> None: ...


class Governing:
    """What users ask for. ``find`` knows who is in which room; ``ask`` asks the session, or refuses the ticket."""

    def __init__(
        self,
        context: GoverningContext,
        find: Callable[[Stanza, Address], Found],
        ask: Callable[["Account", Ticket, Callable[[Session], None]], None],
        not_in_room: Refused,
    ) -> None:
        self._context = context
        self._find = find
        self._ask = ask
        self._not_in_room = not_in_room

    def ordered(self, stanza: Stanza, account: "Account", room: Room, body: str) -> bool:
        """A message to the room: whether it is an order to the network (``/mode``), which nobody is shown."""
        if body.split(None, 1)[0] not in account.can.orders:
            return False
        ticket = ErrorOnly(stanza, self._context.refuse)
        self._ask(
            account, ticket, lambda session: cast("Governs", session).order(room.address.name, body, ticket)
        )
        return True

    # -- lists -------------------------------------------------------------------------------------------------

    def listed(self, stanza: Stanza, reply: Reply, address: Address) -> None:
        """muc#admin get: everybody with a role or an affiliation (XEP-0045 §8.5, §9.5 ...), or the bans (§9.2)."""
        account, room, attendee = self._find(stanza, address)
        if account is None or room is None or attendee is None:
            reply.error(self._not_in_room)
            return
        items = _items(stanza)
        wanted = _standing(items[0]) if len(items) == 1 else None
        if wanted is None:
            reply.error(_NO_ITEM)
        elif wanted[1] is Affiliation.OUTCAST:
            self._outcasts(reply, account, room)
        else:
            role, affiliation = wanted
            present = (
                self._item(each, room, role)
                for each in room.seats.occupants()
                if (each.role is role if role is not None else each.affiliation is affiliation)
            )
            reply.result(element("query", render.MUC_ADMIN, None, *_fitting(present)))

    def _outcasts(self, reply: Reply, account: "Account", room: Room) -> None:
        if not account.can.governing or account.session is None:
            reply.result(element("query", render.MUC_ADMIN, None))
            return
        session = cast("Governs", account.session)
        listed = next((each for each in session.room_lists(room.address.name) if each.outcasts), None)
        if listed is None:
            reply.result(element("query", render.MUC_ADMIN, None))
            return

        def told(entries: Sequence[ListEntry]) -> None:
            items = (_outcast(each, self._context.book.jid) for each in entries)
            reply.result(element("query", render.MUC_ADMIN, None, *_fitting(items)))

        session.entries(room.address.name, listed.name, Told(told, reply.error))

    def _item(self, occupant: Occupant, room: Room, role: Role | None) -> str:
        """``role`` is the one that was asked for. Where it was an affiliation, roles are left out: Converse.js (14) sets
        occupants' roles to their nicks if such a list has any, and believes its user to be no moderator then."""
        jid = self._context.book.occupant_jid_attr(room.address.network, occupant)
        if occupant.nick == room.nick:
            jid = attribute(room.owner)
        shown = f" jid='{jid}'" if jid else ""
        told = f" role='{role}'" if role is not None else ""
        nick = attribute(occupant.nick)
        return f"<item affiliation='{occupant.affiliation}'{told} nick='{nick}'{shown}/>"

    # -- changes -----------------------------------------------------------------------------------------------

    def changed(self, stanza: Stanza, reply: Reply, address: Address) -> None:
        """muc#admin set: roles and affiliations; the role none is a kick (§8.2), the affiliation outcast a ban (§9.1)."""
        account, room, attendee = self._find(stanza, address)
        if account is None or room is None or attendee is None:
            reply.error(self._not_in_room)
            return
        wishes = self._wishes(stanza, account, room)
        if isinstance(wishes, Refused):
            reply.error(wishes)
            return
        ticket = Outcome(reply.result, reply.error)
        if account.can.governing:
            self._ask(
                account,
                ticket,
                lambda session: cast("Governs", session).govern(room.address.name, wishes, ticket),
            )
        else:
            self._kick(account, room, wishes, ticket)

    def _kick(self, account: "Account", room: Room, wishes: Sequence[StandingChange], ticket: Ticket) -> None:
        """A network that can do no more than that."""
        wish = wishes[0]
        if not account.can.kick:
            ticket.refused(_NOT_HERE)
        elif len(wishes) > 1 or wish.role is not Role.NONE:
            ticket.refused(_ONLY_KICKS)
        elif wish.nick not in room.seats:
            ticket.refused(
                Refused(Condition.ITEM_NOT_FOUND, Text("There is no {nick} in this room.", nick=wish.nick))
            )
        else:
            self._ask(
                account,
                ticket,
                lambda session: session.kick(room.address.name, wish.nick, wish.reason, ticket),
            )

    def _wishes(self, stanza: Stanza, account: "Account", room: Room) -> list[StandingChange] | Refused:
        items = _items(stanza)
        if not items or len(items) > MAX_ITEMS:
            return _TOO_MANY if items else _NO_ITEM
        wishes = []
        for item in items:
            standing = _standing(item)
            if standing is None:
                return _NO_ITEM
            role, affiliation = standing
            who = self._who(item, account, room)
            if who is None:
                return _NOBODY
            nick, mask = who
            reason = (item.findtext(f"{{{render.MUC_ADMIN}}}reason") or "")[:_REASON]
            wishes.append(StandingChange(nick, mask, role, affiliation, reason))
        return wishes

    def _who(self, item: Element, account: "Account", room: Room) -> tuple[str, str] | None:
        """Nick and mask of whom an item is about; one of the two, or None if it names nobody."""
        nick = item.get("nick") or ""
        if nick:
            behind = room.nick_behind(nick)
            return behind, ""
        text = item.get("jid") or ""
        if not text:
            return None
        jid = parse_jid(text)
        if jid.bare == account.owner:
            return room.nick, ""
        if jid.domain.lower() != self._context.book.jid:
            # Profanity (0.13) bans by address only, and people write nicks there; else the network's own words, maybe.
            here = "" if "@" in text else _present(account, room, text)
            return (here, "") if here else ("", text)
        if not jid.local:
            return None
        try:
            address = self._context.book.address(jid.local)
        except BadAddress:
            return "", mask_of(jid.local)
        if address.kind is AddressKind.CONTACT and address.network == room.address.network:
            present = _present(account, room, address.name)
            return present, "" if present else nick_for(address.name)
        if address == room.address and jid.resource:
            return room.nick_behind(jid.resource), ""
        return "", mask_of(jid.local)


def _present(account: "Account", room: Room, name: str) -> str:
    """The nick of somebody who is here, as the network spells it; empty if there is nobody of that name."""
    wanted = account.fold(name)
    return next((nick for nick in room.seats if account.fold(nick) == wanted), "")


def _fitting(items: Iterable[str]) -> list[str]:
    """As many as a stanza can hold."""
    found, left = [], MAX_BYTES
    for each in items:
        left -= len(each.encode())
        if left < 0:
            break
        found.append(each)
    return found


def _items(stanza: Stanza) -> list[Element]:
    return [child for child in stanza.element[0] if name_of(child) == "item"]


def _standing(item: Element) -> tuple[Role | None, Affiliation | None] | None:
    """The role or the affiliation that an item names. Where it names both, the affiliation counts, which has the role that
    belongs to it; but for a kick. None if it names neither."""
    role, affiliation = item.get("role"), item.get("affiliation")
    try:
        if role is not None and (affiliation is None or role == Role.NONE):
            return Role(role), None
        return (None, Affiliation(affiliation)) if affiliation is not None else None
    except ValueError:
        return None


def _outcast(entry: ListEntry, domain: str) -> str:
    by = f"set by {entry.setter}" if entry.setter else ""
    at = f"{datetime.fromtimestamp(entry.time, UTC):%Y-%m-%d %H:%M} UTC" if entry.time is not None else ""
    reason = " on ".join(filter(None, (by, at)))
    return element(
        "item",
        "",
        {"affiliation": Affiliation.OUTCAST.value, "jid": mask_jid(entry.mask, domain)},
        text_element("reason", reason) if reason else "",
    )
