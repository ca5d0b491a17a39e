"""Migration 7: archives of private chats, and what archived messages are besides their text.

Old messages are deleted archive by archive now, so that the index on nothing but the time is not needed any more: writing a
message costs no more than before.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_STATEMENTS = (
    "ALTER TABLE archives ADD COLUMN peer TEXT",
    "ALTER TABLE archive ADD COLUMN extra TEXT",
    "DROP INDEX archive_by_time",
)


async def apply(connection: AsyncConnection) -> None:
    for statement in _STATEMENTS:
        await connection.execute(text(statement))
