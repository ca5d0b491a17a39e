"""The tables of mail and backups of them: which files rows name, and what becomes of mail that waits in a database that
comes from a backup. It may have been sent since, so it is not sent again, and its users are told."""

import json

from sqlalchemy import delete, select, union_all, update
from sqlalchemy import literal_column as literal
from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.email.composing.drafts import DRAFTS, LINES, LineState
from bridges.email.receiving.arrivals import RAWS
from bridges.email.sending.outcome import Kind
from bridges.email.sending.rows import MAILS, RECIPIENTS
from gateway.model import Condition

_WHY = (
    "It was restored from a backup that was made before this mail was sent: nobody knows whether it went out since. Ask, or "
    "send it again."
)


async def named_files(connection: AsyncConnection) -> frozenset[tuple[str, str]]:
    """``gateway.bridge.NamedFiles``."""
    found: set[tuple[str, str]] = set()
    mails = union_all(
        select(MAILS.c.bridge, MAILS.c.file, literal("'outbound'").label("place")).where(MAILS.c.file != ""),
        select(RAWS.c.bridge, RAWS.c.file, literal("'inbound'")).where(RAWS.c.file != ""),
    )
    for row in await connection.execute(mails):
        found.add((row.bridge, f"{row.place}/{row.file}"))
    drafts = select(LINES.c.bridge, LINES.c.files).where(LINES.c.state == LineState.OPEN, LINES.c.files != "")
    for row in await connection.execute(drafts):
        found.update((row.bridge, f"drafts/{each['path']}") for each in json.loads(row.files) if each["path"])
    return frozenset(found)


async def settle(connection: AsyncConnection, now: float) -> int:
    """``gateway.bridge.Settle``. Lines that are still being written count too: their mail is sent when its window ends."""
    mails = (
        update(RECIPIENTS)
        .where(RECIPIENTS.c.state == Kind.WAITING.value)
        .values(
            state=Kind.FAILED.value,
            owed=True,
            code=0,
            status="4.4.7",  # RFC 3463 §3.5: not within the time that there was
            text=_WHY,
            remote_host="The gateway",
        )
    )
    lines = (
        update(LINES)
        .where(LINES.c.state == LineState.OPEN)
        .values(
            state=LineState.FAILED,
            text="",
            details="",
            files="",
            news=f"The gateway says: {_WHY}",
            condition=Condition.REMOTE_SERVER_TIMEOUT,
        )
    )
    count = (await connection.execute(mails)).rowcount + (await connection.execute(lines)).rowcount
    await connection.execute(delete(DRAFTS))
    return count
