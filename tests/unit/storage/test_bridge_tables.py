"""Tables of a bridge's own: made by its migrations, shown to and erased for their owners."""

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.bridge import Migration, NotStored, Schema
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import Database
from gateway.storage.errors import StorageError, Trouble
from gateway.storage.owned import OwnedRows, Owner

METADATA = MetaData()
letters = Table(
    "test_letters",
    METADATA,
    Column("id", Integer, primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("bridge", "owner", "token")),
    Column("raw", LargeBinary, nullable=False),
)
words = Table("test_words", METADATA, Column("word", Text, primary_key=True))


def _create(*tables: Table) -> Migration:
    async def apply(connection: AsyncConnection) -> None:
        await connection.run_sync(METADATA.create_all, tables=tables, checkfirst=False)

    return Migration(METADATA.sorted_tables.index(tables[0]) + 1, tables[0].name, apply)


FIRST, SECOND = _create(letters), _create(words)
SCHEMA = Schema(METADATA, (FIRST, SECOND), frozenset({("test_letters", "token")}))


def _row(number: int, owner: str) -> dict[str, object]:
    return {"id": number, "bridge": "mail", "owner": owner, "token": "sesame", "raw": b"12345"}


async def test_a_bridge_gets_its_tables_step_by_step(database: Database, clock: SystemClock) -> None:
    await database.adopt("mail", Schema(METADATA, (FIRST,)), clock)
    tables = BridgeTables(database)
    await tables.write((insert(letters), _row(1, "alice@example.org")))
    await database.adopt("mail", SCHEMA, clock)
    await database.adopt("mail", SCHEMA, clock)
    await tables.write(
        (insert(words), [{"word": "one"}, {"word": "two"}]), (insert(letters), _row(2, "bob@x"))
    )
    assert sorted(row.word for row in await tables.read(select(words))) == ["one", "two"]
    assert len(await tables.read(select(letters))) == 2


async def test_two_kinds_of_bridges_count_their_migrations_apart(
    database: Database, clock: SystemClock
) -> None:
    other = MetaData()
    Table("other_things", other, Column("id", Integer, primary_key=True))

    async def apply(connection: AsyncConnection) -> None:
        await connection.run_sync(other.create_all, checkfirst=False)

    await database.adopt("mail", SCHEMA, clock)
    await database.adopt("other", Schema(other, (Migration(1, "things", apply),)), clock)
    assert await BridgeTables(database).read(select(other.tables["other_things"])) == []


async def test_tables_of_a_newer_bridge_are_left_alone(database: Database, clock: SystemClock) -> None:
    await database.adopt("mail", SCHEMA, clock)
    with pytest.raises(StorageError) as raised:
        await database.adopt("mail", Schema(METADATA, (FIRST,)), clock)
    assert raised.value.trouble is Trouble.FUTURE
    assert "version 2 of its mail tables" in str(raised.value)


async def test_statements_that_are_written_together_fail_together(
    database: Database, clock: SystemClock
) -> None:
    await database.adopt("mail", SCHEMA, clock)
    tables = BridgeTables(database)
    await tables.write((insert(words), {"word": "one"}))
    with pytest.raises(NotStored):
        await tables.write((insert(letters), _row(1, "a@x")), (insert(words), {"word": "one"}))
    assert await tables.read(select(letters)) == []


async def test_what_is_a_users_is_shown_without_secrets_and_erased(
    database: Database, clock: SystemClock
) -> None:
    await database.adopt("mail", SCHEMA, clock)
    tables = BridgeTables(database)
    await tables.write((insert(letters), [_row(1, "alice@example.org"), _row(2, "bob@example.org")]))
    owned = OwnedRows(database, [SCHEMA])
    shown = (await owned.read(Owner("mail", "alice@example.org")))["test_letters"]
    assert [(row["id"], row["raw"]) for row in shown] == [(1, "(5 bytes)")]
    assert "sesame" not in str(shown)
    await owned.erase(Owner("mail", "alice@example.org"))
    assert [row.id for row in await tables.read(select(letters))] == [2]
