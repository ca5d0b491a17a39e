"""gammu-smsd as its tables show it, over the schema that Debian ships with it; a test says what it does."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from bridges.sms.gammu.parts import hexadecimal
from bridges.sms.gammu.settings import GammuRoute
from gateway.playground.unpacked import find
from tests.rig.postgres import Postgres

PHONE = "desk"
_SCHEMAS = "usr/share/doc/gammu-smsd/examples"

_FIRST = """
INSERT INTO sentitems ("ID", "SequencePosition", "CreatorID", "Text", "UDH", "DestinationNumber", "SenderID", "Status",
    "StatusCode")
SELECT "ID", 1, "CreatorID", '', coalesce("UDH", ''), "DestinationNumber", 'desk', :status, :code
FROM outbox WHERE "ID" = :id
"""
_REST = """
INSERT INTO sentitems ("ID", "SequencePosition", "CreatorID", "Text", "UDH", "DestinationNumber", "SenderID", "Status",
    "StatusCode")
SELECT p."ID", p."SequencePosition", o."CreatorID", '', coalesce(p."UDH", ''), o."DestinationNumber", 'desk', :status, :code
FROM outbox_multipart p, outbox o WHERE o."ID" = :id AND p."ID" = :id
"""
_BEGIN = """
INSERT INTO phones ("ID", "IMEI", "IMSI", "Client", "Send", "Receive", "NetName", "Signal")
VALUES (:phone, :imei, '', 'Gammu', :yes, :yes, 'Net', 42)
"""
_ARRIVE = """
INSERT INTO inbox ("Text", "SenderNumber", "UDH", "TextDecoded", "RecipientID", "Coding", "Class")
VALUES (:data, :sender, :header, :text, :phone, :coding, :kind)
"""


def make_sqlite(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(_schema("sqlite.sql"))


async def make_postgres(server: Postgres, name: str) -> None:
    await server.create(name)
    connection = await server.connect(name)
    try:
        # Every PostgreSQL of today has it.
        await connection.execute(_schema("pgsql.sql").replace("CREATE LANGUAGE plpgsql;", ""))
    finally:
        await connection.close()


def _schema(name: str) -> str:
    return (find("gammu-smsd").root / _SCHEMAS / name).read_text(encoding="utf-8")


class Daemon:
    """``route`` are the settings of a route by it."""

    def __init__(self, route: GammuRoute) -> None:
        self.route = route
        self._engine = create_async_engine(route.url, poolclass=NullPool)
        self._words = self._engine.dialect.name == "sqlite"
        self.no = "no" if self._words else False

    async def do(self, statement: str, **values: Any) -> list[Row[Any]]:
        async with self._engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []

    async def begin(self, phone: str = PHONE) -> None:
        await self.do(_BEGIN, phone=phone, imei=phone, yes="yes" if self._words else True)

    async def outbox(self) -> list[Row[Any]]:
        return await self.do('SELECT * FROM outbox ORDER BY "ID"')

    async def sent(self) -> list[Row[Any]]:
        return await self.do('SELECT * FROM sentitems ORDER BY "ID", "SequencePosition"')

    async def send(self, status: str = "SendingOK", code: int = -1) -> int:
        """Deal with the oldest text of the outbox; its number."""
        id = (await self.outbox())[0].ID
        await self.do(_FIRST, id=id, status=status, code=code)
        await self.do(_REST, id=id, status=status, code=code)
        await self.do('DELETE FROM outbox WHERE "ID" = :id', id=id)
        await self.do('DELETE FROM outbox_multipart WHERE "ID" = :id', id=id)
        return int(id)

    async def mark(self, id: int, position: int, status: str, code: int = -1) -> None:
        """A report came."""
        await self.do(
            'UPDATE sentitems SET "Status" = :status, "StatusError" = :code '
            'WHERE "ID" = :id AND "SequencePosition" = :position',
            id=id,
            position=position,
            status=status,
            code=code,
        )

    async def arrive(
        self,
        words: str,
        sender: str = "+13105550001",
        *,
        header: str = "",
        phone: str = PHONE,
        kind: int = -1,
    ) -> None:
        await self.do(
            _ARRIVE,
            data=hexadecimal(words),
            sender=sender,
            header=header,
            text=words,
            phone=phone,
            coding="Unicode_No_Compression",
            kind=kind,
        )

    async def processed(self) -> list[bool]:
        rows = await self.do('SELECT "Processed" FROM inbox ORDER BY "ID"')
        return [row.Processed in (True, "true") for row in rows]
