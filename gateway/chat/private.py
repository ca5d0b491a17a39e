"""Private chats as places: the last messages of each, so that replies and corrections have something to refer to, and what
networks tell of messages and people there, for the user's clients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.bridge import BadAddress, Bridge, Clock
from gateway.chat import rendering
from gateway.chat.dressing import dress
from gateway.chat.payloads import MentionOf
from gateway.chat.places import RECENT_SECONDS, Target
from gateway.chat.unnamed import Unnamed
from gateway.delivery.entry import Entry
from gateway.ids import IdSource, is_ours
from gateway.model import Address, AddressKind, ChatState, Enrichment, Message, Reaction, Retraction
from gateway.xmpp import render
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.text import attribute

#: Messages remembered of a chat, characters of each, and chats.
_MESSAGES, _CHARACTERS, _CHATS = 20, 2000, 2000
#: Others who were written to with one message that a client is told of (XEP-0033 §10: 100 at most).
_RECIPIENTS = 100
#: In private only the very last messages need no quote.
_RECENT_COUNT = 2


@dataclass(slots=True)
class _Line:
    own: bool
    text: str
    time: float
    id: str  # as the user's clients know it
    foreign_id: str


_Key = tuple[str, Address]

#: Other ends for what somebody does to ``owner`` now, escaped, and ready XML to go with it (see ``gateway.rooms.asides``).
Copies = Callable[[str, str, str], Sequence[tuple[str, str, str]]]


class Keeper(Protocol):
    """Who writes down what is done in private chats. ``sender`` is the contact's name, or empty for the user."""

    def acted(self, owner: str, address: Address, sender: str, id_: str, content: str) -> None:
        """Something without a text, by the message ``id_``."""

    def withdrawn(self, owner: str, address: Address, foreign_id: str, by: str) -> None:
        """The message that the network calls ``foreign_id`` was taken back, by the message ``by``."""


