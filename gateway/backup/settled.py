"""A database that comes from a backup is brought to today's schema, and nothing that waits in it goes out any more."""

from collections.abc import Mapping

from gateway.bridge import Clock, Schema
from gateway.storage import settling
from gateway.storage.database import Database
from gateway.storage.offline import transaction


async def upgrade(url: str, schemas: Mapping[str, Schema], clock: Clock) -> None:
    """To the last migration of everything. Raises ``StorageError``."""
    database = await Database.open(url, clock=clock)
    try:
        for kind, schema in schemas.items():
            await database.adopt(kind, schema, clock)
    finally:
        await database.close()


async def settle(url: str, schemas: Mapping[str, Schema], now: float) -> int:
    """Of an upgraded database; how many messages will not be sent. All of it, or nothing. Raises ``StorageError``."""
    async with transaction(url) as connection:
        count = await settling.settle(connection, now)
        for schema in schemas.values():
            if schema.settle is not None:
                count += await schema.settle(connection, now)
    return count
