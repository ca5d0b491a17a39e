"""Migration 2: registrations, rules of access, limits changed at run time."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Double, MetaData, Table, Text
from sqlalchemy.ext.asyncio import AsyncConnection


def _tables() -> MetaData:
    metadata = MetaData()
    Table(
        "registrations",
        metadata,
        Column("bridge", Text, primary_key=True),
        Column("owner", Text, primary_key=True),
        Column("state", Text, nullable=False),
        Column("stays", Boolean, nullable=False),
        Column("created", Double, nullable=False),
        CheckConstraint("state IN ('active', 'pending')", name="registrations_state"),
    )
    Table(
        "access_rules",
        metadata,
        Column("bridge", Text, primary_key=True),
        Column("subject", Text, primary_key=True),
        Column("allow", Boolean, nullable=False),
        Column("reason", Text, nullable=False),
        Column("author", Text, nullable=False),
        Column("created", Double, nullable=False),
    )
    Table(
        "limits",
        metadata,
        Column("bridge", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("value", BigInteger, nullable=False),
    )
    return metadata


async def apply(connection: AsyncConnection) -> None:
    await connection.run_sync(_tables().create_all, checkfirst=False)
