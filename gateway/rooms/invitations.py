"""Who is asked into rooms, and who asks to be let in: mediated (XEP-0045 §7.8.2) and direct (XEP-0249) invitations of users
for people on the network, invitations from there for users, and people outside who knock.

Knows the addresses and the stanzas; what the network does with an invitation is the session's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast
from xml.etree.ElementTree import Element

from gateway.addressing import nick_for, resource_for
from gateway.bridge import NOT_SUPPORTED, BadAddress, Bridge, Invites, Session, Ticket
from gateway.model import Address, AddressKind, Condition, Field, FieldKind, Refused
from gateway.rooms.events import event
from gateway.rooms.people import Attendee
from gateway.rooms.room import Room
from gateway.rooms.tickets import Refuse
from gateway.xmpp import render
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import Form, find_form, plausible_jid, read_submission, render_form
from gateway.xmpp.stanza import Jid, Stanza, parse_jid
from gateway.xmpp.text import attribute, escape

if TYPE_CHECKING:
    from gateway.accounts.account import Account

DIRECT = "jabber:x:conference"
REQUEST = "http://jabber.org/protocol/muc#request"
_USER = f"{{{render.MUC_USER}}}"
#: XEP-0045 §7.8.2 allows several in one stanza.
_INVITEES = 10
_REASON = 1000  # characters
_YES = frozenset(("1", "true"))

_NO_NAME = Refused(
    Condition.JID_MALFORMED,
    "Say whom you invite: by nick, by the address of somebody in a room or on the network, or by an XMPP address.",
)
_NO_VOICE = Refused(
    Condition.FEATURE_NOT_IMPLEMENTED,
    "On this network nobody can ask for a voice with a form. Write to an operator of the room in private, and ask.",
)

Found = tuple["Account | None", Room | None, Attendee | None]


class InvitationContext(Protocol):
    """What this needs of the component."""

    bridge: Bridge
    book: AddressBook

    def send(self, stanza: str, *, keep: bool = False) -> bool: ...

    def refuse(self, stanza: Stanza, why: Refused, extra: str = "") -> None: ...


class Invitations:
    """What users ask for. ``find`` knows who is in which room; ``ask`` asks the session, or refuses the ticket."""

    def __init__(
        self,
        context: InvitationContext,
        find: Callable[[Stanza, Address], Found],
        ask: Callable[["Account", Ticket, Callable[[Session], None]], None],
        not_in_room: Refused,
    ) -> None:
        self._context = context
        self._find = find
        self._ask = ask
        self._not_in_room = not_in_room

    def taken(self, stanza: Stanza, address: Address) -> bool:
        """A message to a room that is not said in it: whether it is about coming in, and taken care of then."""
        user = stanza.child("x", render.MUC_USER)
        if user is not None:
            self._mediated(stanza, address, user)
            return True
        form = find_form(stanza.element)
        if form is None or form.get("type") != "submit":
            return False
        try:
            values = read_submission(form)
        except RefusedError as error:
            self._context.refuse(stanza, error.refused)
            return True
        if values.get("FORM_TYPE") != (REQUEST,):
            return False
        self._answered(stanza, address, values)
        return True

    def direct(self, stanza: Stanza, address: Address) -> bool:
        """A message to somebody on the network: whether it is a direct invitation (XEP-0249), taken care of then."""
        invitation = stanza.child("x", DIRECT)
        if invitation is None:
            return False
        room_jid = parse_jid(invitation.get("jid") or "")
        ticket = self._ticket(stanza)
        try:
            target = self._context.book.address(room_jid.local) if self._ours(room_jid) else None
        except BadAddress:
            target = None
        if target is None or target.kind is not AddressKind.ROOM or target.network != address.network:
            text = f"People on {address.network} can only be invited to rooms there, by their addresses here."
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, text))
            return True
        account, room, attendee = self._find(stanza, target)
        if account is None or room is None:
            ticket.refused(self._not_in_room)
        else:
            ticket.attendee = attendee
            self._invite(account, room, address.name, (invitation.get("reason") or "")[:_REASON], ticket)
        return True

    def _mediated(self, stanza: Stanza, address: Address, user: Element) -> None:
        """An invitation, or one declined: of that, networks are not told."""
        invites = user.findall(f"{_USER}invite")[:_INVITEES]
        if not invites:
            return
        account, room, attendee = self._find(stanza, address)
        if account is None or room is None or attendee is None:
            self._context.refuse(stanza, self._not_in_room)
            return
        for invite in invites:
            reason = (invite.findtext(f"{_USER}reason") or "")[:_REASON]
            self._one(stanza, account, room, attendee, (invite.get("to") or "").strip(), reason)

    def _one(
        self, stanza: Stanza, account: "Account", room: Room, attendee: Attendee, to: str, reason: str
    ) -> None:
        jid = parse_jid(to)
        ticket = self._ticket(stanza, attendee)
        try:
            if to and not jid.local and not jid.resource and "." not in jid.domain:
                nick = self._context.bridge.nick(to)  # biboumi's users write just that
            elif self._ours(jid):
                nick = self._nick(jid, room)
            elif jid.local and plausible_jid(to):
                self._pass_on(stanza, room, attendee, jid, reason)
                return
            else:
                raise BadAddress(_NO_NAME.text)
        except BadAddress as error:
            ticket.refused(Refused(Condition.JID_MALFORMED, str(error)))
            return
        self._invite(account, room, nick, reason, ticket)

    def _nick(self, jid: Jid, room: Room) -> str:
        """Whom an address of ours means: somebody by a room's address and nick, or by their own."""
        address = self._context.book.address(jid.local)
        if address.network != room.address.network:
            raise BadAddress(f"{jid} is not on {room.address.network}, where the room is.")
        if address.kind is AddressKind.CONTACT:
            return address.name
        if address.kind is AddressKind.ROOM and jid.resource:
            return self._context.bridge.nick(nick_for(jid.resource))
        raise BadAddress(_NO_NAME.text)

    def _invite(self, account: "Account", room: Room, nick: str, reason: str, ticket: Ticket) -> None:
        if not self._context.bridge.capabilities.invitations:
            ticket.refused(NOT_SUPPORTED)
            return

        def invite(session: Session) -> None:
            cast("Invites", session).invite(room.address.name, nick, reason, ticket)

        self._ask(account, ticket, invite)

    def _pass_on(self, stanza: Stanza, room: Room, attendee: Attendee, jid: Jid, reason: str) -> None:
        """To somebody on XMPP: they come through this gateway, under a nick of their own."""
        inviter = attribute(stanza.sender.full)
        self._context.send(
            invitation(attendee.room_attr, attribute(jid.bare), inviter, reason, room.password), keep=True
        )

    def _answered(self, stanza: Stanza, address: Address, values: dict[str, tuple[str, ...]]) -> None:
        """The form of ``knock``, filled in, or a request for a voice (XEP-0045 §7.13), which lacks a field of it."""
        account, room, attendee = self._find(stanza, address)
        allowed = values.get("muc#request_allow")
        if account is None or room is None or attendee is None:
            self._context.refuse(stanza, self._not_in_room)
        elif allowed is None:
            self._context.refuse(stanza, _NO_VOICE)
        elif allowed and allowed[0] in _YES:
            nick = next(iter(values.get("muc#roomnick", ())), "")
            self._invite(account, room, nick, "", self._ticket(stanza, attendee))

    def _ticket(self, stanza: Stanza, attendee: Attendee | None = None) -> "_Invited":
        return _Invited(stanza, self._context.refuse, self._context.send, attendee)

    def _ours(self, jid: Jid) -> bool:
        return jid.domain == self._context.book.jid


