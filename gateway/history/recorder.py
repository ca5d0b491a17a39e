"""Writing down what is said in the rooms and private chats of one component, each message once, in its user's archive.

Is given messages that were really said: what failed, and what only one client saw, never comes here. Decides what is kept
(see ``gateway.rooms.habits``; nothing confidential, nothing its sender does not want stored), and knows no stanza but the
ready XML that goes with a message.
"""

import re
from collections.abc import Callable
from html import unescape
from typing import Protocol, cast

import structlog

from gateway.bridge import Bridge, Discreet
from gateway.chat import rendering
from gateway.delivery.entry import Entry
from gateway.delivery.outgoing import parts_of
from gateway.ids import IdSource, time_in
from gateway.model import Address, AddressKind, Message, MessageKind
from gateway.rooms.habits import Habits
from gateway.rooms.history import Said
from gateway.storage.archive import ACT, ArchiveStore, chat_key
from gateway.storage.errors import StorageError
from gateway.xmpp import render
from gateway.xmpp.render import STANZA_ID
from gateway.xmpp.text import attribute

_log = structlog.get_logger(__name__)

_ORIGIN = re.compile(rf"<origin-id xmlns='{STANZA_ID}' id='([^']*)'/>")

#: Seconds after which a message is noticeably old.
_OLD = 30.0


class Place(Protocol):
    """A room, as far as archives are concerned."""

    owner: str
    key: str
    address: Address
    habits: Habits


def origin(id_: str) -> str:
    """XEP-0359: the id that the sender's client gave a message, as it stands at the beginning of what is kept with it."""
    return f"<origin-id xmlns='{STANZA_ID}' id='{attribute(id_)}'/>" if id_ else ""


def parted(extra: str) -> tuple[str, str]:
    """The id that the sender's client gave a message, and what else is kept with it."""
    found = _ORIGIN.match(extra)
    return (unescape(found[1]), extra[found.end() :]) if found is not None else ("", extra)


class Recorder:
    """Of the bridge ``name``. ``on``: the operator keeps archives. ``habits`` are the user's (bare JID) for what is no
    room's on a network; those of a room are its own."""

    def __init__(
        self,
        name: str,
        bridge: Bridge,
        store: ArchiveStore,
        ids: IdSource,
        now: Callable[[], float],
        habits: Callable[[str, str], Habits],
        *,
        on: bool = True,
    ) -> None:
        self.on = on
        self._name = name
        self._bridge = bridge
        self._store = store
        self._ids = ids
        self._now = now
        self._habits = habits

    # -- rooms -------------------------------------------------------------------------------------------------

    def said(self, room: Place, said: Said, foreign_id: str) -> None:
        """Hot: one call for every message in a room."""
        if not self.on or not room.habits.record:
            return
        extra = render.occupant_id(said.occupant) if said.occupant else ""
        if said.id or said.extra or said.files:
            files = said.files if said.kind is MessageKind.CHAT else ""
            extra = origin(said.id) + extra + files + said.extra
        self._store.append(
            self._name,
            room.owner,
            room.address.network,
            room.key,
            said.stanza_id,
            said.sender,
            said.kind,
            said.text,
            said.time,
            foreign_id,
            extra,
        )

    def done(self, room: Place, sender: str, stanza_id: str, id_: str, content: str) -> None:
        """Something without a text that everybody is to know later too: a reaction, a retraction. ``sender`` is empty for
        the room itself."""
        network = room.address.network
        if self.on and room.habits.record:
            extra = origin(id_) + content
            self._store.append(
                self._name, room.owner, network, room.key, stanza_id, sender, ACT, "", self._now(), "", extra
            )

    def taken_back(self, room: Place, stanza_id: str, tombstone: str) -> None:
        """Also where nothing is recorded any more: it may have been, then."""
        if self.on:
            self._store.retract(self._name, room.owner, room.address.network, room.key, stanza_id, tombstone)

    async def earlier(self, room: Place, limit: int) -> list[Said]:
        """The last messages of a room, oldest first."""
        if not self.on:
            return []
        try:
            rows = await self._store.recent(
                self._name, room.owner, room.address.network, room.key, limit=limit
            )
        except StorageError as error:
            # The room works without its history; the database is watched elsewhere.
            _log.warning("history not read", bridge=self._name, reason=str(error))
            return []
        return [
            Said(row.sender, row.body, MessageKind(row.kind), row.sent_at, row.stanza_id, *parted(row.extra))
            for row in rows
        ]

    # -- private chats -----------------------------------------------------------------------------------------

    def heard(self, entry: Entry) -> None:
        """A contact's message: the user has it, or will have."""
        if self.on and self._habits(entry.owner, entry.network).record:
            now = self._now()
            # What is not noticeably old stands where it was heard: the network's clock is another one.
            time = entry.said_at if now - entry.said_at > _OLD else now
            self._chat(entry, entry.stanza_id, entry.peer, entry.body, entry.kind, entry.extra, time)

    def sent(self, entry: Entry) -> None:
        """The user's own: the network has taken it."""
        if not self.on or not self._habits(entry.owner, entry.network).record:
            return
        parts = parts_of(entry)
        if parts.unkept or self._confidential(entry):
            return
        body, kind = (parts.shown, MessageKind.CHAT) if parts.shown else (entry.body, entry.kind)
        extra = origin(entry.stanza_id) + parts.kept
        id_ = entry.foreign_id or self._ids.at(entry.said_at)
        self._chat(entry, id_, "", body, kind, extra, entry.said_at)

    def _chat(
        self, entry: Entry, id_: str, sender: str, body: str, kind: MessageKind, extra: str, time: float
    ) -> None:
        self._store.append(
            self._name,
            entry.owner,
            entry.network,
            chat_key(self._bridge.fold(entry.peer)),
            id_,
            sender,
            kind,
            body,
            time,
            id_ if time_in(id_) is None else "",
            extra,
            entry.peer,
        )

    def acted(self, owner: str, address: Address, sender: str, id_: str, content: str) -> None:
        """``gateway.chat.private.Keeper``."""
        if not self.on or not self._habits(owner, address.network).record:
            return
        now = self._now()
        key, extra = chat_key(self._bridge.fold(address.name)), origin(id_) + content
        stanza_id, network = self._ids.at(now), address.network
        self._store.append(
            self._name, owner, network, key, stanza_id, sender, ACT, "", now, "", extra, address.name
        )

    def withdrawn(self, owner: str, address: Address, foreign_id: str, by: str) -> None:
        """``gateway.chat.private.Keeper``."""
        if self.on:
            key = chat_key(self._bridge.fold(address.name))
            tombstone = rendering.retracted(by, render.timestamp(self._now()))
            self._store.retract(self._name, owner, address.network, key, foreign_id, tombstone)

    def elsewhere(self, owner: str, address: Address, message: Message) -> None:
        """What the user has sent with another client of the network."""
        if not self.on or not self._habits(owner, address.network).record:
            return
        time = message.time if message.time is not None else self._now()
        self._store.append(
            self._name,
            owner,
            address.network,
            chat_key(self._bridge.fold(address.name)),
            message.foreign_id or self._ids.at(time),
            "",
            message.kind,
            message.text,
            time,
            message.foreign_id,
            "",
            address.name,
        )

    def _confidential(self, entry: Entry) -> bool:
        if not self._bridge.capabilities.confidences:
            return False
        address = Address(AddressKind.CONTACT, entry.network, entry.peer)
        return cast("Discreet", self._bridge).confidential(address, entry.body)
