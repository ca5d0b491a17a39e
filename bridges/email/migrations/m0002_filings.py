"""Migration 2 of the email bridge: sent mails that are to be put into a mailbox elsewhere."""

from sqlalchemy import Boolean, Column, MetaData, Table, Text
from sqlalchemy.ext.asyncio import AsyncConnection


def _tables() -> MetaData:
    metadata = MetaData()
    Table(
        "email_filings",
        metadata,
        Column("bridge", Text, primary_key=True),
        Column("owner", Text, primary_key=True),
        Column("mail", Text, primary_key=True),
        Column("done", Boolean, nullable=False),
    )
    return metadata


async def apply(connection: AsyncConnection) -> None:
    await connection.run_sync(_tables().create_all, checkfirst=False)