class PrivateChats:
    """Of one component."""

    def __init__(
        self,
        bridge: Bridge,
        book: AddressBook,
        clock: Clock,
        ids: IdSource,
        send: Callable[..., bool],
        keeper: Keeper | None = None,
        copies: Copies = lambda owner, network, name: (),
    ) -> None:
        self._bridge = bridge
        self._book = book
        self._clock = clock
        self._ids = ids
        self._send = send
        self._keeper = keeper
        self._copies = copies
        self._chats: dict[_Key, list[_Line]] = {}
        self._unnamed = Unnamed[_Key](clock)

    # -- what is said ------------------------------------------------------------------------------------------

    def dressed(self, owner: str, network: str, message: Message) -> tuple[Message, str]:
        """A message as the user is shown it, and ready XML to go with it."""
        if message.enrichment is None:
            return message, ""
        place = self.place(owner, Address(AddressKind.CONTACT, network, message.sender))
        text, extra = dress(message, message.enrichment, place)
        return replace(message, text=text, enrichment=None), extra + self._headed(message.enrichment, network)

    def _headed(self, enrichment: Enrichment, network: str) -> str:
        """What mail has in its header. In rooms there is no such thing: a subject there is the room's (XEP-0045 §8.1)."""
        told = rendering.subject(enrichment.subject) if enrichment.subject else ""
        addresses: list[tuple[str, str, str]] = []
        for each in enrichment.recipients[:_RECIPIENTS]:
            try:
                jid = self._book.jid_of(Address(AddressKind.CONTACT, network, each.name))
            except BadAddress:
                continue  # the text names them too, if they matter
            addresses.append((each.part, attribute(jid), each.display_name))
        return told + rendering.addresses(addresses)

    def heard(self, entry: Entry) -> None:
        """Shown to the user."""
        address = Address(AddressKind.CONTACT, entry.network, entry.peer)
        line = _Line(False, entry.body, self._clock.now(), entry.stanza_id, entry.foreign_id)
        self._add(entry.owner, address, line)

    def said(self, owner: str, address: Address, id_: str, text: str) -> None:
        """The user's client has sent it as ``id_``."""
        if id_:
            self._add(owner, address, _Line(True, text, self._clock.now(), id_, ""))

    def taken(self, entry: Entry) -> None:
        """The network has taken what the user sent, and may have given it a name."""
        address = Address(AddressKind.CONTACT, entry.network, entry.peer)
        line = self._own(entry.owner, address, entry.stanza_id)
        if line is not None:
            line.foreign_id = entry.foreign_id
            self._unnamed.end(self._key(entry.owner, address), line.id)

    def when_named(self, owner: str, address: Address, id_: str, then: Callable[[], None]) -> bool:
        """Whether a message of the user's has no name yet, since it was sent only now: then ``then`` is called when it has
        one, or when there has been time enough for that."""
        line = self._own(owner, address, id_)
        if line is None or line.foreign_id:
            return False
        return self._unnamed.wait(self._key(owner, address), id_, line.time, then)

    def _own(self, owner: str, address: Address, id_: str) -> _Line | None:
        lines = reversed(self._lines(owner, address))
        return next((line for line in lines if line.own and line.id == id_), None)

    def place(self, owner: str, address: Address) -> "PrivatePlace":
        return PrivatePlace(address, self._lines(owner, address), self._book, self._clock.now(), owner)

    def forget(self, owner: str) -> None:
        for key in [key for key in self._chats if key[0] == owner]:
            del self._chats[key]

    def _key(self, owner: str, address: Address) -> _Key:
        return owner, replace(address, name=self._bridge.fold(address.name))

    def _lines(self, owner: str, address: Address) -> list[_Line]:
        return self._chats.get(self._key(owner, address), [])

    def _add(self, owner: str, address: Address, line: _Line) -> None:
        key = self._key(owner, address)
        lines = self._chats.pop(key, [])
        self._chats[key] = lines  # the chat that was quiet for longest is the first to be forgotten
        line.text = line.text[:_CHARACTERS]
        lines.append(line)
        if len(lines) > _MESSAGES:
            del lines[0]
        if len(self._chats) > _CHATS:
            del self._chats[next(iter(self._chats))]

    # -- what is done ------------------------------------------------------------------------------------------

    def reacted(self, owner: str, network: str, reaction: Reaction) -> None:
        place = self.place(owner, Address(AddressKind.CONTACT, network, reaction.sender))
        target = place.told(reaction.target)
        id_ = target.id if target is not None else reaction.target
        self._tell(owner, place.address, rendering.reactions(id_, reaction.emojis))

    def retracted(self, owner: str, network: str, retraction: Retraction) -> None:
        address = Address(AddressKind.CONTACT, network, retraction.sender)
        lines = self._lines(owner, address)
        lines[:] = [line for line in lines if line.own or line.foreign_id != retraction.target]
        by = self._tell(owner, address, rendering.retract(retraction.target))
        if self._keeper is not None:
            self._keeper.withdrawn(owner, address, retraction.target, by)

    def did(self, owner: str, address: Address, id_: str, content: str, withdrawn: str = "") -> None:
        """The network has taken what the user did without saying anything. ``content`` is ready XML; ``withdrawn`` is the
        network's id of the message that is taken back by it."""
        if self._keeper is not None:
            self._keeper.acted(owner, address, "", id_, content)
            if withdrawn:
                self._keeper.withdrawn(owner, address, withdrawn, id_)

    def typing(self, owner: str, network: str, sender: str, state: ChatState) -> None:
        address = Address(AddressKind.CONTACT, network, sender)
        self._tell(owner, address, rendering.chat_state(state), keep=False)

    def _tell(self, owner: str, address: Address, content: str, *, keep: bool = True) -> str:
        """The id of the message that tells it."""
        id_ = self._ids.next()
        try:
            sender = attribute(self._book.jid_of(address))
        except BadAddress:
            return id_  # what such people write comes from the network's address, and cannot be referred to
        copies = self._copies(owner, address.network, address.name)
        for from_attr, to_attr, extra in copies or ((sender, attribute(owner), ""),):
            self._send(render.private_act(from_attr, to_attr, id_, content + extra), keep=keep)
        if keep and self._keeper is not None:
            self._keeper.acted(owner, address, address.name, id_, content)
        return id_


class PrivatePlace:
    """``gateway.chat.places.Place``."""

    __slots__ = ("_book", "_lines", "_now", "_owner", "address")

    def __init__(
        self, address: Address, lines: Sequence[_Line], book: AddressBook, now: float, owner: str
    ) -> None:
        self.address = address
        self._lines = lines
        self._book = book
        self._now = now
        self._owner = owner

    def meant(self, id_: str) -> Target | None:
        return self._target(lambda line: line.id == id_)

    def sent(self, id_: str) -> Target | None:
        return self._target(lambda line: line.own and line.id == id_)

    def told(self, foreign_id: str) -> Target | None:
        return self._target(lambda line: line.foreign_id == foreign_id) if foreign_id else None

    def foreign(self, id_: str) -> str:
        """What came from the network bears its id."""
        return "" if is_ours(id_) else id_

    def _target(self, fits: Callable[[_Line], bool]) -> Target | None:
        last = True
        for number, line in enumerate(reversed(self._lines)):
            if fits(line):
                return Target(
                    "" if line.own else self.address.name,
                    line.text,
                    line.id,
                    line.foreign_id,
                    line.own,
                    line.id if line.own else "",
                    recent=number < _RECENT_COUNT and self._now - line.time < RECENT_SECONDS,
                    last=line.own and last,
                )
            if line.own:
                last = False
        return None

    def name(self, mention: MentionOf) -> str:
        return self.address.name if mention.jid.bare == self._jid(self.address.name) else ""

    def address_attr(self, name: str, *, own: bool) -> str:
        return attribute(self._owner if own else self._jid(self.address.name))

    def uri(self, name: str) -> str:
        jid = self._jid(name)
        return rendering.contact_uri(jid) if jid else ""

    def _jid(self, name: str) -> str:
        try:
            return self._book.jid_of(replace(self.address, name=name))
        except BadAddress:
            return ""
