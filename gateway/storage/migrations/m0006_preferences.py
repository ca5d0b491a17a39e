"""Migration 6: what users set for the gateway as a whole, and for single rooms."""

from sqlalchemy import Boolean, Column, MetaData, Table, Text
from sqlalchemy.ext.asyncio import AsyncConnection


def _tables() -> MetaData:
    metadata = MetaData()
    Table(
        "preferences",
        metadata,
        *(
            Column(name, Text, primary_key=True)
            for name in ("bridge", "owner", "network", "room_key", "name")
        ),
        Column("value", Text, nullable=False),
        Column("secret", Boolean, nullable=False),
    )
    return metadata


async def apply(connection: AsyncConnection) -> None:
    await connection.run_sync(_tables().create_all, checkfirst=False)
