"""Contacts and their pictures."""

from sqlalchemy import Boolean, Column, LargeBinary, MetaData, Table, Text
from sqlalchemy.ext.asyncio import AsyncConnection


def _tables() -> MetaData:
    metadata = MetaData()
    Table(
        "contacts",
        metadata,
        *(Column(name, Text, primary_key=True) for name in ("bridge", "owner", "network", "name")),
        Column("display_name", Text, nullable=False),
        Column("picture", Text, nullable=False),
        Column("about", Text, nullable=False),
        Column("listed", Boolean, nullable=False),
    )
    Table(
        "pictures",
        metadata,
        Column("id", Text, primary_key=True),
        Column("media_type", Text, nullable=False),
        Column("data", LargeBinary, nullable=False),
    )
    return metadata


async def apply(connection: AsyncConnection) -> None:
    await connection.run_sync(_tables().create_all, checkfirst=False)
