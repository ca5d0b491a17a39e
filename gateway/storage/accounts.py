"""Accounts and their settings, and everything that has to come back after a restart.

Knows which settings are secret only by being told; those are sealed before they reach the database.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import Row, select

from gateway.secrets import SecretBox, SecretError
from gateway.storage.database import Database
from gateway.storage.records import RestoredAccount, StoredAccount
from gateway.storage.rooms import AccountKey, RoomStore
from gateway.storage.schema import account_settings, accounts, joined_resources, rooms
from gateway.storage.statements import ACCOUNT, delete_by, matching, upsert

log = structlog.get_logger(__name__)


class AccountStore:
    """What is awaited is committed when the call returns, and raises ``StorageError`` otherwise."""

    def __init__(self, database: Database, secrets: SecretBox) -> None:
        self._database = database
        self._secrets = secrets
        self._rooms = RoomStore(database, secrets)
        # Most users never set anything, and a thousand log in at once: who has settings is known without asking.
        self._read: set[str] = set()  # bridges of which ``_furnished`` is complete
        self._furnished: set[AccountKey] = set()  # who has settings, or had
        self._save = upsert(database.dialect, accounts, only=("nick", "wanted", "stopped", "reason"))
        self._save_setting = upsert(database.dialect, account_settings)
        self._forget_settings = delete_by(account_settings, ACCOUNT)
        self._forget = [
            delete_by(table, ACCOUNT) for table in (joined_resources, rooms, account_settings, accounts)
        ]
        self._settings = select(account_settings).where(matching(account_settings, ACCOUNT))

    async def all(self, bridge: str) -> list[RestoredAccount]:
        """Every account of a bridge with its settings, rooms and joined clients, in three queries. Raises ``SecretError`` if
        the key does not belong to this database."""
        stored = await self._database.read(
            select(accounts).where(accounts.c.bridge == bridge).order_by(accounts.c.owner, accounts.c.network)
        )
        settings = await self._all_settings(bridge)
        homes = await self._rooms.all(bridge)
        return [
            RestoredAccount(_account(row), settings.get(_key(row), {}), tuple(homes.get(_key(row), ())))
            for row in stored
        ]

    async def nicks(self, bridge: str) -> list[tuple[str, str, str]]:
        """Owner, network and nick of every account of a bridge."""
        table = accounts.c
        rows = await self._database.read(
            select(table.owner, table.network, table.nick).where(table.bridge == bridge)
        )
        return [(row.owner, row.network, row.nick) for row in rows]

    async def _all_settings(self, bridge: str) -> dict[AccountKey, dict[str, str]]:
        rows = await self._database.read(select(account_settings).where(account_settings.c.bridge == bridge))
        by_account: dict[AccountKey, list[Row[Any]]] = {}
        for row in rows:
            by_account.setdefault(_key(row), []).append(row)
        self._furnished.update(by_account)
        self._read.add(bridge)
        return {key: self._opened(found) for key, found in by_account.items()}

    async def save(self, account: StoredAccount) -> None:
        """Insert or replace; ``created`` stays what it was at first."""
        await self._database.write(self._save, _account_values(account))

    def post_save(self, account: StoredAccount) -> bool:
        """As ``save``, with the next commit; False if too much waits already."""
        return self._database.post(self._save, _account_values(account))

    async def forget(self, bridge: str, owner: str, network: str) -> None:
        """Remove an account with its settings and rooms. Archived messages are the ``ArchiveStore``'s."""
        place = _place(bridge, owner, network)
        await self._database.write_all([(statement, place) for statement in self._forget])

    async def settings(self, bridge: str, owner: str, network: str) -> dict[str, str]:
        """An account's settings, secrets opened; they may be there before the account is."""
        if bridge in self._read and (bridge, owner, network) not in self._furnished:
            return {}
        return self._opened(await self._database.read(self._settings, _place(bridge, owner, network)))

    async def save_settings(
        self, bridge: str, owner: str, network: str, values: Mapping[str, str], secret: Collection[str] = ()
    ) -> None:
        """Replace all settings of an account by ``values``; those named in ``secret`` are sealed."""
        place = _place(bridge, owner, network)
        self._furnished.add((bridge, owner, network))
        items: list[tuple[Any, Any]] = [(self._forget_settings, place)]
        for name, value in values.items():
            sealed = name in secret
            kept = self._secrets.seal(value, _context(place, name)) if sealed else value
            items.append((self._save_setting, place | {"name": name, "value": kept, "secret": sealed}))
        await self._database.write_all(items)

    def _opened(self, rows: Sequence[Row[Any]]) -> dict[str, str]:
        """A secret that was tampered with is left out, so that one bad row does not keep all others from starting."""
        values: dict[str, str] = {}
        for row in rows:
            if not row.secret:
                values[row.name] = row.value
                continue
            place = _place(*_key(row))
            try:
                values[row.name] = self._secrets.open(row.value, _context(place, row.name))
            except SecretError as error:
                if error.wrong_key:
                    raise
                log.error("a setting is left out", name=row.name, reason=str(error), **place)
        return values


def _place(bridge: str, owner: str, network: str) -> dict[str, object]:
    return {"bridge": bridge, "owner": owner, "network": network}


def _key(row: Row[Any]) -> AccountKey:
    return (row.bridge, row.owner, row.network)


def _context(place: dict[str, object], name: str) -> str:
    return json.dumps(["account_settings", *place.values(), name])


def _account(row: Row[Any]) -> StoredAccount:
    return StoredAccount(*_key(row), row.nick, row.wanted, row.stopped, row.reason, row.created)


def _account_values(account: StoredAccount) -> dict[str, object]:
    state = {"wanted": account.wanted, "stopped": account.stopped, "reason": account.reason}
    return (
        _place(account.bridge, account.owner, account.network)
        | state
        | {"nick": account.nick, "created": account.created}
    )
