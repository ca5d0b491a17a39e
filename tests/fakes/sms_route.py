"""A way to the network that does what the test says: ``bridges.sms.traffic.Route`` without a network."""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bridges.sms.traffic import (
    Accepted,
    Away,
    Inbound,
    Intake,
    Outcome,
    Report,
    Seen,
    Stage,
    Submission,
    Turn,
    Unfit,
    Ways,
)
from gateway.bridge import Finding, Verdict
from gateway.model import Refused
from tests.waiting import DEADLINE


class Silence:
    """No outcome until the send is cancelled."""


#: What one send comes to: an outcome; an error that it raises; silence; or a function that makes the outcome, perhaps later.
Step = Outcome | Exception | Silence | Callable[[Submission, int], Outcome | Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Written:
    """A piece that was written to the network, in the order of writing, whatever came of it."""

    submission: Submission
    piece: int
    id: str  # the one that it has or would have had


class FakeRoute:
    """``steps`` are taken one for each send, and ``always`` when there are none left; else pieces are accepted with ids
    ``<name>-1``, ``-2`` ... (or of ``ids``). ``each`` is the number of characters of one piece, 0 for one piece in all;
    ``apart`` gives each recipient a piece instead."""

    def __init__(
        self,
        name: str = "fake",
        ways: Ways | None = None,
        *,
        each: int = 0,
        apart: bool = False,
        window: int = 1_000_000,
        ids: Callable[[int], str] | None = None,
    ) -> None:
        self._name = name
        self._ways = ways if ways is not None else Ways()
        self.idempotent = self._ways.idempotent
        self.each = each
        self.apart = apart
        self._window = asyncio.Semaphore(window)
        self._numbers = itertools.count(1)
        self._id = ids if ids is not None else lambda number: f"{name}-{number}"
        self._open = asyncio.Event()
        self._open.set()
        self._begun = asyncio.Event()
        self._changed = asyncio.Condition()
        self.steps: deque[Step] = deque()
        self.always: Step | None = None
        self.away = ""  # why nothing can be written, if so
        self.unfit: Refused | None = None
        self.written: list[Written] = []
        self.turns = 0  # that were given
        self.turned: Callable[[], None] = lambda: None  # is called at each
        self.most = 0  # sends at the same time
        self._sending = 0
        self.intake: Intake | None = None  # while it runs
        self.callbacks = ""
        self.trouble: Sequence[str] = ()  # what ``trial`` finds
        self.headers: Mapping[str, str] | None = None

    # The seam

    @property
    def name(self) -> str:
        return self._name

    @property
    def ways(self) -> Ways:
        return replace(self._ways, idempotent=self.idempotent)

    def pieces(self, submission: Submission) -> int:
        if self.unfit is not None:
            raise Unfit(self.unfit)
        if self.apart:
            return len(submission.recipients)
        return max(1, -(-len(submission.text) // self.each)) if self.each else 1

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        if self.away:
            raise Away(self.away)
        async with self._window:
            await self._open.wait()
            self.turns += 1
            self.turned()
            yield _Turn(self)

    async def run(self, intake: Intake) -> None:
        self.intake = intake
        self._begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if self.intake is intake:
                self.intake = None
                self._begun.clear()

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        return self.headers

    def seen(self) -> Seen:
        return Seen(not self.away, self.away, callbacks=self.callbacks)

    async def trial(self) -> Sequence[str]:
        return self.trouble

    async def examined(self) -> Sequence[Finding]:
        found = [Finding(Verdict.FAIL, each, f"route {self._name}") for each in self.trouble]
        return found or [Finding(Verdict.OK, "It answers.", f"route {self._name}")]

    # For tests

    def hold(self) -> None:
        """Give no turns, until ``release``."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    async def running(self) -> Intake:
        """Wait until it runs; where it brings what comes from the network."""
        await asyncio.wait_for(self._begun.wait(), DEADLINE)
        assert self.intake is not None
        return self.intake

    @property
    def texts(self) -> list[tuple[str, int]]:
        """What was written, as (text of the message, piece)."""
        return [(each.submission.text, each.piece) for each in self.written]

    async def until(self, count: int) -> Written:
        """Wait until so many pieces have been written; gives the last of them."""
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(lambda: len(self.written) >= count)
        return self.written[count - 1]

    def report(
        self,
        written: Written,
        stage: Stage,
        *,
        id: str | None = None,
        recipient: str | None = None,
        reference: str = "",
        code: str = "",
        why: Refused | None = None,
    ) -> Report:
        """News of a piece, as this network would tell them; ``id`` and ``recipient`` are the true ones if not given."""
        return Report(
            self._name,
            stage,
            written.id if id is None else id,
            reference,
            written.submission.recipients[written.piece if self.apart else 0]
            if recipient is None
            else recipient,
            code,
            why,
        )

    async def tell(self, report: Report) -> None:
        await (await self.running()).reported(report)

    async def received(self, inbound: Inbound) -> None:
        await (await self.running()).received(inbound)

    def accept(self) -> Accepted:
        """For steps before which others are to come: the last piece is accepted."""
        return Accepted(self.written[-1].id)

    async def write(self, submission: Submission, piece: int) -> Outcome:
        written = Written(submission, piece, self._id(next(self._numbers)))
        self._sending += 1
        self.most = max(self.most, self._sending)
        try:
            async with self._changed:
                self.written.append(written)
                self._changed.notify_all()
            return await self._outcome(written)
        finally:
            self._sending -= 1

    async def _outcome(self, written: Written) -> Outcome:
        step = self.steps.popleft() if self.steps else self.always
        if step is None:
            return Accepted(written.id)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Silence):
            outcome: Outcome = await asyncio.get_running_loop().create_future()
            return outcome
        if not callable(step):
            return step
        made = step(written.submission, written.piece)
        return await made if isinstance(made, Awaitable) else made


class _Turn:
    """``bridges.sms.traffic.Turn``."""

    def __init__(self, route: FakeRoute) -> None:
        self._route = route
        self._used = False

    async def send(self, submission: Submission, piece: int) -> Outcome:
        assert not self._used, "a turn is for one piece"
        self._used = True
        return await self._route.write(submission, piece)


def later(until: asyncio.Event, outcome: Outcome) -> Step:
    """This outcome, once the event is set."""

    async def wait() -> Outcome:
        await until.wait()
        return outcome

    return lambda submission, piece: wait()
