"""A place with a few messages in it, and stanzas to read."""

from dataclasses import dataclass, field
from xml.etree.ElementTree import fromstring

from gateway.bridge import Capabilities
from gateway.chat import rendering
from gateway.chat.payloads import MentionOf
from gateway.chat.places import Target
from gateway.chat.speech import Speech
from gateway.model import Address, AddressKind
from gateway.xmpp.text import attribute
from tests.fakes.clock import ManualClock

ROOM = Address(AddressKind.ROOM, "net", "#room")
CONTACT = Address(AddressKind.CONTACT, "net", "bob")


@dataclass
class FakePlace:
    """``gateway.chat.places.Place``."""

    address: Address = ROOM
    targets: dict[str, Target] = field(default_factory=dict)

    def meant(self, id_: str) -> Target | None:
        return self.targets.get(id_)

    def sent(self, id_: str) -> Target | None:
        return next((each for each in self.targets.values() if each.sent_id == id_), None)

    def told(self, foreign_id: str) -> Target | None:
        return next((each for each in self.targets.values() if each.foreign_id == foreign_id), None)

    def foreign(self, id_: str) -> str:
        return id_ if id_.startswith("old") else ""

    def name(self, mention: MentionOf) -> str:
        return mention.jid.resource

    def address_attr(self, name: str, *, own: bool) -> str:
        return f"{rendering.ROOM}/{attribute(name)}"

    def uri(self, name: str) -> str:
        return rendering.occupant_uri(name)


def message(xml: str):
    return fromstring(f"<message xmlns='jabber:component:accept'>{xml}</message>")


def speech(**can: object) -> tuple[Speech, ManualClock]:
    clock = ManualClock()
    return Speech(Capabilities("test", "Test", **can), clock), clock
