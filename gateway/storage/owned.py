"""Everything that is kept of one user on one bridge, whatever kind of thing it is: to be shown to that user, or erased.

Goes by the schema: every table with the columns ``bridge`` and ``owner`` is the user's, and so are rows that hang on such a
row. A table that comes later is covered without a change here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, LargeBinary, Row, Table, and_, delete, select

from gateway.bridge import Schema
from gateway.storage.database import Database
from gateway.storage.schema import (
    account_settings,
    archive,
    archives,
    bridge_memory,
    deliveries,
    delivery_keys,
    metadata,
    preferences,
    rooms,
)

Rows = list[dict[str, object]]

#: Rows that belong to somebody by another row: column, and the column of the owned table that it names.
_HANGING: tuple[tuple[Column[Any], Column[Any]], ...] = (
    (archive.c.archive_id, archives.c.id),
    (delivery_keys.c.delivery_id, deliveries.c.id),
)

_SEALED = "(a secret; it is kept encrypted and not shown)"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose rows: ``jid`` is the user's bare JID."""

    bridge: str
    jid: str


def owned_tables(schemas: Sequence[Schema] = ()) -> list[Table]:
    """Every table whose rows are somebody's, in the order of the schema; then those of ``schemas`` of bridges."""
    tables = [table for each in (metadata, *(s.metadata for s in schemas)) for table in each.sorted_tables]
    return [table for table in tables if "bridge" in table.c and "owner" in table.c]


class OwnedRows:
    """What is awaited is committed when the call returns, and raises ``StorageError`` otherwise."""

    def __init__(self, database: Database, schemas: Sequence[Schema] = ()) -> None:
        """``schemas``: tables of bridges."""
        self._database = database
        self._tables = owned_tables(schemas)
        self._secrets = frozenset[tuple[str, str]]().union(*(schema.secrets for schema in schemas))

    def adopt(self, schema: Schema) -> None:
        """The tables of one more bridge, which exist."""
        known = set(self._tables)
        self._tables += [table for table in owned_tables([schema]) if table not in known]
        self._secrets |= schema.secrets

    async def read(self, owner: Owner) -> dict[str, Rows]:
        """All rows of a user but the archived messages, by table; secrets are left out."""
        await self._database.flush()
        return {
            table.name: [self._shown(table, row) for row in await self._database.read(_of(table, owner))]
            for table in self._tables
        }

    async def messages(self, owner: Owner, after: int, limit: int) -> list[tuple[int, dict[str, object]]]:
        """Archived messages, at most ``limit``, each with its number, in the order of these; ``after`` is the last number
        that is known already, 0 for none."""
        columns = (
            archives.c.network,
            archives.c.room_key,
            *(each for each in archive.c if each.name != "id"),
        )
        query = (
            select(archive.c.id, *columns)
            .join(archives, archive.c.archive_id == archives.c.id)
            .where(_is(archives, owner), archive.c.id > after)
            .order_by(archive.c.id)
            .limit(limit)
        )
        rows = await self._database.read(query)
        return [
            (row.id, {name: value for name, value in row._mapping.items() if name != "id"}) for row in rows
        ]

    async def erase(self, owner: Owner) -> int:
        """Remove everything; the number of rows. ``ArchiveStore.forgotten`` has to be told."""
        statements: list[Any] = [
            delete(column.table).where(column.in_(select(named).where(_is(named.table, owner))))
            for column, named in _HANGING
        ]
        statements += [delete(table).where(_is(table, owner)) for table in self._tables]
        return await self._database.write_all([(statement, None) for statement in statements])

    def _shown(self, table: Table, row: Row[Any]) -> dict[str, object]:
        values = dict(row._mapping)
        for name in (*_secret_columns(table, values), *(c for t, c in self._secrets if t == table.name)):
            if values[name] is not None:
                values[name] = _SEALED
        for column in table.c:
            if isinstance(column.type, LargeBinary) and values[column.name] is not None:
                values[column.name] = f"({len(values[column.name])} bytes)"
        return values


def _is(table: FromClause, owner: Owner) -> ColumnElement[bool]:
    return and_(table.c.bridge == owner.bridge, table.c.owner == owner.jid)


def _of(table: Table, owner: Owner) -> Any:
    return select(table).where(_is(table, owner)).order_by(*table.primary_key)


def _secret_columns(table: Table, values: Mapping[str, object]) -> Iterable[str]:
    if table is rooms:
        return ("password",)
    if table in (account_settings, bridge_memory, preferences) and values["secret"]:
        return ("value",)
    return ()
