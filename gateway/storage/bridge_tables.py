"""The gateway's database as bridges have it for tables of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, Row

from gateway.bridge import Values
from gateway.storage.database import Database


class BridgeTables:
    """``gateway.bridge.Tables``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def dialect(self) -> str:
        return self._database.dialect

    async def write(self, *statements: tuple[Executable, Values], patience: float = 0.0) -> int:
        return await self._database.write_all(statements, patience)

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        return await self._database.read(statement, values)
