"""A database that no gateway uses just now: looked at and changed from the command line, in one transaction.

Knows how to find out that somebody does use it.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.storage.backends import Backend, backend
from gateway.storage.errors import StorageError, explain

_PATIENCE = 5.0
_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'causeway' AND datname = current_database() "
    "AND pid <> pg_backend_pid()"
)


@asynccontextmanager
async def transaction(url: str) -> AsyncIterator[AsyncConnection]:
    """All that is done with the connection is committed at the end, or none of it. Raises ``StorageError``."""
    kind = backend(url, busy_timeout=_PATIENCE)
    await kind.prepare()
    async with _connected(kind, kind.writer_engine()) as connection:
        await kind.command(connection, kind.begin)
        try:
            await kind.lock_schema(connection)
            yield connection
        except BaseException:
            if await kind.in_transaction(connection):
                await kind.command(connection, "ROLLBACK")
            raise
        await kind.command(connection, "COMMIT")


@asynccontextmanager
async def looking(url: str) -> AsyncIterator[AsyncConnection]:
    """For who only looks from a process that has it not open: nothing is made, migrated or changed, beside it neither.
    Raises ``StorageError``."""
    kind = backend(url, busy_timeout=_PATIENCE)
    async with _connected(kind, await asyncio.to_thread(kind.looking_engine)) as connection:
        yield connection


@asynccontextmanager
async def _connected(kind: Backend, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    try:
        async with engine.connect() as connection:
            yield connection
    except kind.errors as error:
        if isinstance(error, StorageError):
            raise
        raise explain(error, kind.place) from None
    finally:
        await engine.dispose()
        await kind.close()


async def in_use(url: str) -> bool:
    """Whether another process has the database open; of one that is not there nobody has. Raises ``StorageError``."""
    parsed = make_url(url)
    if parsed.drivername == "sqlite":
        name = parsed.database or ""
        return bool(name) and name != ":memory:" and file_in_use(Path(name))
    async with transaction(url) as connection:
        return bool((await connection.execute(_OTHERS)).scalar_one())


def file_in_use(path: Path) -> bool:
    """Whether another process has an SQLite file open. In WAL mode every connection holds a lock on the file, which keeps
    us from having it alone (https://www.sqlite.org/wal.html, "Use of WAL Without Shared-Memory")."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                return True
            raise explain(error, f"The database {path}") from None
        except sqlite3.DatabaseError as error:
            raise explain(error, f"The database {path}") from None
    return False
