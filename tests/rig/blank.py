"""Databases of today, made once a run and copied: a copy costs a tenth of what making one anew does, and no waiting for the
disk. Migrations have tests of their own."""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from gateway.bridge import Schema
from gateway.clock import SystemClock
from gateway.storage.database import opened


def lay(place: Path, kind: str = "", schema: Schema | None = None) -> str:
    """The URL of a database at ``place``: the one that is there, or an empty one, with the tables of a kind of bridge."""
    if not place.exists():
        place.write_bytes(_blank(kind, schema))
        place.chmod(0o600)
    return f"sqlite:///{place}"


@cache
def _blank(kind: str, schema: Schema | None) -> bytes:
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(1) as thread:
        place = Path(directory) / "blank.db"
        # In a thread, for whoever asks is in a loop already.
        thread.submit(asyncio.run, _make(place, kind, schema)).result()
        return place.read_bytes()


async def _make(place: Path, kind: str, schema: Schema | None) -> None:
    async with opened(f"sqlite:///{place}", clock=SystemClock()) as database:
        if schema is not None:
            await database.adopt(kind, schema, SystemClock())
