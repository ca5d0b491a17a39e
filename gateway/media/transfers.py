"""How many files may be on their way at a time: of one user, and of all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.media.refusals import Cause, refused
from gateway.model import Condition


@dataclass(slots=True)
class _Line:
    """One user's transfers: those under way hold the semaphore, others wait for it."""

    turns: asyncio.Semaphore
    people: int = field(default=0)


class Transfers:
    """``per_user`` and ``total`` are under way at a time; of one user's at most ``waiting`` more wait for a turn."""

    def __init__(self, *, per_user: int, total: int, waiting: int = 50) -> None:
        self._per_user = per_user
        self._most = per_user + waiting
        self._all = asyncio.Semaphore(total)
        self._lines: dict[str, _Line] = {}

    def allow(self, *, per_user: int, total: int) -> None:
        """So many from now on. Those under way, and those who wait, finish as they began, and are not counted."""
        waiting = self._most - self._per_user
        self._per_user = per_user
        self._most = per_user + waiting
        self._all = asyncio.Semaphore(total)
        self._lines = {}

    @asynccontextmanager
    async def turn(self, user: str) -> AsyncIterator[None]:
        """Wait for one's turn. Raises ``MediaError`` if too many of the user's files wait already."""
        line = self._lines.setdefault(user, _Line(asyncio.Semaphore(self._per_user)))
        if line.people >= self._most:
            raise refused(
                "Too many of your files are on their way; send it again when they have arrived.",
                Condition.RESOURCE_CONSTRAINT,
                Cause.TOO_MANY,
            )
        line.people += 1
        try:
            # Own turn first: who waits for himself must not keep others from theirs.
            async with line.turns, self._all:
                yield
        finally:
            line.people -= 1
            if not line.people and self._lines.get(user) is line:
                del self._lines[user]
