"""Owners hear what became of their messages: as it happened, once, and again only if we ended in between."""

import asyncio
from collections.abc import Sequence

import structlog

from bridges.sms.sending.messages import News, Tidings
from bridges.sms.sending.pace import Pace, step
from bridges.sms.sending.store import Sendings
from gateway.bridge import Cancellable, Clock, NotStored

log = structlog.get_logger(__name__)

_AT_ONCE = 500
_MOST_ABSENT = 5_000  # owners in one question to the database


class Teller:
    """``run`` is its life, held by the caller. What happens comes by ``add``; what was left to tell, by an earlier life or
    for somebody absent, is in the tables."""

    def __init__(self, sendings: Sendings, news: News, clock: Clock, pace: Pace) -> None:
        self._sendings = sendings
        self._news = news
        self._clock = clock
        self._pace = pace
        self._waiting: list[Tidings] = []
        self._read = True  # the tables have something that is not here
        self._late = False  # perhaps even what came after they were read
        self._absent: set[str] = set()
        self._something = asyncio.Event()
        self._something.set()
        self._alarm: Cancellable | None = None

    def add(self, tidings: Sequence[Tidings]) -> None:
        """News, committed, as it happened."""
        if self._read or len(self._waiting) >= self._pace.news:
            self._look()
        else:
            self._waiting.extend(tidings)
            self._something.set()

    def present(self, owner: str) -> None:
        """This one can be told now."""
        if owner in self._absent:
            self._absent.remove(owner)
            self._look()

    def _look(self) -> None:
        self._read = self._late = True
        self._waiting.clear()  # the tables have all of it
        self._something.set()

    async def run(self) -> None:
        faults = 0
        while True:
            await self._something.wait()
            self._something.clear()
            try:
                while len(self._absent) < _MOST_ABSENT and (self._read or self._waiting):
                    await self._round()
                    faults = 0
            except NotStored as error:
                faults += 1
                log.warning("what became of messages cannot be read or noted", error=str(error))
                await self._clock.sleep(step(self._pace.after_no_store, faults))
                self._look()
            if self._absent and self._alarm is None:
                self._alarm = self._clock.call_later(self._pace.tell_again, self._everybody)

    def _everybody(self) -> None:
        self._alarm = None
        self._absent.clear()
        self._look()

    async def _round(self) -> None:
        tidings, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        if not tidings:
            self._late = False
            tidings = await self._sendings.owed(_AT_ONCE, self._absent)
            self._read = bool(tidings) or self._late
        told: list[Tidings] = []
        try:
            for each in tidings:
                # What follows for somebody who cannot be told waits too, or it would come in another order.
                if each.owner not in self._absent:
                    if await self._tell(each):
                        told.append(each)
                    else:
                        self._absent.add(each.owner)
        finally:
            if told:
                await self._sendings.told(told)

    async def _tell(self, tidings: Tidings) -> bool:
        try:
            return await self._news.told(tidings)
        except NotStored:
            raise
        except Exception:
            log.exception("what became of a message cannot be told", message=tidings.id)
            return False
