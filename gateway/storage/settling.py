"""What waits to go out in a database that comes from a backup: the time in between is not known to it, so all of it may
have gone out since. It is told to those who wrote it, and never sent."""

from sqlalchemy import false, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.storage.schema import deliveries

_WHY = (
    "The gateway was restored from a backup that was made before it had sent your message: nobody knows whether it went out "
    "since. Ask, or send it again."
)


async def settle(connection: AsyncConnection, now: float) -> int:
    """``gateway.bridge.Settle`` of the ledger. What comes from networks is left as it is: who was told something twice
    sees that it is the same, and who was not would never know."""
    waiting = (
        update(deliveries)
        .where(deliveries.c.inbound == false(), deliveries.c.active == true(), deliveries.c.state == "queued")
        .values(
            state="unknown",
            condition="remote-server-timeout",
            error_type="wait",
            reason=_WHY,
            handed=False,
            changed=now,
        )
    )
    return (await connection.execute(waiting)).rowcount
