"""What messages are besides text, where the network relays client tags or knows how to take messages back.

Replies, reactions, who is typing, redactions: from the core into tags and commands, and back. Whether the connection has
them is in ``Standing.extras``, and what the core was told follows from that; whoever asks for more is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bridges.irc.addresses import check_nick
from bridges.irc.common import Common, Handlers
from bridges.irc.composing import Composing
from bridges.irc.extras import REACT, TYPING, UNREACT
from bridges.irc.hearing import MAX_ID, Hearing
from bridges.irc.protocol.formatting import build
from bridges.irc.protocol.line import Injection, Line, nick_of, serialise, serialise_tags
from bridges.irc.reactions import Reactions
from bridges.irc.requests import Asked, Requests
from bridges.irc.speaking import Speaking
from bridges.irc.text import one_line
from gateway.bridge import NOT_SUPPORTED, BadAddress, Ticket
from gateway.model import (
    Address,
    AddressKind,
    ChatState,
    Condition,
    Enrichment,
    MessageKind,
    Refused,
    Retraction,
)

_MAX_REASON = 200  # bytes

_GONE = Refused(
    Condition.ITEM_NOT_FOUND, "The network has no id for that message, so it cannot be taken back."
)


@dataclass(slots=True)
class _Together:
    """A ticket for several requests: done when all are, refused with the first."""

    left: int
    ticket: Ticket
    reference: str = ""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self.left -= 1
        if not self.left:
            self.ticket.done()

    def refused(self, why: Refused) -> None:
        if self.left > 0:
            self.left = -1
            self.ticket.refused(why)


@dataclass(slots=True)
class _Moderated:
    """A ticket: everybody is told what a moderator took back, the moderator's own clients too."""

    common: Common
    room: str
    target: str
    reason: str
    ticket: Ticket
    reference: str = ""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        nick = self.common.standing.nick
        self.common.sink.retracted(
            self.room, Retraction(nick, self.target, moderated=True, reason=self.reason)
        )
        self.ticket.done()

    def refused(self, why: Refused) -> None:
        self.ticket.refused(why)


