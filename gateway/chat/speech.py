"""From a stanza's payloads to what is asked of the network: as it can have it, else in words, else not at all.

The one place where a feature that a network lacks is turned into what it has; rooms and private chats both come here.
Decides, and knows no client: what the user's clients are shown is with the callers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast
from xml.etree.ElementTree import Element

from gateway.bridge import Capabilities, Clock, Expressive, Reacts, Retracts, Session, Ticket, Types
from gateway.chat import degrade, rendering, styling, xhtml
from gateway.chat.corrections import Corrections
from gateway.chat.fallbacks import fallbacks, quoted
from gateway.chat.payloads import FALLBACK, REACTIONS, REPLY, STYLING, Payloads, Reader, readers
from gateway.chat.payloads import read as read_payloads
from gateway.chat.places import Place
from gateway.chat.ranges import Moved, cut, unmoved
from gateway.model import (
    Address,
    AddressKind,
    ChatState,
    Condition,
    Enrichment,
    ErrorType,
    Mention,
    MessageKind,
    Refused,
    Reply,
    Span,
)
from gateway.texts import Text
from gateway.xmpp.text import attribute

NO_REACTIONS = Refused(
    Condition.NOT_ACCEPTABLE,  # XEP-0444 §3.3: what makes clients take a reaction off the screen again
    Text("This network has no reactions, so nobody would see yours. Answer with a message instead."),
    ErrorType.MODIFY,
)
NO_RETRACTION = Refused(
    Condition.FEATURE_NOT_IMPLEMENTED,
    Text("On this network nothing can be taken back: your message is still there for everybody who got it."),
    ErrorType.CANCEL,
)
_UNKNOWN = Refused(
    Condition.ITEM_NOT_FOUND,
    Text("The gateway does not know any more which message that is, so the network could not be told."),
    ErrorType.CANCEL,
)
_NOT_YOURS = Refused(
    Condition.FORBIDDEN, Text("Only the author of a message can take it back."), ErrorType.CANCEL
)
#: Places whose users are typing, at most.
_TYPING = 10_000


def encrypted(name: str) -> Refused:
    """The one answer to messages that only their recipient's client could read. ``name`` of the encryption or empty."""
    what = Text("message (it is encrypted with {name})", name=name) if name else Text("message")
    text = Text(
        "This gateway leads to a network without end-to-end encryption, so it cannot read your {what} and has not sent "
        "it. Switch encryption off for this chat and send it again.",
        what=what,
    )
    return Refused(Condition.NOT_ACCEPTABLE, text, ErrorType.MODIFY)


def with_kind(body: str) -> tuple[str, MessageKind]:
    """A body as the model has it: XEP-0245's ``/me `` is an action."""
    return (body[4:], MessageKind.ACTION) if body.startswith("/me ") else (body, MessageKind.CHAT)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message as the network is to have it; ``own`` is what the user wrote of ``text``. ``shown`` and ``shown_kind`` are
    its body for the user's own clients, and ``taken`` ready XML for them: the payloads that the network takes.
    ``corrects``: the message that it corrects, by the id the client gave that, where the network has no corrections: then
    ``own`` is the whole text, and the line to say is not made yet."""

    text: str
    kind: MessageKind
    own: str
    enrichment: Enrichment | None = None
    shown: str = ""
    shown_kind: MessageKind = MessageKind.CHAT
    taken: str = ""
    corrects: str = ""

    @property
    def body(self) -> str:
        """The body for the user's own clients as it stands in a stanza."""
        return f"/me {self.shown}" if self.shown_kind is MessageKind.ACTION else self.shown


@dataclass(frozen=True, slots=True)
class Beside:
    """What the network is told with the files of a message: in words what it has no other way for. ``taken`` is ready XML
    that tells it to the user's own clients."""

    text: str
    taken: str = ""
    enrichment: Enrichment | None = None


