"""What bridges remember beyond restarts: small texts by (user, network, name), some of them secrets.

Does not know what they mean. Rows without an owner are the bridge's own, nobody's personal data.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import Row, select

from gateway.secrets import SecretBox, SecretError
from gateway.storage.database import Database
from gateway.storage.schema import bridge_memory
from gateway.storage.statements import ACCOUNT, delete_by, matching, upsert

log = structlog.get_logger(__name__)


class MemoryStore:
    """What is awaited is committed when the call returns, and raises ``StorageError`` otherwise."""

    def __init__(self, database: Database, secrets: SecretBox) -> None:
        self._database = database
        self._secrets = secrets
        # Few users have anything here, and a thousand log in at once: who has is known without asking.
        self._filled: dict[str, set[tuple[str, str]]] = {}
        self._save = upsert(database.dialect, bridge_memory)
        self._forget = delete_by(bridge_memory, (*ACCOUNT, "name"))
        self._of_account = select(bridge_memory).where(matching(bridge_memory, ACCOUNT))

    async def prepare(self, bridge: str) -> None:
        """Find out who has anything here, before many are asked about at once."""
        table = bridge_memory.c
        rows = await self._database.read(
            select(table.owner, table.network).where(table.bridge == bridge).distinct()
        )
        # Something may have been written while we read.
        self._filled.setdefault(bridge, set()).update((row.owner, row.network) for row in rows)

    async def recall(self, bridge: str, owner: str, network: str) -> Mapping[str, str]:
        """All texts of one user and network by name, secrets opened."""
        if bridge not in self._filled:
            await self.prepare(bridge)
        if (owner, network) not in self._filled[bridge]:
            return {}
        return self._opened(await self._database.read(self._of_account, _place(bridge, owner, network)))

    async def remember(
        self, bridge: str, owner: str, network: str, name: str, value: str, *, secret: bool = False
    ) -> None:
        """Keep a text, in place of the one of that name."""
        place = _place(bridge, owner, network)
        kept = self._secrets.seal(value, _context(place, name)) if secret else value
        if bridge in self._filled:
            self._filled[bridge].add((owner, network))
        await self._database.write(self._save, place | {"name": name, "value": kept, "secret": secret})

    async def forget(self, bridge: str, owner: str, network: str, name: str) -> None:
        await self._database.write(self._forget, _place(bridge, owner, network) | {"name": name})

    def _opened(self, rows: Sequence[Row[Any]]) -> dict[str, str]:
        """A secret that was tampered with is left out: what hangs on it has to be set up anew."""
        values: dict[str, str] = {}
        for row in rows:
            place = _place(row.bridge, row.owner, row.network)
            try:
                values[row.name] = (
                    self._secrets.open(row.value, _context(place, row.name)) if row.secret else row.value
                )
            except SecretError as error:
                if error.wrong_key:
                    raise
                log.error("a remembered secret is left out", name=row.name, reason=str(error), **place)
        return values


class BridgeMemory:
    """``gateway.bridge.Memory`` of the bridge with this name in the configuration."""

    def __init__(self, store: MemoryStore, bridge: str) -> None:
        self._store = store
        self._bridge = bridge

    async def recall(self, user: str, network: str) -> Mapping[str, str]:
        return await self._store.recall(self._bridge, user, network)

    async def remember(self, user: str, network: str, name: str, value: str, *, secret: bool = False) -> None:
        await self._store.remember(self._bridge, user, network, name, value, secret=secret)

    async def forget(self, user: str, network: str, name: str) -> None:
        await self._store.forget(self._bridge, user, network, name)


def _place(bridge: str, owner: str, network: str) -> dict[str, object]:
    return {"bridge": bridge, "owner": owner, "network": network}


def _context(place: dict[str, object], name: str) -> str:
    return json.dumps(["bridge_memory", *place.values(), name])
