"""biboumi's database (9.0, SQLite or PostgreSQL), read only: its rows as values.

Known from looking at databases that it wrote. Options that an older biboumi had no column for are absent from its tables,
and from the rows.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

_FETCHED = 500  # rows at a time
Options = Mapping[str, object]


class CannotRead(Exception):
    """The argument is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the archive. ``time`` is in Unix seconds, ``text`` one line, ``/me`` included."""

    id: str
    owner: str
    channel: str
    server: str
    time: int
    nick: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Everything:
    """All but the archive. The options are columns by name, without the underscore at their end."""

    common: tuple[Options, ...]
    servers: tuple[Options, ...]
    channels: tuple[Options, ...]
    roster: tuple[tuple[str, str], ...]  # our JID, the user's
    lines: int  # in the archive


class Tables:
    """An open database."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def everything(self) -> Everything:
        """Raises ``CannotRead``."""
        commands: dict[object, list[str]] = {}
        for row in await self._rows("after_connection_commands_"):
            commands.setdefault(row["fk"], []).append(str(row["afterconnectioncommand"] or ""))
        servers = await self._rows("ircserveroptions_")
        counted = await self._connection.execute(text("SELECT count(*) FROM muclogline_"))
        return Everything(
            tuple(await self._rows("globaloptions_")),
            tuple({**row, "commands": "\n".join(commands.get(row["id"], ()))} for row in servers),
            tuple(await self._rows("ircchanneloptions_")),
            tuple((str(row["local"]), str(row["remote"])) for row in await self._rows("roster")),
            int(counted.scalar_one()),
        )

    async def _rows(self, table: str) -> list[dict[str, object]]:
        # In the order of writing: of two rows for one thing biboumi goes by the first.
        order = "" if table == "roster" else " ORDER BY id_"
        result = await self._connection.execute(text(f"SELECT * FROM {table}{order}"))
        return [
            {name.removesuffix("_"): value for name, value in row._mapping.items()} for row in result.all()
        ]

    async def archive(self) -> AsyncIterator[Line]:
        """All that was said, in the order it was written down. Raises ``CannotRead``."""
        # One channel after the other, so that each is written together.
        query = (
            "SELECT uuid_, owner_, ircchanname_, ircservername_, date_, nick_, body_ FROM muclogline_ "
            "ORDER BY owner_, ircservername_, ircchanname_, id_"
        )
        async with self._connection.stream(text(query).execution_options(yield_per=_FETCHED)) as result:
            async for row in result:
                id_, owner, channel, server, time, nick, body = row
                if isinstance(time, int):
                    where = (str(owner or ""), str(channel or ""), str(server or ""))
                    yield Line(str(id_ or ""), *where, time, str(nick or ""), str(body or ""))


@asynccontextmanager
async def reading(place: str) -> AsyncIterator[Tables]:
    """Open ``place``, a file or ``postgresql://...``, as biboumi's ``db_name`` has it. Raises ``CannotRead``."""
    shown = place.rpartition("@")[2]  # without a password
    try:
        engine = create_async_engine(_url(place))
    except (ArgumentError, ImportError) as error:
        raise CannotRead(
            f"{shown} cannot be opened as a database: give biboumi's db_name, a file or postgresql://..."
        ) from error
    try:
        async with engine.connect() as connection:
            yield Tables(connection)
    except (SQLAlchemyError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise CannotRead(f"{shown} cannot be read as a database of biboumi's: {cause}") from None
    finally:
        await engine.dispose()


def _url(place: str) -> str:
    scheme, found, rest = place.partition("://")
    if found and scheme in ("postgresql", "postgres"):
        return f"postgresql+asyncpg://{rest}"
    path = Path(place)
    if not path.is_file():
        raise CannotRead(f"{path} is not there: give the file that biboumi's db_name names.")
    return f"sqlite+aiosqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true"
