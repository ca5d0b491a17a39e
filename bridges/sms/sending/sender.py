"""All that sends, as the rest of the bridge sees it: give it a message, bring it reports, let it live."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from sqlalchemy import Executable

from bridges.sms.sending.book import Book
from bridges.sms.sending.carrying import Carrier, Choosing
from bridges.sms.sending.dispatcher import Dispatcher
from bridges.sms.sending.entries import Interrupted, Reported, Taken
from bridges.sms.sending.ledger import Ledger
from bridges.sms.sending.messages import (
    Concatenations,
    Known,
    Message,
    News,
    Outgoing,
    Standing,
    message_id,
)
from bridges.sms.sending.pace import Pace, step
from bridges.sms.sending.states import PieceState
from bridges.sms.sending.store import Sendings
from bridges.sms.sending.telling import Teller
from bridges.sms.sending.upkeep import Upkeep
from bridges.sms.traffic import NotTaken, Report, Stage, Submission
from gateway.bridge import Clock, NotStored, Tables, Values, Verbosity

log = structlog.get_logger(__name__)


class Sender:
    """``run`` is its life, held by the caller; messages and reports may come before. ``trouble`` is told what the operator
    has to see to, as (route, text)."""

    def __init__(
        self,
        tables: Tables,
        bridge: str,
        choosing: Choosing,
        news: News,
        trouble: Callable[[str, str], None],
        *,
        clock: Clock,
        chance: random.Random,
        pace: Pace | None = None,
        verbosity: Verbosity | None = None,
    ) -> None:
        self._verbosity = verbosity = verbosity or Verbosity()
        self._bridge = bridge
        self._choosing = choosing
        self._clock = clock
        self._chance = chance
        self._pace = pace = pace if pace is not None else Pace()
        self._concatenations = Concatenations(chance)
        self._sendings = Sendings(tables, bridge)
        self._book = Book(clock.now, pace.unknown_wait)
        self._teller = Teller(self._sendings, news, clock, pace)
        self._ledger = Ledger(self._sendings, self._book, self._added, self._teller.add)
        carrier = Carrier(
            self._ledger,
            choosing,
            trouble,
            clock=clock,
            chance=chance,
            pace=pace,
            verbosity=verbosity,
            bridge=bridge,
        )
        self._dispatcher = Dispatcher(self._sendings, carrier, clock, pace)
        self._upkeep = Upkeep(self._sendings, self._ledger, clock, pace)
        # Submitted, and not committed yet: those that the dispatcher has, by their numbers, and how many others.
        self._ahead: set[int] = set()
        self._behind = 0
        self.reports: Counter[Stage] = Counter()  # since the start, of pieces

    # What others call

    def submit(
        self, outgoing: Outgoing, also: Sequence[tuple[Executable, Values]] = ()
    ) -> asyncio.Future[str]:
        """Take a message, and ``also`` if it is new: the id that we know it by, once it is committed; it will be sent then,
        after those of its conversation that were submitted before. Raises ``NotStored``: it will not."""
        now = self._clock.now()
        # Nothing overtakes what can be begun only after its commit.
        ahead = not self._behind and self._dispatcher.ready
        submission = Submission(
            message_id(self._bridge, outgoing, self._chance),
            outgoing.sender,
            outgoing.recipients,
            outgoing.text,
            self._concatenations.next(outgoing.sender, outgoing.recipients),
            outgoing.media,
            outgoing.validity,
        )
        if self._verbosity.debug:
            self._verbosity.call(submission.reference, [outgoing.reference], self._bridge)
        message = Message(
            submission.reference,
            self._book.next_number() if ahead else 0,
            outgoing.owner,
            outgoing.conversation,
            submission,
            now,
            outgoing.expires or now + self._pace.expire,
        )
        taken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        noted = self._ledger.note(Taken(message, also))
        if ahead:
            self._ahead.add(message.seq)
            self._dispatcher.ahead(message)
        else:
            self._behind += 1
        noted.add_done_callback(partial(self._taken, message, taken))
        return taken

    async def reported(self, report: Report) -> None:
        """For ``Intake.reported``: committed on return. Raises ``NotTaken``."""
        self.reports[report.stage] += 1
        try:
            await self._ledger.note(Reported(report))
        except NotStored as error:
            raise NotTaken(str(error)) from error

    def present(self, owner: str) -> None:
        """Who could not be told can be told now."""
        self._teller.present(owner)

    async def forget(self, owner: str) -> None:
        """Nothing of this user's is sent or told any more, and no row is left. Raises ``NotStored``."""
        self._dispatcher.forget(owner)
        async with self._ledger.closed():
            await self._sendings.forget(owner)

    async def state_of(self, id: str) -> Known | None:
        """What became of a message so far, None if nobody knows it (any more). Raises ``NotStored``."""
        return await self._sendings.known(id)

    async def standing(self) -> Standing:
        """Raises ``NotStored``."""
        states, oldest = await self._sendings.numbers()
        dispatcher, book = self._dispatcher, self._book
        return Standing(
            states,
            oldest,
            dispatcher.held,
            dispatcher.delayed,
            dispatcher.under_way,
            len(book.doubts),
            len(book.early),
            dispatcher.routes,
        )

    async def run(self) -> None:
        """Until cancelled; then what is under way has ``Pace.grace``."""
        async with asyncio.TaskGroup() as group:
            lives = (self._ledger.run(), self._teller.run(), self._upkeep.run())
            others = [group.create_task(each) for each in lives]
            try:
                await self._recover()
                await self._dispatcher.run()
            finally:
                for each in others:
                    each.cancel()

    # The beginning

    async def _recover(self) -> None:
        """What was being written when we ended may have been taken."""
        attempt = 0
        while True:
            try:
                for id, n, route, state in await self._ledger.begin():
                    if state is PieceState.WRITING:
                        way = self._choosing.route(route)
                        again = way is not None and way.ways.idempotent
                        await self._ledger.note(Interrupted(id, n, again))
            except NotStored as error:
                attempt += 1
                delay = step(self._pace.after_no_store, attempt)
                log.warning("messages cannot be read just now", error=str(error), seconds=delay)
                await self._clock.sleep(delay)
            else:
                return

    def _added(self, messages: Sequence[Message]) -> None:
        self._dispatcher.add([each for each in messages if each.seq not in self._ahead])

    def _taken(self, message: Message, taken: asyncio.Future[str], noted: asyncio.Future[object]) -> None:
        if message.seq not in self._ahead:
            self._behind -= 1
        else:
            self._ahead.remove(message.seq)
            if not noted.cancelled() and noted.exception() is not None:
                self._dispatcher.withdraw(message)
        if taken.done():
            return
        if noted.cancelled():
            taken.cancel()
            return
        error = noted.exception()
        if error is not None:
            taken.set_exception(error)
        else:
            taken.set_result(message.id)