class Expression:
    """Of one session."""

    __slots__ = ("_common", "_composing", "_formatting", "_hearing", "_reactions", "_requests", "_speaking")

    def __init__(
        self,
        common: Common,
        requests: Requests,
        speaking: Speaking,
        hearing: Hearing,
        composing: Composing,
        *,
        formatting: bool = True,
    ) -> None:
        self._formatting = formatting
        self._composing = composing
        self._common = common
        self._requests = requests
        self._speaking = speaking
        self._hearing = hearing
        self._reactions = Reactions(common, speaking)

    # -- the user ----------------------------------------------------------------------------------------------

    def tags(self, enrichment: Enrichment) -> str:
        """The ready client tags of a message; none where the network does not relay them."""
        names = self._common.standing.extras.reply
        reply = enrichment.reply
        if reply is None or not reply.id or "\0" in reply.id or not names:
            return ""
        return serialise_tags(dict.fromkeys(names, reply.id))

    def express(
        self, address: Address, text: str, kind: MessageKind, enrichment: Enrichment, ticket: Ticket
    ) -> None:
        say = self._speaking.say if address.kind is AddressKind.ROOM else self._speaking.tell
        if enrichment.spans and self._formatting:
            text = build(text, enrichment.spans)
        say(address.name, text, kind, ticket, self.tags(enrichment))

    def react(self, address: Address, target: str, emojis: Sequence[str], ticket: Ticket) -> None:
        if not self._common.standing.extras.react:
            ticket.refused(NOT_SUPPORTED)
            return
        place = self._place(address)
        if isinstance(place, Refused):
            ticket.refused(place)
        else:
            self._reactions.react(*place, target, emojis, ticket)

    def retract(self, address: Address, target: str, ticket: Ticket) -> None:
        place = self._place(address)
        if isinstance(place, Refused):
            ticket.refused(place)
            return
        ids = self._speaking.ids_of(target)
        together = _Together(len(ids), ticket)
        for each in ids:
            self._redact_message(*place, each, "", together)

    def moderate(self, room: str, target: str, reason: str, ticket: Ticket) -> None:
        place = self._place(Address(AddressKind.ROOM, self._common.network, room))
        if isinstance(place, Refused):
            ticket.refused(place)
            return
        name, key = place
        told = _Moderated(self._common, key, target, reason, ticket)
        self._redact_message(name, key, target, reason, told)

    def type(self, address: Address, state: ChatState) -> None:
        place = self._place(address)
        if not isinstance(place, Refused):
            self._composing.type(*place, state)

    def _redact_message(self, target: str, key: str, id_: str, reason: str, ticket: Ticket) -> None:
        if not self._common.standing.extras.redaction:
            ticket.refused(NOT_SUPPORTED)
            return
        reason = one_line(reason, _MAX_REASON)
        try:
            line = serialise("REDACT", target, id_, *([reason] if reason else []))
        except Injection:
            ticket.refused(_GONE)
            return
        self._requests.ask(Asked.REDACT, id_, line, ticket, key)

    def _place(self, address: Address) -> tuple[str, str] | Refused:
        """A target as the network spells it, and folded."""
        common = self._common
        if address.kind is AddressKind.ROOM:
            channel = common.channels.get(address.name)
            if channel is None:
                text = f"You are not in {address.name} on {common.network} (any more). Join it again."
                return Refused(Condition.NOT_ACCEPTABLE, text)
            return channel.name, channel.key
        try:
            check_nick(address.name)
        except BadAddress as error:
            return Refused(Condition.NOT_ACCEPTABLE, str(error))
        return address.name, common.standing.casemapping.fold(address.name)

    # -- others ------------------------------------------------------------------------------------------------

    def _tagmsg(self, line: Line) -> None:
        tags = line.tags
        own = self._common.standing.is_me(nick_of(line.source))
        word = tags.get(TYPING)
        if word and not own and self._common.standing.extras.typing and not self._hearing.replaying:
            self._composing.heard(line, word)
        if REACT in tags or UNREACT in tags:
            self._reaction(line, own=own)

    def _reaction(self, line: Line, *, own: bool) -> None:
        tags, target = line.tags, line.params[0]
        message = tags.get("+reply") or tags.get("+draft/reply") or ""
        nick = nick_of(line.source)
        if not nick or not message or len(message) > MAX_ID or not message.isprintable():
            return
        channel = self._common.channels.get(target)
        if channel is not None:
            if channel.live and self._common.channels.is_member(channel, nick):
                words = self._reactions.heard(line, channel.key, message)
                if words is not None:
                    self._common.sink.room_message(channel.key, words)
        elif self._common.standing.is_me(target) and not own:
            words = self._reactions.heard(line, "", message)
            if words is not None:
                self._common.sink.direct(words)

    def _redact(self, line: Line) -> None:
        target, id_ = line.params[0], line.params[1]
        nick = nick_of(line.source)
        if not nick or not id_ or len(id_) > MAX_ID or self._reactions.taken_back(id_):
            return
        own = self._common.standing.is_me(nick)
        if own and self._requests.done(Asked.REDACT, id_):
            return  # those who asked tell what became of it
        reason = line.params[2] if len(line.params) > 2 else ""
        channel = self._common.channels.get(target)
        if channel is not None:
            if channel.live:
                self._common.sink.retracted(channel.key, Retraction(nick, id_, reason=reason))
        elif self._common.standing.is_me(target) and not own:
            self._common.sink.retracted("", Retraction(nick, id_, reason=reason))

    HANDLERS: ClassVar[Handlers["Expression"]] = {"TAGMSG": (_tagmsg, 1), "REDACT": (_redact, 2)}
