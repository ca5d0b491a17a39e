"""Migration 5: files that the gateway's own web server gives out."""

from sqlalchemy import BigInteger, Column, Double, Index, MetaData, Table, Text
from sqlalchemy.ext.asyncio import AsyncConnection


def _tables() -> MetaData:
    metadata = MetaData()
    files = Table(
        "stored_files",
        metadata,
        Column("key", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("bridge", "owner", "name", "media_type")),
        Column("size", BigInteger, nullable=False),
        Column("sha256", Text, nullable=False),
        Column("created", Double, nullable=False),
        Column("expires", Double, nullable=False),
    )
    Index("stored_files_by_owner", files.c.owner, files.c.created)
    Index("stored_files_by_expiry", files.c.expires)
    return metadata


async def apply(connection: AsyncConnection) -> None:
    await connection.run_sync(_tables().create_all, checkfirst=False)
