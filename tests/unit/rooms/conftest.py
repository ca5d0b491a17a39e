"""A room in surroundings that write everything down."""

import pytest

from gateway.model import Address, AddressKind
from gateway.rooms.room import Room
from tests.unit.rooms.surroundings import Surroundings


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


@pytest.fixture
def room(around) -> Room:
    address = Address(AddressKind.ROOM, "irc.localhost", "#foo")
    return Room("alice@localhost", "#foo", address, "alice", around, 50)
