"""What clients say in rooms besides plain messages: replies, corrections, reactions, retractions, and that they are typing.

What the network is asked for is decided by ``gateway.chat.speech``; here it is asked, and the user's own clients are shown
what came of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from gateway.accounts.account import Account
from gateway.bridge import Clock, Moderates, Session, SharesFiles, Ticket
from gateway.chat import rendering
from gateway.chat.corrections import Correction
from gateway.chat.payloads import Payloads, chat_state
from gateway.chat.speech import Speech, Spoken, encrypted, with_kind
from gateway.delivery.outgoing import Outgoing, Parts
from gateway.delivery.service import Deliveries
from gateway.model import MessageKind, Refused
from gateway.ops.traffic import Traffic
from gateway.rooms import acts
from gateway.rooms.place import RoomPlace
from gateway.rooms.room import Room, RoomState
from gateway.rooms.tickets import Outcome, Reflection, Refuse
from gateway.xmpp.router import Reply
from gateway.xmpp.sharing import Passed
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.text import escape


@dataclass(slots=True)
class _Act:
    """A ticket for what has no text: shown to the user's clients once the network has it."""

    room: Room
    stanza: Stanza
    shown: str
    refuse: Refuse
    forget: str = ""  # the message that is gone then
    reference: str = ""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        by = acts.tell(self.room, self.room.nick, self.shown, id_=self.stanza.id)
        if self.forget:
            acts.forget(self.room, self.forget, by)

    def refused(self, why: Refused) -> None:
        self.refuse(self.stanza, why)


class TalkContext(Protocol):
    """What this needs of the component."""

    speech: Speech
    deliveries: Deliveries
    traffic: Traffic

    def refuse(self, stanza: Stanza, why: Refused, extra: str = "") -> None: ...


