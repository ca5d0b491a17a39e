"""How a database gets the tables of the SMS bridge, step by step; ``METADATA`` is where they end today."""

from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.sms.schema import METADATA
from gateway.bridge import Migration, Schema


async def _apply(connection: AsyncConnection) -> None:
    await connection.run_sync(METADATA.create_all)


SCHEMA = Schema(METADATA, (Migration(1, "first tables", _apply),))
