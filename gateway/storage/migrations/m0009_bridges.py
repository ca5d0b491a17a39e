"""Migration 9: how far the tables of each kind of bridge are."""

from sqlalchemy import Column, Double, Integer, MetaData, Table, Text
from sqlalchemy.ext.asyncio import AsyncConnection


def _tables() -> MetaData:
    metadata = MetaData()
    Table(
        "bridge_schema_version",
        metadata,
        Column("kind", Text, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("name", Text, nullable=False),
        Column("applied", Double, nullable=False),
    )
    return metadata


async def apply(connection: AsyncConnection) -> None:
    await connection.run_sync(_tables().create_all, checkfirst=False)
