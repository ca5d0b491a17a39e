"""Group texts: conversations of several phones, each a room of its user or, until that is entered, a chat with all of them.

Owns the table of groups, and holds all of it in memory. A group is one number of ours and the set of all others: whoever is
added or left out makes another group, as on telephones. Nothing here sends to several people one by one.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import Column, Float, Row, Table, Text, delete, insert, select, update

from bridges.sms import addresses
from bridges.sms.schema import METADATA
from gateway.bridge import Services, Sink
from gateway.model import (
    Affiliation,
    Condition,
    Enrichment,
    Message,
    Occupant,
    Part,
    Recipient,
    Refused,
    Topic,
)

_GROUPS_MOST = 300  # of one user

_GROUPS = Table(
    "sms_groups",
    METADATA,
    *(Column(name, Text, primary_key=True) for name in ("bridge", "owner", "room")),
    Column("ours", Text, nullable=False),
    Column("members", Text, nullable=False),  # JSON: the parties of all others, sorted
    Column("title", Text, nullable=False),
    Column("opened", Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Group:
    """``members`` are all but us, sorted."""

    owner: str
    room: str
    ours: str
    members: tuple[str, ...]
    title: str = ""
    opened: float = 0.0

    @property
    def party(self) -> str:
        """The contact that stands for all of them."""
        return addresses.group(self.members)


class Present(Protocol):
    """What is asked about users."""

    def sink(self, owner: str) -> Sink | None: ...

    def called(self, owner: str, party: str) -> str:
        """The user's own name for somebody; empty where there is none."""


