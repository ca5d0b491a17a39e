"""Statements that both dialects know and SQLAlchemy spells differently."""

from collections.abc import Collection

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def upsert(dialect: str, table: Table, only: Collection[str] | None = None) -> Insert:
    """Insert a row; if its primary key is there already, take over its other columns, or those of ``only``."""
    statement = _INSERTS[dialect](table)
    keys = [column.name for column in table.primary_key]
    taken = only if only is not None else [column.name for column in table.columns if column.name not in keys]
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in taken}
    )
