"""What the machine must have for the gateway to go on, and to start again: room on its disks, the key file, a clock that
does not jump, and time for us.

Each is looked at in a loop of its own, so that a disk that does not answer holds up nothing else.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from gateway.bridge import Clock
from gateway.bridge.steps import STEP, Steps
from gateway.ops.health import Health
from gateway.ops.lasting import lasting
from gateway.secrets import SecretBox, SecretError
from gateway.texts import Text

_log = structlog.get_logger(__name__)

_MB = 1_000_000
#: Of the places that are looked at, the one without which no message can be kept.
DATABASE = "storage.database"
#: Seconds between two looks.
LOOK = 5.0
#: Seconds for which a jump of the clock is told, and for which it is told that the loop was held up.
JUMP_TOLD = 900.0
LAG_TOLD = 60.0
#: Seconds between two looks at the loop, and by which one may be late.
BEAT = 1.0
LATE = 2.0


class DiskWatch:
    """``places`` are files or directories, each with what is kept there; ``least`` gives the bytes that are to be free, 0
    for any. ``free`` gives the bytes that are, and may raise ``OSError``."""

    def __init__(
        self,
        places: Iterable[tuple[str, Path]],
        least: Callable[[], float],
        health: Health,
        clock: Clock,
        look: float = LOOK,
        free: Callable[[Path], float] | None = None,
    ) -> None:
        self._free = free or _free
        self._places = tuple(places)
        self._least = least
        self._health = health
        self._clock = clock
        self._pause = look

    async def run(self) -> None:
        """For ever."""
        while True:
            for what, path in self._places:
                await self._look(what, path)
            await self._clock.sleep(self._pause)

    async def _look(self, what: str, path: Path) -> None:
        key = f"room for {what}"
        least = self._least()
        try:
            free = await asyncio.to_thread(self._free, path)
        except OSError as error:
            text = Text(
                "{path} ({what}) cannot be looked at: {reason}. See that its disk is there.",
                path=path,
                what=what,
                reason=error.strerror or error,
            )
            self._health.report(key, text, hard=False)
            return
        if free >= least:
            self._health.clear(key)
            return
        if free < _MB:
            # A quiet gateway writes nothing, and would not know.
            text = Text(
                "No room is left at {path} ({what}): what has to be kept there is refused until there is some.",
                path=path,
                what=what,
            )
            self._health.report(key, text, hard=what == DATABASE)
            return
        text = Text(
            "Less than {number} MB are free at {path} ({what}): free some space, before nothing can be kept.",
            number=round(least / _MB),
            path=path,
            what=what,
        )
        self._health.report(key, text, hard=False)


def _free(path: Path) -> float:
    """Bytes that we may use."""
    # What is not there yet will be made in the nearest directory that is.
    there = next((each for each in (path, *path.parents) if each.exists()), Path("/"))
    found = os.statvfs(there)
    return found.f_bavail * found.f_frsize


class KeyWatch:
    """Whether the gateway could start again with the key that it has."""

    KEY = "key file"

    def __init__(self, path: Path, box: SecretBox, health: Health, clock: Clock, look: float = LOOK) -> None:
        self._path = path
        self._box = box
        self._health = health
        self._clock = clock
        self._pause = look

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._look()
            await self._clock.sleep(self._pause)

    async def _look(self) -> None:
        try:
            found = await asyncio.to_thread(SecretBox.load, self._path)
        except SecretError as error:
            self._report(f"{error}")
            return
        if found.same_key(self._box):
            self._health.clear(self.KEY)
        else:
            text = Text(
                "The key file {path} holds another key: put back the one that belongs to the database.",
                path=self._path,
            )
            self._report(text)

    def _report(self, what: str) -> None:
        text = Text(
            "{what} All goes on with the key in memory, but the gateway could not start again.", what=what
        )
        self._health.report(self.KEY, text, hard=False)


class ClockWatch:
    """Whether the time of day jumps. What lasts is measured otherwise; but times of messages are what they are."""

    KEY = "clock"

    def __init__(self, health: Health, clock: Clock, look: float = LOOK) -> None:
        self._health = health
        self._clock = clock
        self._pause = look
        self._steps = Steps(clock)
        self._true = self._steps.offset  # before the first jump that is still told
        self._until = 0.0

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._clock.sleep(self._pause)
            self.look()

    def look(self) -> None:
        jump, offset = self._steps.taken(), self._steps.offset
        if jump:
            self._until = self._clock.monotonic() + JUMP_TOLD
            _log.warning("the clock was set", seconds=round(jump, 1))
            text = (
                Text(
                    "The clock of this machine was set forward by {time}: messages may bear wrong times. "
                    "See that it is kept right (timedatectl).",
                    time=lasting(jump),
                )
                if jump > 0
                else Text(
                    "The clock of this machine was set back by {time}: messages may bear wrong times. "
                    "See that it is kept right (timedatectl).",
                    time=lasting(-jump),
                )
            )
            self._health.report(self.KEY, text, hard=False)
        if abs(offset - self._true) <= STEP or self._clock.monotonic() >= self._until:
            self._true = offset
            self._health.clear(self.KEY)


class LoopWatch:
    """Whether the loop comes round in time. For ``told`` seconds it is said that it did not."""

    KEY = "loop"

    def __init__(self, health: Health, clock: Clock, told: float = LAG_TOLD) -> None:
        self._health = health
        self._clock = clock
        self._told = told
        self.lag = 0.0  # seconds that the last beat was late

    async def run(self) -> None:
        """For ever."""
        told_until = 0.0
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(BEAT)
            now = self._clock.monotonic()
            self.lag = max(0.0, now - before - BEAT)
            if self.lag > LATE:
                told_until = now + self._told
                text = Text(
                    "The gateway was held up for seconds: look whether this machine has too much to do."
                )
                self._health.report(self.KEY, text, hard=False)
                _log.warning("the loop was held up", seconds=round(self.lag, 1))
            elif now >= told_until:
                self._health.clear(self.KEY)
