"""Rows for any table, as it stands in a database: plain ones, odd ones, and such with nothing in them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, inspect, select
from sqlalchemy.schema import MetaData
from sqlalchemy.types import BigInteger, Boolean, Float, Integer, LargeBinary

VARIANTS = ("plain", "odd", "empty")
BRIDGE = "irc"

_TEXTS = {"plain": "word", "odd": "'; DROP\n\t\"ü\u202e\U0001f600\\%", "empty": ""}
_NUMBERS = {"plain": 7, "odd": 2**31 - 1, "empty": 0}
_LARGE = {"plain": 7, "odd": 2**62, "empty": 0}
_FLOATS = {"plain": 1_700_000_000.25, "odd": -1e300, "empty": 0.0}
_OCTETS = {"plain": b"abc", "odd": bytes(range(256)), "empty": b""}

#: Columns that cannot hold just anything, in the order of the variants.
_WORDS: Mapping[tuple[str, str], Sequence[object]] = {
    ("subscriptions", "state"): ("both", "none", "from"),
    ("registrations", "state"): ("active", "pending", "active"),
    ("deliveries", "state"): ("queued", "unknown", "accepted"),
    ("deliveries", "kind"): ("chat", "note", "chat"),
    ("deliveries", "condition"): ("gone", "forbidden", ""),
    ("deliveries", "error_type"): ("cancel", "wait", ""),
    ("archive", "kind"): ("chat", "notice", "action"),
}
_VERSIONS = frozenset({"schema_version", "bridge_schema_version"})

Rows = dict[str, list[dict[str, Any]]]


def _value(table: Table, column: Any, variant: str) -> object:
    if (table.name, column.name) in _WORDS:
        return _WORDS[table.name, column.name][VARIANTS.index(variant)]
    if column.name == "bridge":
        alone = [each.name for each in table.primary_key.columns] == ["bridge"]
        return f"{BRIDGE}-{variant}" if alone else BRIDGE
    if column.name == "secret":
        return False  # sealed ones have tests of their own
    kind = column.type
    if variant == "empty" and column.nullable:
        return None
    if isinstance(kind, Boolean):
        return variant == "odd"
    if isinstance(kind, BigInteger):
        return _LARGE[variant]
    if isinstance(kind, Integer):
        return _NUMBERS[variant]
    if isinstance(kind, Float):
        return _FLOATS[variant]
    if isinstance(kind, LargeBinary):
        return _OCTETS[variant]
    return _TEXTS[variant]


def fill(connection: Connection, series: str) -> Rows:
    """Three rows in every table of the core, or of a kind of bridge; what is in them."""
    prefix = "" if series == "core" else f"{series}_"
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name.startswith(prefix) and name not in _VERSIONS)
    filled: Rows = {}
    for table in metadata.sorted_tables:
        rows = [
            {column.name: _value(table, column, variant) for column in table.columns} for variant in VARIANTS
        ]
        connection.execute(table.insert(), rows)
        filled[table.name] = rows
    return filled


def kept(connection: Connection, before: Rows) -> Rows:
    """The same rows and columns as they are now, in any order."""
    metadata = MetaData()
    metadata.reflect(connection, only=list(before))
    found: Rows = {}
    for name, rows in before.items():
        table = metadata.tables[name]
        columns = [table.c[column] for column in rows[0]]
        found[name] = [dict(row._mapping) for row in connection.execute(select(*columns))]
    return found


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - _VERSIONS