class RoomTalk:
    """``down`` says why a room cannot be spoken in; ``durable``: what is said is the ledger's."""

    def __init__(
        self,
        context: TalkContext,
        clock: Clock,
        down: Callable[[Account, Room | None], Refused],
        *,
        durable: bool,
    ) -> None:
        self._context = context
        self._clock = clock
        self._down = down
        self._durable = durable

    def acted(
        self, stanza: Stanza, account: Account, room: Room, found: Payloads | None, carried: str
    ) -> bool:
        """Whether the stanza is no message but something done to one, or cannot be read at all; all is done then."""
        context = self._context
        if found is None:
            return False
        if found.encryption is not None:
            if stanza.body or not found.keys_only:
                context.refuse(stanza, encrypted(found.encryption))
            return True
        if found.reactions is not None:
            self._react(stanza, account, room, found, carried)
            return True
        if found.retracts:
            self._retract(stanza, account, room, found, carried)
            return True
        return False

    def typing(self, stanza: Stanza, account: Account, room: Room) -> None:
        """A stanza without a text may say what the user is doing. Nobody is told if that cannot be passed on."""
        state = chat_state(stanza.element)
        if state is not None and account.session is not None and room.state is RoomState.IN:
            self._context.speech.type(account.session, account.owner, room.address, state, account.can)

    def said(
        self,
        stanza: Stanza,
        account: Account,
        room: Room,
        body: str,
        found: Payloads | None,
        carried: str,
        kept: str = "",
    ) -> None:
        """A message that is more than its text, or whose text is to be read for more. ``carried`` and ``kept`` are ready XML
        for the user's clients; the latter belongs to the message."""
        speech = self._context.speech
        place = RoomPlace(room, self._clock.now())
        spoken = speech.speak(place, body, found, account.can)
        if isinstance(spoken, Refused):
            self._context.refuse(stanza, spoken)
            return
        unkept = found is not None and found.unkept
        if not spoken.corrects:
            speech.said(account.owner, room.address)
            self._say(stanza, account, room, spoken, carried, kept, unkept=unkept)
            if spoken.own != spoken.text:
                speech.corrections.remember((account.owner, room.address), stanza.id, spoken.own)
            return
        echo = f"<body>{escape(body)}</body>{rendering.replace(spoken.corrects)}{carried}{kept}"
        speech.corrections.put(
            (account.owner, room.address),
            Correction(
                spoken.corrects,
                lambda: target.text if (target := place.sent(spoken.corrects)) is not None else None,
                spoken.own,
                say=lambda line: self._line(stanza, account, room, line, carried, unkept=unkept),
                drop=lambda: acts.echo(room, stanza.sender.full, stanza.id, echo),
            ),
        )

    def shared(
        self,
        stanza: Stanza,
        account: Account,
        room: Room,
        passed: Passed,
        found: Payloads | None,
        carried: str,
    ) -> None:
        """A message with files, to a network that takes them."""
        speech = self._context.speech
        speech.said(account.owner, room.address)
        place = RoomPlace(room, self._clock.now())
        beside = speech.beside_files(place, passed.body, passed.text, found, account.can)
        text, kind = with_kind(beside.text)
        kept, unkept = passed.extra + beside.taken, found is not None and found.unkept
        if self._durable:
            parts = Parts(beside.enrichment, passed.attachments, passed.body, kept, unkept)
            self._context.deliveries.send(stanza, room.address, Outgoing(text, kind, parts, carried))
            return
        ticket = self._reflection(stanza, room, *with_kind(passed.body), carried, kept, unkept=unkept)
        more = (beside.enrichment,) if beside.enrichment is not None else ()
        if (session := self._session(account, room, ticket)) is not None:
            sharing = cast("SharesFiles", session)
            sharing.share(room.address, text, passed.attachments, kind, ticket, *more)

    def moderate(self, stanza: Stanza, reply: Reply, account: Account, room: Room) -> None:
        """XEP-0425 §4: a moderator takes back somebody's message."""
        request = stanza.element[0]
        target = RoomPlace(room, self._clock.now())
        id_ = (request.get("id") or "")[:512]
        meant = target.meant(id_)
        foreign_id = meant.foreign_id if meant is not None else target.foreign(id_)
        reason = next((each.text or "" for each in request if each.tag.endswith("}reason")), "")
        if account.session is None or room.state is not RoomState.IN:
            reply.error(self._down(account, room))
            return
        session = cast("Moderates", account.session)
        session.moderate(room.address.name, foreign_id, reason, Outcome(reply.result, reply.error))

    # -- pieces ------------------------------------------------------------------------------------------------

    def _react(self, stanza: Stanza, account: Account, room: Room, found: Payloads, carried: str) -> None:
        speech = self._context.speech
        reacted = speech.react(RoomPlace(room, self._clock.now()), found, account.can)
        if isinstance(reacted, Refused):
            self._context.refuse(stanza, reacted)
        elif reacted.line:
            self._line(stanza, account, room, reacted.line, carried, reacted.shown)
        else:
            act = _Act(room, stanza, reacted.shown + carried, self._context.refuse)
            if not reacted.target:
                act.done()
            elif (session := self._session(account, room, act)) is not None:
                speech.ask_reaction(room.address, reacted, session, act)

    def _retract(self, stanza: Stanza, account: Account, room: Room, found: Payloads, carried: str) -> None:
        speech = self._context.speech
        speech.said(account.owner, room.address)  # a correction of it must not come after
        retracted = speech.retract(RoomPlace(room, self._clock.now()), found, account.can)
        if isinstance(retracted, Refused):
            self._context.refuse(stanza, retracted)
        elif retracted.line:
            self._line(stanza, account, room, retracted.line, carried)
        else:
            act = _Act(room, stanza, retracted.shown + carried, self._context.refuse, found.retracts)
            if (session := self._session(account, room, act)) is not None:
                speech.ask_retraction(room.address, retracted, session, act)

    def _line(
        self,
        stanza: Stanza,
        account: Account,
        room: Room,
        line: str,
        carried: str,
        taken: str = "",
        *,
        unkept: bool = False,
    ) -> None:
        spoken = Spoken(line, MessageKind.CHAT, line, shown=line, taken=taken)
        self._say(stanza, account, room, spoken, carried, unkept=unkept)

    def _say(
        self,
        stanza: Stanza,
        account: Account,
        room: Room,
        spoken: Spoken,
        carried: str,
        kept: str = "",
        *,
        unkept: bool = False,
    ) -> None:
        kept += spoken.taken
        if self._durable:
            shown = spoken.body if spoken.body != spoken.text else ""
            parts = Parts(spoken.enrichment, (), shown, kept, unkept)
            outgoing = Outgoing(spoken.text, spoken.kind, parts, carried)
            self._context.deliveries.send(stanza, room.address, outgoing)
            return
        ticket = self._reflection(stanza, room, spoken.shown, spoken.shown_kind, carried, kept, unkept=unkept)
        if (session := self._session(account, room, ticket)) is not None:
            self._context.speech.say(session, room.address, spoken, ticket)

    def _reflection(
        self,
        stanza: Stanza,
        room: Room,
        shown: str,
        kind: MessageKind,
        carried: str,
        kept: str,
        *,
        unkept: bool,
    ) -> Reflection:
        context, traffic = self._context, self._context.traffic
        return Reflection(
            room, stanza, shown, kind, carried, context.refuse, traffic, traffic.monotonic(), kept, unkept
        )

    def _session(self, account: Account, room: Room, ticket: Ticket) -> Session | None:
        """Whom to ask; None: nobody, and the ticket is refused."""
        if account.session is None or room.state is not RoomState.IN:
            ticket.refused(self._down(account, room))
            return None
        return account.session
