"""Tables of a bridge's own, in the gateway's database: for what is too much, or too closely knit, for ``Memory``.

Declared with SQLAlchemy Core, named after the bridge (``email_letters``), and made by the numbered migrations of its
``Plugin``. A table with the columns ``bridge`` (``Services.name``) and ``owner`` (``Account.user``) holds what is that
user's: the core shows it to that user and erases it at that user's word. Every table that grows is the bridge's to sweep.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Executable, MetaData, Row
from sqlalchemy.ext.asyncio import AsyncConnection

#: A statement's values: none, one set, or several sets of one statement.
Values = Mapping[str, object] | Sequence[Mapping[str, object]] | None


class NotStored(Exception):
    """The database cannot be used just now; the text is for operators and logs."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a schema, in a transaction of its own. ``apply`` uses SQLAlchemy's DDL and Core, so that SQLite and
    PostgreSQL both understand it; it must not commit."""

    number: int
    name: str
    apply: Callable[[AsyncConnection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables as they are today, and how a database gets there: numbered from 1 without gaps. ``secrets`` are columns,
    as (table, column), that are shown to nobody."""

    metadata: MetaData
    migrations: tuple[Migration, ...]
    secrets: frozenset[tuple[str, str]] = frozenset()


class Tables(Protocol):
    """All of it raises ``NotStored`` if the database cannot be used; then nothing of it was written."""

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``; both spell ``INSERT ... ON CONFLICT`` alike, in classes of their own."""

    async def write(self, *statements: tuple[Executable, Values]) -> int:
        """Statements that succeed or fail together; returns after their commit, with the number of rows touched. What is
        written in one turn of the loop shares a commit."""

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        """All rows of a query, as of the last commit."""


class NoTables:
    """``Tables`` of a bridge that has none."""

    dialect = "none"

    async def write(self, *statements: tuple[Executable, Values]) -> int:
        raise NotStored("This bridge has no tables.")

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        raise NotStored("This bridge has no tables.")
