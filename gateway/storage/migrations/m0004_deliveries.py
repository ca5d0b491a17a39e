"""The delivery ledger: one row for every message between a user and somebody on a network."""

from sqlalchemy import Boolean, CheckConstraint, Column, Double, Index, Integer, MetaData, Table, Text, true
from sqlalchemy.ext.asyncio import AsyncConnection


def _tables() -> MetaData:
    metadata = MetaData()
    deliveries = Table(
        "deliveries",
        metadata,
        Column("id", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("bridge", "owner", "network")),
        Column("inbound", Boolean, nullable=False),
        Column("room", Boolean, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("peer", "kind", "body", "extra", "parts")),
        Column("said_at", Double, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("stanza_type", "stanza_id", "origin", "jid")),
        Column("foreign_id", Text, nullable=False),
        Column("unreported", Text, nullable=False),
        Column("receipt", Boolean, nullable=False),
        Column("markable", Boolean, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("state", "condition", "error_type", "reason")),
        Column("attempts", Integer, nullable=False),
        Column("handed", Boolean, nullable=False),
        Column("active", Boolean, nullable=False),
        Column("created", Double, nullable=False),
        Column("changed", Double, nullable=False),
        CheckConstraint(
            "state IN ('queued', 'accepted', 'delivered', 'read', 'failed', 'unknown')",
            name="deliveries_state",
        ),
    )
    active = deliveries.c.active == true()
    Index(
        "deliveries_active",
        deliveries.c.bridge,
        deliveries.c.created,
        sqlite_where=active,
        postgresql_where=active,
    )
    Index("deliveries_by_owner", deliveries.c.bridge, deliveries.c.owner)
    Index("deliveries_by_time", deliveries.c.created)
    keys = Table(
        "delivery_keys",
        metadata,
        Column("key", Text, primary_key=True),
        Column("delivery_id", Text, nullable=False),
        Column("created", Double, nullable=False),
    )
    Index("delivery_keys_by_time", keys.c.created)
    Table(
        "delivery_marks",
        metadata,
        Column("bridge", Text, primary_key=True),
        Column("confirmed", Double, nullable=False),
    )
    return metadata


async def apply(connection: AsyncConnection) -> None:
    await connection.run_sync(_tables().create_all, checkfirst=False)