@dataclass(frozen=True, slots=True)
class Reacted:
    """Reactions that can be told: to the network by ``target``, or in the words ``line``; with neither there is nothing to
    tell, but clients may be told that it is so. ``shown`` is ready XML for the user's own clients."""

    target: str
    emojis: tuple[str, ...]
    line: str
    shown: str


@dataclass(frozen=True, slots=True)
class Retracted:
    """A message that can be taken back: by the network as ``target``, or in the words ``line``."""

    target: str
    line: str
    shown: str


class Speech:
    """Of one component: ``can`` is what its bridge can. Of single connections it may be more or less: then the methods are
    given theirs, ``Account.can``. ``exact``: whether what is written to somebody has to arrive to the letter, as passwords
    do."""

    def __init__(
        self, can: Capabilities, clock: Clock, exact: Callable[[Address, str], bool] = lambda *_: False
    ) -> None:
        self.corrections = Corrections(clock)
        self._can = can
        self._exact = exact
        self._table: Mapping[str, Reader] = readers(can)
        self._typing: dict[tuple[str, Address], ChatState] = {}

    def read(self, element: Element, room_attr: str = "") -> tuple[str, Payloads | None]:
        """See ``payloads.read``."""
        return read_payloads(element, room_attr, self._table)

    def marked(self, body: str) -> bool:
        """Whether a body without payloads is to be read for more than its text (``speak``)."""
        return body.startswith("?OTR") or (self._can.styling and styling.marked(body))

    def plain(self, body: str) -> bool:
        """Whether a body without payloads is its text and nothing else: no order, no action, no link to a file. Hot: asked
        of every message."""
        return body[0] not in "/?" and not body.startswith("aesgcm:") and not self.marked(body)

    # -- messages with a text ----------------------------------------------------------------------------------

    def speak(
        self, place: Place, body: str, found: Payloads | None, can: Capabilities | None = None
    ) -> Spoken | Refused:
        """What to say. ``found`` None: there is nothing but the body."""
        found, can = found or Payloads(), can or self._can
        if found.encryption is not None or body.startswith("?OTR"):
            return encrypted(found.encryption or "OTR")
        typed, moved = cut(body, fallbacks(body, found))
        kind, skipped = MessageKind.CHAT, 0
        if typed.startswith("/me "):  # XEP-0245
            kind, skipped, typed = MessageKind.ACTION, 4, typed[4:]

        def at(index: int) -> int:
            return max(0, moved(index) - skipped)

        told = found.spans
        if not told and found.html is not None and can.styling:
            told = xhtml.read(found.html, body)
        marked = tuple(Span(at(span.start), at(span.end), span.style) for span in told)
        text, spans = typed, marked
        restyled: Moved = unmoved
        typed_marks = can.styling and not marked and not found.unstyled and styling.marked(typed)
        if typed_marks and not self._exact(place.address, typed):
            text, spans, restyled = styling.read(typed, wary=can.plain_marks)
        mentions = _mentions(place, found, at)
        reply = self._reply(place, found, body, can)
        lead = self._lead(place, found, body, text) if reply is None and kind is MessageKind.CHAT else ""
        replaces = self._replaced(place, found, can)
        enrichment = Enrichment(
            reply,
            replaces,
            found.thread,
            tuple(Span(s.start + len(lead), s.end + len(lead), s.style) for s in spans),
            tuple(
                Mention(restyled(m.start) + len(lead), restyled(m.end) + len(lead), m.name) for m in mentions
            ),
            found.subject,
        )
        # Clients are shown the body as it was sent where the network takes the reply, else what others see.
        as_sent = reply is not None
        shift = 0 if as_sent else len(lead) + skipped
        taken = _reply_as_sent(found) if as_sent else ""
        if replaces:
            taken += rendering.replace(found.replaces)
        if found.unstyled:
            taken += f"<unstyled xmlns='{STYLING}'/>"
        shown = told if as_sent else [Span(s.start + shift, s.end + shift, s.style) for s in marked]
        taken += rendering.markup(shown)
        return Spoken(
            lead + text,
            kind,
            typed,
            enrichment if enrichment != _NOTHING else None,
            body if as_sent else lead + typed,
            MessageKind.CHAT if as_sent else kind,
            taken,
            found.replaces if not replaces else "",
        )

    def _reply(self, place: Place, found: Payloads, body: str, can: Capabilities) -> Reply | None:
        """What the network is told of a reply; None if it has none, or could not know what it answers."""
        if not found.reply or not can.replies:
            return None
        target = place.meant(found.reply)
        if target is None:
            foreign_id = place.foreign(found.reply)
            author, text = quoted(body, found)
            return Reply(foreign_id, author, text) if foreign_id else None
        return Reply(target.foreign_id, target.author, target.text) if target.foreign_id else None

    def _lead(self, place: Place, found: Payloads, body: str, text: str) -> str:
        """A reply in words: how people who only have lines show whom, or what, they answer."""
        if not found.reply or found.replaces:
            return ""
        target = place.meant(found.reply)
        if target is None:
            author, said = quoted(body, found)
            return f"{degrade.quote(author, said)}\n" if said else ""
        if target.recent and not target.own:
            if place.address.kind is not AddressKind.ROOM:
                return ""  # there is nobody else whom it could answer
            return degrade.addressed(target.author, text)
        return f"{degrade.quote(target.author, target.text)}\n" if target.text.strip() else ""

    def beside_files(
        self, place: Place, body: str, text: str, found: Payloads | None, can: Capabilities | None = None
    ) -> Beside:
        """What goes with the files of a message. ``text`` is ``body`` without what only names the files."""
        if found is None:
            return Beside(text)
        can = can or self._can
        if found.reply or found.replaces:
            for start, end in fallbacks(body, found):
                text = text.removeprefix(body[start:end].strip()).lstrip()
        replaces, reply = self._replaced(place, found, can), self._reply(place, found, body, can)
        enrichment = Enrichment(reply, replaces, found.thread, subject=found.subject)
        told = enrichment if enrichment != _NOTHING else None
        if found.replaces:
            said = f"* {text}" if text and not replaces else text
            return Beside(said, rendering.replace(found.replaces), told)
        if not found.reply:
            return Beside(text, "", told)
        worded = reply is None and not text.startswith("/me ")
        lead = self._lead(place, found, body, text) if worded else ""
        return Beside((lead + text).rstrip(), _reply_as_sent(found), told)

    def _replaced(self, place: Place, found: Payloads, can: Capabilities) -> str:
        """The network's name of the message corrected; empty if it has none, or knows no corrections."""
        if not found.replaces or not can.corrections:
            return ""
        target = place.sent(found.replaces)
        return target.foreign_id if target is not None else ""

    def say(self, session: Session, address: Address, spoken: Spoken, ticket: Ticket) -> None:
        """Ask the network."""
        if spoken.enrichment is not None:
            # Payloads that the bridge does not claim are not even read.
            expressive = cast("Expressive", session)
            expressive.express(address, spoken.text, spoken.kind, spoken.enrichment, ticket)
        elif address.kind is AddressKind.ROOM:
            session.say(address.name, spoken.text, spoken.kind, ticket)
        else:
            session.tell(address.name, spoken.text, spoken.kind, ticket)

    # -- messages about messages -------------------------------------------------------------------------------

    def react(self, place: Place, found: Payloads, can: Capabilities | None = None) -> Reacted | Refused:
        """What becomes of ``found.reactions``."""
        can, emojis = can or self._can, found.reactions or ()
        shown = rendering.reactions(found.reacts_to, emojis)
        target = place.meant(found.reacts_to)
        if can.reactions:
            if (can.reactions_max and len(emojis) > can.reactions_max) or (
                can.reactions_allowed and not set(emojis) <= set(can.reactions_allowed)
            ):
                return _restrictions(can)
            foreign_id = target.foreign_id if target is not None else place.foreign(found.reacts_to)
            return Reacted(foreign_id, emojis, "", shown) if foreign_id else _UNKNOWN
        if not emojis:
            return Reacted("", (), "", shown)
        if not can.reaction_lines:
            return NO_REACTIONS
        if len(emojis) > 1:
            return replace(NO_REACTIONS, text="On this network one reaction to a message is enough.")
        author = target.author if target is not None and not target.own else ""
        if place.address.kind is not AddressKind.ROOM:
            author = ""
        line = degrade.reaction(author, target.text if target is not None else "", emojis)
        return Reacted("", emojis, line, f"{shown}<fallback xmlns='{FALLBACK}' for='{REACTIONS}'/>")

    def retract(self, place: Place, found: Payloads, can: Capabilities | None = None) -> Retracted | Refused:
        """What becomes of ``found.retracts``."""
        can = can or self._can
        target = place.meant(found.retracts)
        if target is not None and not target.own:
            return _NOT_YOURS
        if can.retractions:
            if target is None or not target.foreign_id:
                return _UNKNOWN
            return Retracted(target.foreign_id, "", rendering.retract(found.retracts))
        if not can.retraction_lines:
            return NO_RETRACTION
        if target is None:
            return _UNKNOWN
        return Retracted("", degrade.retraction(last=target.last), "")

    @staticmethod
    def ask_reaction(address: Address, reacted: Reacted, session: Session, ticket: Ticket) -> None:
        cast("Reacts", session).react(address, reacted.target, reacted.emojis, ticket)

    @staticmethod
    def ask_retraction(address: Address, retracted: Retracted, session: Session, ticket: Ticket) -> None:
        cast("Retracts", session).retract(address, retracted.target, ticket)

    def type(
        self,
        session: Session,
        owner: str,
        address: Address,
        state: ChatState,
        can: Capabilities | None = None,
    ) -> None:
        """Pass on what the user is doing, if it is news and the network wants to know."""
        if not (can or self._can).typing:
            return
        key = owner, address
        busy = state in _BUSY
        if self._typing.get(key) is (state if busy else None):
            return
        if busy:
            if len(self._typing) >= _TYPING:
                del self._typing[next(iter(self._typing))]
            self._typing[key] = state
        else:
            del self._typing[key]
        cast("Types", session).type(address, state)

    def said(self, owner: str, address: Address) -> None:
        """A message ends what the user was doing before it, and corrections are said before it."""
        if self._typing:
            self._typing.pop((owner, address), None)
        if self.corrections.waiting:
            self.corrections.flush((owner, address))


_NOTHING = Enrichment()
_BUSY = frozenset({ChatState.COMPOSING, ChatState.PAUSED})


def _restrictions(can: Capabilities) -> Refused:
    rules = []
    if can.reactions_max:
        rules.append(f"at most {can.reactions_max} of one person on one message")
    if can.reactions_allowed:
        rules.append(f"only {' '.join(can.reactions_allowed)}")
    return replace(NO_REACTIONS, text=f"Of reactions, this network takes {', and '.join(rules)}.")


def _mentions(place: Place, found: Payloads, at: Moved) -> list[Mention]:
    named = ((each, place.name(each)) for each in found.mentions)
    mentions = (Mention(at(each.start), at(each.end), name) for each, name in named if name)
    return [mention for mention in mentions if mention.start < mention.end]


def _reply_as_sent(found: Payloads) -> str:
    ranges = [each for each in found.fallbacks if each.of == REPLY]
    bodies = "".join(f"<body start='{e.start}' end='{e.end}'/>" for e in ranges if e.start is not None)
    fallback = f"<fallback xmlns='{FALLBACK}' for='{REPLY}'>{bodies}</fallback>" if bodies else ""
    return rendering.reply(found.reply, attribute(found.reply_to), 0) + fallback
