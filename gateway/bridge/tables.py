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


#: Which files rows name, as (bridge, path below ``Services.directory``). A backup has no row without its file.
NamedFiles = Callable[[AsyncConnection], Awaitable[frozenset[tuple[str, str]]]]
#: What is to be done to a database that comes from a backup, at a time in Unix seconds: whatever waits to go out may have
#: gone out since, so it must not; whoever wrote it is to be told that nobody knows. Gives how many messages that were.
Settle = Callable[[AsyncConnection, float], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables as they are today, and how a database gets there: numbered from 1 without gaps. ``secrets`` are columns,
    as (table, column), that are shown to nobody. Tables of messages that go out need ``settle``, and rows that name files
    need ``files``."""

    metadata: MetaData
    migrations: tuple[Migration, ...]
    secrets: frozenset[tuple[str, str]] = frozenset()
    files: NamedFiles | None = None
    settle: Settle | None = None


class Tables(Protocol):
    """All of it raises ``NotStored`` if the database cannot be used; then nothing of it was written."""

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``; both spell ``INSERT ... ON CONFLICT`` alike, in classes of their own."""

    async def write(self, *statements: tuple[Executable, Values], patience: float = 0.0) -> int:
        """Statements that succeed or fail together; returns after their commit, with the number of rows touched. What is
        written in one turn of the loop shares a commit. What nobody is kept waiting for may have ``patience``: so many
        seconds (a hundredth is much) in which a commit that somebody needs at once can take it along."""

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        """All rows of a query, as of the last commit."""


class NoTables:
    """``Tables`` of a bridge that has none."""

    dialect = "none"

    async def write(self, *statements: tuple[Executable, Values], patience: float = 0.0) -> int:
        raise NotStored("This bridge has no tables.")

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        raise NotStored("This bridge has no tables.")
