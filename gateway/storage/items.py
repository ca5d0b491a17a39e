"""What is asked of a database: statements with their parameters, and hot inserts with their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Executable, Table

Params = Mapping[str, object] | Sequence[Mapping[str, object]] | None


@dataclass(frozen=True, slots=True, eq=False)
class RowInsert:
    """A hot insert, made once and posted often: rows are plain tuples in the order of ``columns``, and many of them cost the
    driver one call. If the primary key is there already, the columns in ``replace`` are taken over. Compared by identity."""

    table: Table
    columns: tuple[str, ...]
    replace: tuple[str, ...] = ()

    def into(self) -> str:
        """The names are our own and need no quotes; the schema's tests would tell."""
        return f"INSERT INTO {self.table.name} ({', '.join(self.columns)})"

    def on_conflict(self) -> str:
        if not self.replace:
            return ""
        keys = ", ".join(column.name for column in self.table.primary_key)
        return f" ON CONFLICT ({keys}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in self.replace)}"


#: A statement with its parameters, or a hot insert with its rows.
Item = tuple[Executable, Params] | tuple[RowInsert, Sequence[tuple[object, ...]]]
#: One of them, or plain SQL without parameters and results.
Step = Item | str
