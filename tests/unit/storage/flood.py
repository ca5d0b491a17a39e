"""A child process for the kill test: writes as fast as it can and prints every contact after its commit."""

import asyncio
import sys

from sqlalchemy import insert

from gateway.clock import SystemClock
from gateway.storage.database import Database, opened
from gateway.storage.schema import subscriptions


async def _write(database: Database, writer: int) -> None:
    number = 0
    while True:
        contact = f"{writer}-{number}."
        values = {"bridge": "irc", "owner": "a", "contact_local": contact, "state": "none", "pending": ""}
        await database.write(insert(subscriptions), values)
        print(contact, flush=True)
        number += 1


async def main(url: str) -> None:
    async with opened(url, clock=SystemClock()) as database:
        await asyncio.gather(*(_write(database, writer) for writer in range(20)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
