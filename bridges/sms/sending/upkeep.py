"""What time does to messages: reports are waited for no longer, or belong to nothing; rows are not needed any more."""

import structlog

from bridges.sms.sending.entries import Swept, Waited
from bridges.sms.sending.ledger import Ledger
from bridges.sms.sending.pace import Pace
from bridges.sms.sending.store import Sendings
from gateway.bridge import Clock, NotStored

log = structlog.get_logger(__name__)


class Upkeep:
    def __init__(self, sendings: Sendings, ledger: Ledger, clock: Clock, pace: Pace) -> None:
        self._sendings = sendings
        self._ledger = ledger
        self._clock = clock
        self._pace = pace

    async def run(self) -> None:
        while True:
            await self._clock.sleep(self._pace.sweep)
            try:
                await self.once()
            except NotStored as error:
                log.warning("messages cannot be looked after just now", error=str(error))

    async def once(self) -> None:
        """Raises ``NotStored``."""
        now = self._clock.now()
        while overdue := await self._sendings.overdue(now):
            for noted in [self._ledger.note(Waited(message, n)) for message, n in overdue]:
                await noted
        await self._ledger.note(Swept(now - self._pace.early))
        more = True
        while more:
            async with self._ledger.closed():
                more = await self._sendings.sweep(now - self._pace.keep)
