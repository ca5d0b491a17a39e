"""What users set for the gateway as a whole (no network, no room) and for single rooms; ``AccountStore`` has what they set
for networks.

Knows which settings are secret only by being told; those are sealed before they reach the database.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

import structlog
from sqlalchemy import Row, select

from gateway.secrets import SecretBox, SecretError
from gateway.storage.database import Database
from gateway.storage.schema import preferences
from gateway.storage.statements import ACCOUNT, ROOM, delete_by, matching, upsert

log = structlog.get_logger(__name__)

GATEWAY = ""
"""The network, and the room, of what is set for the gateway as a whole."""


class PreferenceStore:
    """What is awaited is committed when the call returns, and raises ``StorageError`` otherwise."""

    def __init__(self, database: Database, secrets: SecretBox) -> None:
        self._database = database
        self._secrets = secrets
        # Most users never set anything, and a thousand log in at once: who has is known without asking.
        self._filled: dict[str, set[tuple[str, str]]] = {}
        self._save = upsert(database.dialect, preferences)
        self._forget = delete_by(preferences, ROOM)
        self._of_network = select(preferences).where(matching(preferences, ACCOUNT))

    async def prepare(self, bridge: str) -> None:
        """Find out who has set anything, before many are asked about at once."""
        table = preferences.c
        rows = await self._database.read(
            select(table.owner, table.network).where(table.bridge == bridge).distinct()
        )
        # Something may have been written while we read.
        self._filled.setdefault(bridge, set()).update((row.owner, row.network) for row in rows)

    async def read(self, bridge: str, owner: str, network: str) -> Mapping[str, Mapping[str, str]]:
        """All that a user set on a network by room, secrets opened."""
        if bridge not in self._filled:
            await self.prepare(bridge)
        if (owner, network) not in self._filled[bridge]:
            return {}
        place = {"bridge": bridge, "owner": owner, "network": network}
        found: dict[str, dict[str, str]] = {}
        for row in await self._database.read(self._of_network, place):
            value = self._opened(row)
            if value is not None:
                found.setdefault(row.room_key, {})[row.name] = value
        return found

    async def save(
        self,
        bridge: str,
        owner: str,
        network: str,
        room_key: str,
        values: Mapping[str, str],
        secret: Collection[str] = (),
    ) -> None:
        """Replace all that is set for a room, or the gateway, by ``values``; those named in ``secret`` are sealed."""
        place: dict[str, object] = {
            "bridge": bridge,
            "owner": owner,
            "network": network,
            "room_key": room_key,
        }
        if bridge in self._filled:
            self._filled[bridge].add((owner, network))
        items: list[tuple[Any, Any]] = [(self._forget, place)]
        for name, value in values.items():
            sealed = name in secret
            kept = self._secrets.seal(value, _context(place, name)) if sealed else value
            items.append((self._save, place | {"name": name, "value": kept, "secret": sealed}))
        await self._database.write_all(items)

    def _opened(self, row: Row[Any]) -> str | None:
        """A secret that was tampered with is left out: it has to be set anew."""
        if not row.secret:
            return str(row.value)
        place = {name: getattr(row, name) for name in ROOM}
        try:
            return self._secrets.open(row.value, _context(place, row.name))
        except SecretError as error:
            if error.wrong_key:
                raise
            log.error("a setting is left out", name=row.name, reason=str(error), **place)
            return None


def _context(place: Mapping[str, object], name: str) -> str:
    return json.dumps(["preferences", *place.values(), name])
