"""What a room says of itself in service discovery (XEP-0045 §15.4): as much as is known without asking the network."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from gateway.accounts.account import Account
from gateway.bridge import Governs
from gateway.model import RoomTraits
from gateway.rooms.room import Room, RoomState

#: By trait: the feature if it is so, if it is not, and if nobody knows.
_FEATURES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "password_protected": ("muc_passwordprotected", "muc_unsecured", ""),
        "members_only": ("muc_membersonly", "muc_open", "muc_open"),
        "moderated": ("muc_moderated", "muc_unmoderated", ""),
        "public": ("muc_public", "muc_hidden", "muc_public"),
    }
)


def traits_of(account: Account | None, room: Room | None) -> RoomTraits:
    """What the user's own session knows of a room."""
    if account is None or room is None or room.state is not RoomState.IN or not account.can.governing:
        return RoomTraits()
    return cast("Governs", account.session).room_traits(room.address.name)


def features(traits: RoomTraits) -> frozenset[str]:
    found = set()
    for name, (true, false, unknown) in _FEATURES.items():
        value = getattr(traits, name)
        found.add(unknown if value is None else true if value else false)
    return frozenset(found - {""})
