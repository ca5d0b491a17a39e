"""How a database gets the tables of the email bridge."""

from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.email.schema import METADATA
from gateway.bridge import Migration, Schema


async def _first(connection: AsyncConnection) -> None:
    await connection.run_sync(METADATA.create_all, checkfirst=False)


SCHEMA = Schema(METADATA, (Migration(1, "first tables", _first),))
