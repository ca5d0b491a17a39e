"""How far the schema of a database is, and which releases of Causeway know how much. Changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy
from sqlalchemy import func, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.bridge import Migration, Schema
from gateway.storage.errors import StorageError, Trouble
from gateway.storage.migrations import MIGRATIONS, VERSION_TABLE
from gateway.storage.schema import bridge_schema_version

#: The gateway's own tables, beside kinds of bridges.
CORE = "core"

Numbers = Mapping[str, int]
"""By series (``CORE``, or a kind of bridge) the number of the last migration."""

#: What each release knows. A release adds a line here; the test of this table says so.
RELEASES: Mapping[str, Numbers] = {
    "0.1.0": {CORE: 9, "email": 2, "sms": 1},
}


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration that a database has had. ``time`` is in Unix seconds."""

    series: str
    number: int
    name: str
    time: float


def known(schemas: Mapping[str, Schema]) -> dict[str, Sequence[Migration]]:
    """All migrations that this program has, by series."""
    return {CORE: MIGRATIONS, **{kind: schema.migrations for kind, schema in schemas.items()}}


def latest(applied: Sequence[Applied]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in applied:
        found[each.series] = max(found.get(each.series, 0), each.number)
    return found


async def applied(connection: AsyncConnection, place: str) -> list[Applied]:
    """All migrations of a database, in order of time; none of an empty one. Raises ``StorageError`` for a database of
    another program."""
    names = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    if not names:
        return []
    if VERSION_TABLE.name not in names:
        raise StorageError(
            Trouble.NOT_A_DATABASE, f"{place} holds tables of another program: name the gateway's database."
        )
    c = VERSION_TABLE.c
    rows = await connection.execute(select(c.number, c.name, c.applied))
    found = [Applied(CORE, row.number, row.name, row.applied) for row in rows]
    if bridge_schema_version.name in names:
        found += [
            Applied(row.kind, row.number, row.name, row.applied)
            for row in await connection.execute(select(bridge_schema_version))
        ]
    return sorted(found, key=lambda each: (each.time, each.series != CORE, each.number))


async def count_since(connection: AsyncConnection, table: str, column: str, time: float) -> int:
    """Rows of a table that are there since then."""
    found = await connection.run_sync(lambda sync: inspect(sync).has_table(table))
    if not found:
        return 0
    query = select(func.count()).select_from(sqlalchemy.table(table)).where(sqlalchemy.column(column) >= time)
    return int((await connection.execute(query)).scalar_one())
