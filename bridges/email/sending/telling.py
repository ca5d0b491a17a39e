"""Who has to know what became of a mail is told: once, in order, and again if we may have ended before it was noted."""

import asyncio

import structlog

from bridges.email.sending.outcome import News
from bridges.email.sending.rows import Owed
from bridges.email.sending.store import Sendings
from gateway.bridge import Cancellable, Clock, NotStored

log = structlog.get_logger(__name__)

_BATCH = 200
_MOST_AWAY = 500  # owners in one question to the database


class Teller:
    """Takes from the tables what is owed, whichever part of sending made it so. ``run`` is its life, held by the caller."""

    def __init__(self, sendings: Sendings, news: News, clock: Clock, again: float = 300.0) -> None:
        """``again``: seconds after which those who could not be told are tried once more."""
        self._sendings = sendings
        self._news = news
        self._clock = clock
        self._again = again
        self._away: set[str] = set()
        self._wake = asyncio.Event()
        self._timer: Cancellable | None = None

    def look(self) -> None:
        """There may be something to tell."""
        self._wake.set()

    def present(self, owner: str) -> None:
        """This one can be told now."""
        self._away.discard(owner)
        self._wake.set()

    async def run(self) -> None:
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while await self._tell_some():
                    pass
            except NotStored as error:
                log.warning("what became of mails cannot be read or noted just now", error=str(error))
                self._away.clear()
                await self._clock.sleep(5.0)
                self._wake.set()
            else:
                self._later()

    def _later(self) -> None:
        if self._away and self._timer is None:
            self._timer = self._clock.call_later(self._again, self._once_more)

    def _once_more(self) -> None:
        self._timer = None
        self._away.clear()
        self._wake.set()

    async def _tell_some(self) -> bool:
        """Whether there may be more."""
        if len(self._away) > _MOST_AWAY:
            return False
        owed = await self._sendings.owed(_BATCH, self._away)
        told = []
        try:
            for each in owed:
                if await self._tell(each):
                    told.append(each)
        finally:
            if told:
                await self._sendings.told(told)
        return bool(owed)

    async def _tell(self, owed: Owed) -> bool:
        if owed.owner in self._away:
            return False  # what comes after it waits too: news of a mail comes in order
        try:
            told = await self._news.outcome(
                owed.owner, owed.mail, owed.line_ids, owed.recipient, owed.outcome
            )
        except NotStored:
            raise
        except Exception:
            log.exception("news of a mail cannot be told", mail=owed.mail)
            told = False
        if not told:
            self._away.add(owed.owner)
        return told
