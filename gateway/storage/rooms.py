"""The rooms accounts are in, and which clients of the user are in each.

Changes are posted, not awaited: they join the next commit, and after a crash the last moments are found out anew by the
clients' own rejoining.
"""

import json

import structlog
from sqlalchemy import and_, select

from gateway.secrets import SecretBox, SecretError
from gateway.storage.database import Database
from gateway.storage.records import JoinedResource, RestoredRoom, StoredRoom
from gateway.storage.schema import joined_resources, rooms
from gateway.storage.statements import ROOM, delete_by, upsert

log = structlog.get_logger(__name__)

AccountKey = tuple[str, str, str]
"""(bridge, owner, network)"""


class RoomStore:
    """Every change returns at once; False means that too much waits to be written (counted and logged by the database)."""

    def __init__(self, database: Database, secrets: SecretBox) -> None:
        self._database = database
        self._secrets = secrets
        self._save = upsert(database.dialect, rooms)
        self._forget = delete_by(rooms, ROOM)
        self._empty = delete_by(joined_resources, ROOM)
        self._joined = upsert(database.dialect, joined_resources)
        self._left = delete_by(joined_resources, (*ROOM, "jid"))

    def save(self, room: StoredRoom) -> bool:
        """Insert or replace."""
        place = _place(room.bridge, room.owner, room.network, room.key)
        password = room.password
        sealed = None if password is None else self._secrets.seal(password, _context(place))
        values = {"name": room.name, "nick": room.nick, "password": sealed, "persistent": room.persistent}
        return self._database.post(self._save, place | values)

    def forget(self, bridge: str, owner: str, network: str, room_key: str) -> bool:
        """Remove a room with the clients in it."""
        place = _place(bridge, owner, network, room_key)
        emptied = self._database.post(self._empty, place)
        return self._database.post(self._forget, place) and emptied

    def resource_joined(
        self, bridge: str, owner: str, network: str, room_key: str, resource: JoinedResource
    ) -> bool:
        """Insert or replace one client of a room."""
        values = {"jid": resource.jid, "room_local": resource.room_local, "nick": resource.nick}
        return self._database.post(self._joined, _place(bridge, owner, network, room_key) | values)

    def resource_left(self, bridge: str, owner: str, network: str, room_key: str, jid: str) -> bool:
        return self._database.post(self._left, _place(bridge, owner, network, room_key) | {"jid": jid})

    async def all(self, bridge: str) -> dict[AccountKey, list[RestoredRoom]]:
        """The rooms of every account with their clients, in one query. Raises ``StorageError``, and ``SecretError`` if the
        key does not belong to this database."""
        client = (
            joined_resources.c.jid,
            joined_resources.c.room_local,
            joined_resources.c.nick.label("client_nick"),
        )
        same_room = and_(*(rooms.c[name] == joined_resources.c[name] for name in ROOM))
        query = (
            select(rooms, *client)
            .outerjoin(joined_resources, same_room)
            .where(rooms.c.bridge == bridge)
            .order_by(rooms.c.owner, rooms.c.network, rooms.c.room_key, joined_resources.c.jid)
        )
        found: dict[tuple[AccountKey, str], tuple[StoredRoom, list[JoinedResource]]] = {}
        for row in await self._database.read(query):
            place = ((row.bridge, row.owner, row.network), row.room_key)
            if place not in found:
                password = self._password(_place(*place[0], row.room_key), row.password)
                room = StoredRoom(*place[0], row.room_key, row.name, row.nick, password, row.persistent)
                found[place] = (room, [])
            if row.jid is not None:
                found[place][1].append(JoinedResource(row.jid, row.room_local, row.client_nick))
        result: dict[AccountKey, list[RestoredRoom]] = {}
        for (account, _), (room, clients) in found.items():
            result.setdefault(account, []).append(RestoredRoom(room, tuple(clients)))
        return result

    def _password(self, place: dict[str, object], sealed: str | None) -> str | None:
        if sealed is None:
            return None
        try:
            return self._secrets.open(sealed, _context(place))
        except SecretError as error:
            if error.wrong_key:
                raise
            log.error("a room password is left out", reason=str(error), **place)
            return None


def _place(bridge: str, owner: str, network: str, room_key: str) -> dict[str, object]:
    return {"bridge": bridge, "owner": owner, "network": network, "room_key": room_key}


def _context(place: dict[str, object]) -> str:
    return json.dumps(["rooms", *place.values()])
