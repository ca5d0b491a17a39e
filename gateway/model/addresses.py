"""What can be named: networks, rooms, people."""

from dataclasses import dataclass
from enum import StrEnum


class AddressKind(StrEnum):
    """What an address of a gateway names."""

    GATEWAY = "gateway"  # the component itself
    NETWORK = "network"  # one foreign network or server of it
    ROOM = "room"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Address:
    """A foreign identity. ``name`` is the room's or contact's name as its network spells it, else empty."""

    kind: AddressKind
    network: str = ""
    name: str = ""


GATEWAY = Address(AddressKind.GATEWAY)
