"""Files that the gateway's own web server gives out: whose they are, what they are, how long they stay. Not their bytes."""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, delete, func, insert, select

from gateway.storage.database import Database
from gateway.storage.records import StoredFile
from gateway.storage.schema import stored_files

#: Keys in one question; SQLite takes a bounded number of parameters.
_MOST_KEYS = 500


class FileStore:
    """What is awaited is committed when the call returns, and raises ``StorageError`` otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._add = insert(stored_files)
        self._by_key = select(stored_files).where(stored_files.c.key == bindparam("key"))
        self._forget = delete(stored_files).where(stored_files.c.key == bindparam("gone"))
        size = func.coalesce(func.sum(stored_files.c.size), 0)
        self._of_owner = select(size).where(stored_files.c.owner == bindparam("owner"))
        self._of_all = select(size)
        self._oldest = (
            select(stored_files)
            .where(stored_files.c.owner == bindparam("owner"))
            .order_by(stored_files.c.created)
            .limit(100)
        )
        self._expired = (
            select(stored_files.c.key)
            .where(stored_files.c.expires <= bindparam("now"))
            .order_by(stored_files.c.expires)
            .limit(_MOST_KEYS)
        )

    async def add(self, file: StoredFile) -> None:
        await self._database.write(
            self._add,
            {
                "key": file.key,
                "bridge": file.bridge,
                "owner": file.owner,
                "name": file.name,
                "media_type": file.media_type,
                "size": file.size,
                "sha256": file.sha256,
                "created": file.created,
                "expires": file.expires,
            },
        )

    async def find(self, key: str) -> StoredFile | None:
        rows = await self._database.read(self._by_key, {"key": key})
        return StoredFile(**rows[0]._mapping) if rows else None

    async def size_of(self, owner: str) -> int:
        """Bytes of all files of a user, on whatever bridge."""
        return int((await self._database.read(self._of_owner, {"owner": owner}))[0][0])

    async def size(self) -> int:
        """Bytes of all files."""
        return int((await self._database.read(self._of_all))[0][0])

    async def oldest_of(self, owner: str) -> list[StoredFile]:
        """A user's files, oldest first; a hundred of them."""
        rows = await self._database.read(self._oldest, {"owner": owner})
        return [StoredFile(**row._mapping) for row in rows]

    async def expired(self, now: float) -> list[str]:
        """Keys of files whose time is over; some hundreds of them."""
        return [row.key for row in await self._database.read(self._expired, {"now": now})]

    async def forget(self, keys: Sequence[str]) -> None:
        if keys:
            await self._database.write(self._forget, [{"gone": key} for key in keys])

    async def known(self, keys: Collection[str]) -> set[str]:
        """Those of ``keys`` that there are."""
        asked, found = list(keys), set[str]()
        for start in range(0, len(asked), _MOST_KEYS):
            some = asked[start : start + _MOST_KEYS]
            query = select(stored_files.c.key).where(stored_files.c.key.in_(some))
            found.update(row.key for row in await self._database.read(query))
        return found
