"""What the tables of a bridge look like in a database."""

from sqlalchemy import Connection, inspect, text

from gateway.bridge import Schema
from gateway.clock import SystemClock
from gateway.storage.database import Database, opened


def _tables(connection: Connection, prefix: str) -> dict[str, object]:
    looked = inspect(connection)
    return {
        name: (
            [(each["name"], str(each["type"]), each["nullable"]) for each in looked.get_columns(name)],
            looked.get_pk_constraint(name)["constrained_columns"],
            sorted(
                (each["name"], each["column_names"], bool(each["unique"]))
                for each in looked.get_indexes(name)
            ),
        )
        for name in looked.get_table_names()
        if name.startswith(prefix)
    }


async def _described(database: Database, prefix: str) -> dict[str, object]:
    connection = await database._writer.connection()
    return await connection.run_sync(_tables, prefix)


async def assert_migrations_end_today(url: str, kind: str, schema: Schema, today: Schema) -> None:
    """The tables that ``schema`` migrates to are those that the parts of the bridge declare."""
    clock = SystemClock()
    async with opened(url, clock=clock) as database:
        await database.adopt(kind, schema, clock)
        migrated = await _described(database, f"{kind}_")
        for table in today.metadata.sorted_tables:
            await database.write(text(f"DROP TABLE {table.name}"))
        connection = await database._writer.connection()
        await connection.run_sync(today.metadata.create_all)
        assert migrated == await _described(database, f"{kind}_")
        assert set(migrated) == set(today.metadata.tables)
    assert [each.number for each in schema.migrations] == list(range(1, len(schema.migrations) + 1))
