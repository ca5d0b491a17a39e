"""What follows when somebody stops a number of ours otherwise than by a text: users are told; and answers that are owed.

``traffic.OptOut`` comes here, and so does whatever else the bridge learns of a provider's list (``Report.optout``).
"""

import asyncio
from random import Random

import structlog

from bridges.sms.addresses import Place, sender, wire
from bridges.sms.consent.ledger import Change, Ledger
from bridges.sms.receiving.delivering import Delivering
from bridges.sms.receiving.residents import Answering, Numbers
from bridges.sms.receiving.routing import Routing
from bridges.sms.receiving.rows import Delivery
from bridges.sms.receiving.store import Store
from bridges.sms.settings import OWN_ROUTE
from bridges.sms.traffic import NotTaken, OptOut
from gateway.bridge import BadAddress, Clock, NotStored
from gateway.model import MessageKind

log = structlog.get_logger(__name__)

_AGAIN = 30.0  # seconds after which an answer that could not be sent is tried again
_LOOK = 300.0


class Consent:
    """``receiving.intake.OptOuts``. ``run`` is its task. ``region`` is the country of numbers that bear none."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        numbers: Numbers,
        routing: Routing,
        delivering: Delivering,
        answering: Answering,
        clock: Clock,
        random: Random,
        region: str,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._numbers = numbers
        self._routing = routing
        self._delivering = delivering
        self._answering = answering
        self._clock = clock
        self._random = random
        self._region = region
        self._look = asyncio.Event()

    # -- what is said otherwise --------------------------------------------------------------------------------

    async def opted(self, optout: OptOut) -> None:
        """Returns once it is safe. Raises ``NotTaken``."""
        number = self._numbers.at(optout.ours, optout.route)
        if number is None and optout.route.startswith(OWN_ROUTE):
            return  # a user's own provider says nothing of others' numbers
        ours = number.number if number is not None else ""
        place = Place(number.region if number is not None and len(number.region) == 2 else self._region)
        try:
            await self.provider_says(ours, sender(optout.theirs, place), stopped=optout.stopped)
        except NotStored as error:
            raise NotTaken("The gateway's database cannot be written just now.") from error

    async def provider_says(self, ours: str, theirs: str, *, stopped: bool) -> None:
        """By its list, or by refusing a text: ``theirs`` (a party) will not have texts from a number of ours, or from any if
        that is empty. Raises ``NotStored``."""
        await self._settle(await self._ledger.opted(ours, theirs, stopped=stopped), ours, theirs)

    async def lift(self, ours: str, theirs: str) -> bool:
        """An operator says that somebody may be texted again; whether anything was in the way. Raises ``NotStored``."""
        change = await self._ledger.lift(ours, theirs)
        await self._settle(change, ours, theirs)
        return change is not None

    async def _settle(self, change: Change | None, ours: str, theirs: str) -> None:
        if change is None:
            return
        try:
            number = self._numbers.find(ours) if ours else None
            owners = (await self._routing.whose(number, theirs)).owners if number is not None else ()
            now = self._clock.now()
            id_ = f"consent-{int(now * 1e6):x}{self._random.getrandbits(32):08x}"
            told = [
                Delivery(owner, id_, now, theirs, ours, change.notice, MessageKind.NOTICE) for owner in owners
            ]
            await self._store.deliver(told, *change.statements)
        except BaseException:
            self._ledger.doubt()
            raise
        self._delivering.fresh(told)

    # -- answers -----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """An answer may be owed."""
        self._look.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._look.clear()
            try:
                wait = await self._answer_all()
            except NotStored as error:
                log.warning("answers to STOP cannot be sent just now", reason=str(error))
                wait = _AGAIN
            timer = self._clock.call_later(wait, self._look.set)
            try:
                await self._look.wait()
            finally:
                timer.cancel()

    async def _answer_all(self) -> float:
        """Seconds until it is worth looking again."""
        for optout in await self._ledger.owed():
            text = self._ledger.answer_to(optout)
            if text:
                try:
                    to = wire(optout.theirs)
                except BadAddress:
                    to = ""
                if to:
                    await self._answering.answer(optout.ours, optout.theirs, text, optout.answer)
            await self._ledger.answered(optout)
        return _LOOK