class Groups:
    """``receiving.residents.Groups``, and what sessions ask about rooms."""

    def __init__(self, services: Services, present: Present) -> None:
        self._services = services
        self._present = present
        self._known: dict[tuple[str, str], Group] = {}
        self._shown: dict[tuple[str, str], str] = {}  # rooms that users are in, with their nicks there

    async def restore(self) -> None:
        """Raises ``NotStored``."""
        query = select(_GROUPS).where(_GROUPS.c.bridge == self._services.name)
        for row in await self._services.tables.read(query):
            group = _group(row)
            self._known[group.owner, group.room] = group

    def of(self, owner: str) -> list[Group]:
        return [each for each in self._known.values() if each.owner == owner]

    def find(self, owner: str, room: str) -> Group | None:
        return self._known.get((owner, room))

    def with_members(self, owner: str, members: Sequence[str]) -> Group | None:
        """The user's newest group of exactly these."""
        wanted = tuple(sorted(set(members)))
        found = [each for each in self.of(owner) if each.members == wanted]
        return max(found, key=lambda each: each.opened, default=None)

    async def open(self, owner: str, ours: str, members: Sequence[str], title: str = "") -> Group | Refused:
        """The group of one number of ours and these parties, made if it is not there. Raises ``NotStored``."""
        everybody = tuple(sorted(set(members) - {ours}))
        room = room_of(ours, everybody)
        known = self._known.get((owner, room))
        if known is not None:
            return known
        if len(self.of(owner)) >= _GROUPS_MOST:
            text = f"You have {_GROUPS_MOST} groups; leave some of them first (command `leave-group`)."
            return Refused(Condition.RESOURCE_CONSTRAINT, text)
        group = Group(owner, room, ours, everybody, title, self._services.clock.now())
        row = {
            "bridge": self._services.name,
            "owner": owner,
            "room": room,
            "ours": ours,
            "members": json.dumps(everybody),
            "title": title,
            "opened": group.opened,
        }
        self._known[owner, room] = group  # in memory first: two messages of one group come in one commit
        try:
            await self._services.tables.write((insert(_GROUPS), row))
        except BaseException:
            self._known.pop((owner, room), None)
            raise
        return group

    async def call(self, owner: str, room: str, title: str) -> bool:
        """Give a group a name, which only its user sees; whether there is such a group. Raises ``NotStored``."""
        known = self._known.get((owner, room))
        if known is None:
            return False
        await self._services.tables.write(
            (update(_GROUPS).where(*self._here(known)).values(title=title), None)
        )
        self._known[owner, room] = replace(known, title=title)
        return True

    async def close(self, owner: str, room: str) -> bool:
        """Forget a group until somebody writes to it. Raises ``NotStored``."""
        known = self._known.get((owner, room))
        if known is None:
            return False
        await self._services.tables.write((delete(_GROUPS).where(*self._here(known)), None))
        self._known.pop((owner, room), None)
        self._shown.pop((owner, room), None)
        return True

    def _here(self, group: Group) -> tuple[Any, ...]:
        return (
            _GROUPS.c.bridge == self._services.name,
            _GROUPS.c.owner == group.owner,
            _GROUPS.c.room == group.room,
        )

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        for group in self.of(owner):
            self._known.pop((owner, group.room), None)
            self._shown.pop((owner, group.room), None)

    # -- being in ----------------------------------------------------------------------------------------------

    def join(self, owner: str, sink: Sink, room: str, nick: str) -> bool:
        """Show a room; whether there is one."""
        group = self._known.get((owner, room))
        if group is None:
            return False
        names = self.nicks(group)
        taken = {each.casefold() for each in names.values()}
        own = nick if nick.casefold() not in taken else f"{nick} (you)"
        self._shown[owner, room] = own
        occupants = [
            Occupant(each, Affiliation.MEMBER, identity=party, stable=party) for party, each in names.items()
        ]
        occupants.append(Occupant(own, Affiliation.OWNER))
        sink.room_joined(room, own, occupants, Topic(self.title(group)))
        return True

    def leave(self, owner: str, room: str) -> None:
        self._shown.pop((owner, room), None)

    def gone(self, owner: str) -> None:
        """The user's session has ended."""
        for key in [key for key in self._shown if key[0] == owner]:
            del self._shown[key]

    def nicks(self, group: Group) -> dict[str, str]:
        """What each member is called in the room: the user's own names where no two have the same, else numbers."""
        names = {each: self._present.called(group.owner, each) for each in group.members}
        folded = [name.casefold() for name in names.values() if name]
        return {
            party: name if name and folded.count(name.casefold()) == 1 else party
            for party, name in names.items()
        }

    def title(self, group: Group) -> str:
        names = self.nicks(group)
        return group.title or ", ".join(
            addresses.label(party) if name == party else name for party, name in names.items()
        )

    # -- what comes --------------------------------------------------------------------------------------------

    async def say(self, owner: str, ours: str, members: tuple[str, ...], message: Message) -> bool:
        """Show a message of a group, whose sender is one of ``members``: in its room if the user is in, else in the one chat
        with all of them, with an invitation to the room the first time. False: show it in the chat with its sender. Raises
        ``NotKept`` and ``NotStored``."""
        sink = self._present.sink(owner)
        if sink is None or len(set(members) - {ours}) < 2:
            return False
        new = self._known.get((owner, room_of(ours, tuple(sorted(set(members) - {ours}))))) is None
        group = await self.open(owner, ours, members)
        if isinstance(group, Refused):
            return False
        nick = self.nicks(group).get(message.sender) or message.sender
        if (owner, group.room) in self._shown:
            sink.room_message(group.room, replace(message, sender=nick))
            return True
        if new:
            sink.invited(group.room, message.sender, f"Group text: {self.title(group)}")
        await sink.direct_committed(self._as_chat(group, nick, message))
        return True

    def _as_chat(self, group: Group, nick: str, message: Message) -> Message:
        others = tuple(
            Recipient(Part.TO, party, name)
            for party, name in self.nicks(group).items()
            if party != message.sender
        )
        enrichment = replace(message.enrichment or Enrichment(), recipients=others)
        return replace(message, sender=group.party, text=f"<{nick}> {message.text}", enrichment=enrichment)


def room_of(ours: str, members: Sequence[str]) -> str:
    """The name of a group's room: the same for the same people, whoever wrote first."""
    digest = sha256("\n".join((ours, *sorted(members))).encode()).digest()
    return "group-" + base64.b32encode(digest)[:16].decode().lower()


def _group(row: Row[Any]) -> Group:
    return Group(row.owner, row.room, row.ours, tuple(json.loads(row.members)), row.title, row.opened)