@dataclass(slots=True)
class _Invited:
    """A ticket. An error to an invitation is the answer, but Converse.js (14) shows none; so the room says it too."""

    stanza: Stanza
    refuse: Refuse
    send: Callable[[str], bool]
    attendee: Attendee | None = None
    reference: str = ""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        """That it was heard shows when somebody comes."""

    def refused(self, why: Refused) -> None:
        self.refuse(self.stanza, why)
        if self.attendee is not None and self.attendee.eventful:
            words = f"Nobody was invited. {why.text}"
            self.send(event(self.attendee, attribute(self.stanza.id) or "invitation", words))


def invitation(
    room_attr: str, to_attr: str, from_attr: str, reason: str, password: str = "", hints: str = ""
) -> str:
    """XEP-0045 §7.8.2: what the invited get. No ``type``, as there. It goes along in the words of XEP-0249 too, as other
    services have it: Converse.js (14) understands no others. ``hints`` is ready XML."""
    inviter = f" from='{from_attr}'" if from_attr else ""
    why = f"<reason>{escape(reason)}</reason>" if reason else ""
    key = f"<password>{escape(password)}</password>" if password else ""
    return (
        f"<message from='{room_attr}' to='{to_attr}'><x xmlns='{render.MUC_USER}'><invite{inviter}>{why}</invite>"
        f"{key}</x><x xmlns='{DIRECT}' jid='{room_attr}'{_given('reason', reason)}{_given('password', password)}/>{hints}"
        "</message>"
    )


def _given(name: str, value: str) -> str:
    return f" {name}='{attribute(value)}'" if value else ""


def invitations(room_attr: str, clients: Iterable[str], actor: str, reason: str) -> list[str]:
    """For each client of the invited: ``actor`` (a nick, or empty) wants them in the room."""
    inviter = f"{room_attr}/{attribute(resource_for(actor))}" if actor else ""
    return [invitation(room_attr, client, inviter, reason, hints=render.UNCOPIED) for client in clients]


def knock(room: Room, nick: str, reason: str) -> Callable[[Attendee, str], list[str]]:
    """Somebody asks to be let in: a form for those who could invite them, as for a voice (XEP-0045 §8.6), and in words. What
    is returned makes the stanzas for one client, and needs an id for them."""
    said = f" ({reason})" if reason else ""
    words = f"{nick}{said} asks to be let into {room.address.name}. To let them in, invite them."
    fields = (
        Field("muc#role", "Role", default="participant"),
        Field("muc#roomnick", "Nick", default=nick),
        Field("muc#request_allow", f"Let {nick} in?", FieldKind.BOOLEAN, "false"),
    )
    form = render_form(Form("Somebody asks to be let in", fields, words, REQUEST))
    return partial(_knock, words, form)


def _knock(words: str, form: str, to: Attendee, id_: str) -> list[str]:
    request = (
        f"<message from='{to.room_attr}' to='{to.jid_attr}' id='{id_}'><body>{escape(words)}</body>{form}"
        f"{render.UNCOPIED}</message>"
    )
    return [request, event(to, id_, words)] if to.eventful else [request]
