"""What time does to mails that are sent: it takes long, it is given up, rows and files are not needed any more."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from bridges.email.sending.files import Files
from bridges.email.sending.outcome import Kind
from bridges.email.sending.ready import Ready
from bridges.email.sending.schedule import Schedule
from bridges.email.sending.store import Sendings
from gateway.bridge import Clock, NotStored

log = structlog.get_logger(__name__)

_STRANGERS_EVERY = 24 * 3600.0
_UNREACHED = "The mail server could not be reached."


class Upkeep:
    def __init__(
        self,
        sendings: Sendings,
        files: Files,
        ready: Ready,
        look: Callable[[], None],
        clock: Clock,
        schedule: Schedule,
        lane: str,
    ) -> None:
        """``look``: called when there may be something to tell."""
        self._sendings = sendings
        self._files = files
        self._ready = ready
        self._look = look
        self._clock = clock
        self._schedule = schedule
        self._lane = lane
        self._strangers_at = 0.0

    async def run(self) -> None:
        while True:
            try:
                await self.once()
            except NotStored as error:
                log.warning("mails that wait cannot be looked after just now", error=str(error))
            except OSError as error:
                log.error("the directory of mails cannot be used", error=str(error))
            await self._clock.sleep(self._schedule.sweep)

    async def once(self) -> None:
        """Raises ``NotStored`` and ``OSError``."""
        now = self._clock.now()
        for row, said in await self._sendings.hopeless(self._lane, now - self._schedule.give_up):
            if self._ready.discard(row):
                text = f"Given up. {said.text or _UNREACHED}"
                await self._sendings.reach(row, replace(said, kind=Kind.FAILED, status="4.4.7", text=text))
        for row, said in await self._sendings.slow(self._lane, now - self._schedule.warn):
            await self._sendings.delay(row, replace(said, kind=Kind.DELAYED, text=said.text or _UNREACHED))
        self._look()
        if self._lane:
            return  # what is everybody's is the care of the first queue
        await self._sendings.forget(now - self._schedule.keep)
        await self._files.sweep()
        if now >= self._strangers_at:
            self._strangers_at = now + _STRANGERS_EVERY
            await self._files.sweep_strangers(now)
