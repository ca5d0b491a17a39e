"""Whether the database can be written: what its writer meets, and where nothing is to be written, a try now and then. And
whether it is still the file at its place, for one that was moved away takes all that is written, and nobody finds it again.

So a database that is gone is noticed in the quiet of the night, and one that is back as soon as it is.
"""

from typing import Protocol

from gateway.bridge import Clock
from gateway.ops.health import Health
from gateway.storage.errors import StorageError

KEY = "database"
PLACE = "place of the database"
#: Seconds between two tries where nothing was committed in between, and while there is trouble.
QUIET = 30.0
TROUBLED = 2.0


class Written(Protocol):
    """``gateway.storage.database.Database``, as it is seen here."""

    @property
    def commits(self) -> int:
        """Since the start."""

    async def in_place(self) -> None:
        """Raises ``StorageError`` if it is not where it was opened any more."""

    async def probe(self) -> None:
        """Write something that changes nothing. Raises ``StorageError``."""


class DatabaseWatch:
    """``trouble`` is told by the writer. It is looked ``haste`` times as often as usual."""

    def __init__(self, database: Written, health: Health, clock: Clock, haste: float = 1.0) -> None:
        self._database = database
        self._health = health
        self._clock = clock
        self._haste = haste
        self._troubled = False
        self._away = False

    def trouble(self, error: StorageError | None) -> None:
        """What keeps the writer from writing; None: nothing any more."""
        self._troubled = error is not None
        if error is None:
            self._health.clear(KEY)
        else:
            self._health.report(KEY, str(error))

    async def run(self) -> None:
        """For ever."""
        seen = -1
        while True:
            await self._clock.sleep((TROUBLED if self._troubled or self._away else QUIET) / self._haste)
            await self._see()
            if self._troubled or self._database.commits == seen:
                await self._try()
            seen = self._database.commits

    async def _see(self) -> None:
        try:
            await self._database.in_place()
        except StorageError as error:
            self._away = True
            self._health.report(PLACE, str(error))
        else:
            self._away = False
            self._health.clear(PLACE)

    async def _try(self) -> None:
        try:
            await self._database.probe()
        except StorageError as error:
            self.trouble(error)
