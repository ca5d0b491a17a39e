"""The delivery ledger's rows. Knows columns; what they mean is ``gateway.delivery``'s business.

Every change of a row writes the whole row: one statement for all, which takes any number of rows in one call of the
driver, and never has to read anything first.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, false, literal, or_, select, true

from gateway.storage.database import Database
from gateway.storage.items import Item, RowInsert
from gateway.storage.schema import deliveries, delivery_keys, delivery_marks

#: In the order of a row's values.
COLUMNS = tuple(column.name for column in deliveries.columns)
_FIXED = frozenset({"id", "bridge", "owner", "network", "inbound", "created"})
_CHANGING = tuple(name for name in COLUMNS if name not in _FIXED)

LedgerRow = tuple[object, ...]
#: (key, delivery id, created)
KeyRow = tuple[str, str, float]

_AT_ONCE = 500


class DeliveryStore:
    """What is awaited is committed when the call returns, and raises ``StorageError`` otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = RowInsert(deliveries, COLUMNS, replace=_CHANGING)
        # A key that is there already stays: it cannot come to mean another message.
        self._keys = RowInsert(delivery_keys, ("key", "delivery_id", "created"), replace=("created",))
        self._new_keys = RowInsert(delivery_keys, ("key", "delivery_id", "created"))
        self._marks = RowInsert(delivery_marks, ("bridge", "confirmed"), replace=("confirmed",))

    async def save(
        self,
        rows: Sequence[LedgerRow],
        keys: Sequence[KeyRow] = (),
        new_keys: Sequence[KeyRow] = (),
        *,
        patience: float = 0.0,
    ) -> None:
        """Insert rows, or replace those of the same id, and note keys: all or nothing. Nothing also if one of ``new_keys``
        is there already: the error is of the statement's own fault then. ``patience``: see ``Database.write_all``."""
        items: list[Item] = []
        if rows:
            items.append((self._rows, rows))
        if keys:
            items.append((self._keys, keys))
        if new_keys:
            items.insert(0, (self._new_keys, new_keys))
        await self._database.write_all(items, patience)

    def urge(self) -> None:
        """Commit at once what is saved with patience."""
        self._database.urge()

    async def known(self, keys: Collection[str]) -> set[str]:
        """Those of ``keys`` that have been noted."""
        found: set[str] = set()
        wanted = list(keys)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            query = select(delivery_keys.c.key).where(delivery_keys.c.key.in_(some))
            found.update(row.key for row in await self._database.read(query))
        return found

    async def active(self, bridge: str) -> Sequence[Row[Any]]:
        """Rows for which something is to be done, oldest first."""
        query = select(deliveries).where(deliveries.c.bridge == bridge, deliveries.c.active == true())
        return await self._database.read(query.order_by(deliveries.c.created, deliveries.c.id))

    async def unreported(self, bridge: str, since: float, limit: int) -> Sequence[Row[Any]]:
        """Messages to the network that it took before ``since`` and never reported on, oldest first."""
        query = select(deliveries).where(
            deliveries.c.bridge == bridge,
            deliveries.c.created < since,
            deliveries.c.changed < since,
            deliveries.c.inbound == false(),
            deliveries.c.active == false(),
            deliveries.c.state == "accepted",
            deliveries.c.unreported != "",
        )
        return await self._database.read(query.order_by(deliveries.c.created).limit(limit))

    async def by_key(self, key: str) -> Row[Any] | None:
        """The row that a key belongs to."""
        query = (
            select(deliveries)
            .join(delivery_keys, delivery_keys.c.delivery_id == deliveries.c.id)
            .where(delivery_keys.c.key == key)
        )
        return next(iter(await self._database.read(query)), None)

    async def by_id(self, id_: str) -> Row[Any] | None:
        return next(iter(await self._database.read(select(deliveries).where(deliveries.c.id == id_))), None)

    async def named(self, id_: str, limit: int) -> Sequence[Row[Any]]:
        """Rows of that id, or of a stanza or a network's message (or part of one) of that id, the latest first. Looks at all
        rows, for an index of each would cost every message: for people who ask, not for programs."""
        columns = deliveries.c
        # One a line. The case is looked at below: SQLite's LIKE does not.
        part = (literal("\n") + columns.unreported + "\n").contains(f"\n{id_}\n", autoescape=True)
        query = select(deliveries).where(
            or_(columns.id == id_, columns.stanza_id == id_, columns.foreign_id == id_, part)
        )
        rows = await self._database.read(query.order_by(columns.created.desc()).limit(limit))
        return [
            row
            for row in rows
            if id_ in (row.id, row.stanza_id, row.foreign_id) or id_ in row.unreported.split("\n")
        ]

    def mark(self, bridge: str, confirmed: float) -> None:
        """Note with the next commit until when everything written to the XMPP server has been dealt with by it."""
        self._database.post(self._marks, (bridge, confirmed))

    async def marked(self, bridge: str) -> float | None:
        query = select(delivery_marks.c.confirmed).where(delivery_marks.c.bridge == bridge)
        return next((row.confirmed for row in await self._database.read(query)), None)

    async def flush(self) -> None:
        """Return when all that was posted is committed."""
        await self._database.flush()
