"""Statements by parameter name: every store builds its own once and gives values each time."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.dml import Delete, Insert

ACCOUNT = ("bridge", "owner", "network")
ROOM = (*ACCOUNT, "room_key")


def upsert(dialect: str, table: Table, only: Collection[str] | None = None) -> Insert:
    """Insert a row; if its primary key is there already, take over its other columns, or those of ``only``."""
    # The two dialects spell it alike, but each has its own class for it.
    insert = sqlite_insert(table) if dialect == "sqlite" else postgresql_insert(table)
    keys = [column.name for column in table.primary_key]
    taken = only if only is not None else [column.name for column in table.columns if column.name not in keys]
    return insert.on_conflict_do_update(
        index_elements=keys, set_={name: insert.excluded[name] for name in taken}
    )


def matching(table: Table, columns: Collection[str]) -> ColumnElement[bool]:
    """``columns`` equal to the parameters of the same names."""
    return and_(*(table.c[name] == bindparam(name) for name in columns))


def delete_by(table: Table, columns: Collection[str]) -> Delete:
    return delete(table).where(matching(table, columns))
