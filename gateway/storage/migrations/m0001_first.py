"""Migration 1: the first tables. Frozen: what changes later is a migration of its own, never an edit here."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.ext.asyncio import AsyncConnection


def _account_key() -> list[Column[str]]:
    return [Column(name, Text, primary_key=True) for name in ("bridge", "owner", "network")]


def _tables() -> MetaData:
    metadata = MetaData()
    Table(
        "accounts",
        metadata,
        *_account_key(),
        Column("nick", Text, nullable=False),
        Column("wanted", Boolean, nullable=False),
        Column("stopped", Boolean, nullable=False),
        Column("reason", Text, nullable=False),
        Column("created", Double, nullable=False),
    )
    Table(
        "account_settings",
        metadata,
        *_account_key(),
        Column("name", Text, primary_key=True),
        Column("value", Text, nullable=False),
        Column("secret", Boolean, nullable=False),
    )
    Table(
        "rooms",
        metadata,
        *_account_key(),
        Column("room_key", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("nick", Text, nullable=False),
        Column("password", Text),
        Column("persistent", Boolean, nullable=False),
    )
    Table(
        "joined_resources",
        metadata,
        *_account_key(),
        Column("room_key", Text, primary_key=True),
        Column("jid", Text, primary_key=True),
        Column("room_local", Text, nullable=False),
        Column("nick", Text, nullable=False),
    )
    archives = Table(
        "archives",
        metadata,
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("bridge", Text, nullable=False),
        Column("owner", Text, nullable=False),
        Column("network", Text, nullable=False),
        Column("room_key", Text, nullable=False),
        Column("used", Double, nullable=False),
    )
    Index("archives_by_account", archives.c.bridge, archives.c.owner, archives.c.network)
    Index("archives_by_use", archives.c.used)
    archive = Table(
        "archive",
        metadata,
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("archive_id", BigInteger, nullable=False),
        Column("stanza_id", Text, nullable=False),
        Column("foreign_id", Text),
        Column("sender", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("body", Text, nullable=False),
        Column("sent_at", Double, nullable=False),
        sqlite_autoincrement=True,
    )
    Index("archive_by_room", archive.c.archive_id, archive.c.sent_at)
    Index("archive_by_time", archive.c.sent_at)
    has_foreign_id = archive.c.foreign_id.is_not(None)
    Index(
        "archive_by_foreign_id",
        archive.c.foreign_id,
        sqlite_where=has_foreign_id,
        postgresql_where=has_foreign_id,
    )
    Table(
        "subscriptions",
        metadata,
        *(Column(name, Text, primary_key=True) for name in ("bridge", "owner", "contact_local")),
        Column("state", Text, nullable=False),
        Column("pending", Text, nullable=False),
        CheckConstraint("state IN ('none', 'from', 'to', 'both')", name="subscriptions_state"),
    )
    return metadata


async def apply(connection: AsyncConnection) -> None:
    await connection.run_sync(_tables().create_all, checkfirst=False)
