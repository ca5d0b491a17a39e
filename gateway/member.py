"""One bridge of the fleet: one component after the other, never two at a time.

A component ends because it was asked to (a restart, the end) or because something failed; in the second case another one is
made after a pause that grows. Knows neither how components are made nor which other bridges there are.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from gateway.accounts.pacing import Backoff
from gateway.bridge import Clock
from gateway.ops.health import Health
from gateway.secrets import SecretError
from gateway.settings import BridgeSettings
from gateway.storage.errors import StorageError
from gateway.texts import Text
from gateway.xmpp.component import Component
from gateway.xmpp.link import LinkState, LinkStatus

_log = structlog.get_logger(__name__)

#: Seconds of a polite end, and what a component has that is cut off after that.
POLITE = 5.0
CUT_OFF = 1.0
#: Seconds that a restarted component takes at most to read from the database what was there.
_BEGIN = 60.0
_TRIED = frozenset({LinkState.UP, LinkState.DOWN, LinkState.REFUSED})


class CannotBegin(Exception):
    """The bridge was not started again; the argument says why."""


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a component is asked to end: in which words, and whether clients are told."""

    reason: str
    farewell: bool


class Member:
    """``settings`` are those that its component was made of, and what was changed since then; ``make`` makes one."""

    def __init__(
        self,
        settings: BridgeSettings,
        make: Callable[["Member"], Component],
        health: Health,
        clock: Clock,
        backoff: Backoff,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.component: Component | None = None  # None while there is none
        self.link = LinkStatus(LinkState.DOWN)
        self.failed = ""  # of what the last component failed, until another one has begun
        self.next_try: float | None = None  # when that is made, in Unix seconds
        self.tried = asyncio.Event()  # the link was tried, or there is nothing that could try it
        self._make = make
        self._health = health
        self._clock = clock
        self._backoff = backoff
        self._ever = False
        self._over = False
        self._restarting = asyncio.Lock()
        loop = asyncio.get_running_loop()
        self._begun: asyncio.Future[None] = loop.create_future()  # of the component that is next, or is there
        self._call: asyncio.Future[_Ending] = loop.create_future()  # that it is to end
        self._ended: asyncio.Future[None] = loop.create_future()

    @property
    def up(self) -> bool:
        """Whether the link to the XMPP server is up."""
        return self.component is not None and self.link.state is LinkState.UP

    @property
    def _key(self) -> str:
        return f"bridge {self.name}"

    # -- life --------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the first component. What that raises keeps the whole gateway from starting."""
        self.component = self._make(self)

    async def run(self) -> None:
        """Until ``end``. Raises what keeps the first component from beginning where that is not the bridge's own fault."""
        try:
            while not self._over:
                since = self._clock.monotonic()
                error = await self._one_life()
                if error is None:
                    continue
                if not self._ever and (fatal := _fatal(error)) is not None:
                    raise fatal
                _log.error("a bridge failed", bridge=self.name, exc_info=error)
                await self._pause(error, since)
        finally:
            self.tried.set()
            self._ended.set_result(None)

    async def _one_life(self) -> BaseException | None:
        """From making a component to its end; what it failed of, if it did."""
        life = asyncio.create_task(self._live(), name=f"bridge {self.name}")
        waited: list[asyncio.Future[None] | asyncio.Future[_Ending]] = [life, self._call]
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not life.done():
                await self._see_out(life)
        finally:
            self.component = None
            if not life.done():
                life.cancel()
                await asyncio.wait([life], timeout=CUT_OFF)
        call, self._call = self._call, asyncio.get_running_loop().create_future()
        if life.done() and not life.cancelled() and (error := life.exception()) is not None:
            return error
        if not call.done():
            return RuntimeError("the component ended without being asked to")
        return call.exception()

    async def _live(self) -> None:
        self.component = self.component or self._make(self)
        await self.component.run(self._has_begun)

    async def _see_out(self, life: asyncio.Task[None]) -> None:
        """Ask for a polite end, and wait for it as long as is polite."""
        if self.component is None:
            return
        ending = _Ending("The bridge is started again.", farewell=False)
        if self._call.exception() is None:
            ending = self._call.result()
        closing = asyncio.create_task(self.component.close(ending.reason, farewell=ending.farewell))
        await asyncio.wait([closing, life], timeout=POLITE)
        if not (closing.done() and life.done()):
            _log.warning("a bridge does not end in time, and is cut off", bridge=self.name, seconds=POLITE)
            closing.cancel()
            await asyncio.wait([closing], timeout=CUT_OFF)
        elif (error := closing.exception()) is not None:
            _log.error("a bridge did not end politely", bridge=self.name, exc_info=error)

    def _has_begun(self) -> None:
        self._ever = True
        self.failed = ""
        self._health.clear(self._key)
        if not self._begun.done():
            self._begun.set_result(None)

    async def _pause(self, error: BaseException, since: float) -> None:
        """Until the next one is made, or somebody is impatient."""
        self.tried.set()
        self._backoff.stood(self._clock.monotonic() - since)
        delay = self._backoff.next()
        _log.info("a bridge is started again", bridge=self.name, seconds=round(delay, 1))
        text = Text(
            "The bridge {bridge} failed ({reason}). It is started again by itself; the log tells more.",
            bridge=self.name,
            reason=cause(error),
        )
        self._health.report(self._key, text, bridge=self.name)
        self.failed, self.next_try = cause(error), self._clock.now() + delay
        if not self._begun.done():
            self._begun.set_exception(CannotBegin(cause(error)))
            self._begun.exception()  # nobody has to ask
        pause = asyncio.Event()
        timer = self._clock.call_later(delay, pause.set)
        self._call.add_done_callback(lambda _: pause.set())
        try:
            await pause.wait()
        finally:
            timer.cancel()
            self.next_try = None
        if self._call.done():
            self._call.exception()  # whose ever it was is gone
            self._call = asyncio.get_running_loop().create_future()

    # -- what others want --------------------------------------------------------------------------------------

    def link_changed(self, status: LinkStatus) -> None:
        self.link = status
        if status.state in _TRIED:
            self.tried.set()

    def fault(self, error: Exception) -> None:
        """Something that the component cannot do without has failed: it is made anew."""
        if not self._call.done():
            self._call.set_exception(error)

    async def restart(self, reason: str) -> None:
        """Returns when there is another component, which has read what was there. Raises ``CannotBegin``."""
        async with self._restarting:
            if self._over:
                raise CannotBegin("it is being ended")
            begun = self._begun = asyncio.get_running_loop().create_future()
            if not self._call.done():
                self._call.set_result(_Ending(reason, farewell=False))
            try:
                async with asyncio.timeout(_BEGIN):
                    await asyncio.shield(begun)
            except TimeoutError:
                raise CannotBegin(f"it takes more than {_BEGIN:.0f} seconds, and may come yet") from None

    async def end(self, reason: str, *, farewell: bool) -> None:
        """For good; ``run`` returns."""
        self._over = True
        if not self._call.done():
            self._call.set_result(_Ending(reason, farewell))
        await asyncio.wait([self._ended])


def leaves(error: BaseException) -> Iterator[BaseException]:
    """What is in a group of groups of exceptions."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error


def cause(error: BaseException) -> str:
    """What failed, in one line: a sentence where it is an error of ours, else what the log can be searched for."""
    first = next(leaves(error))
    return str(first) if isinstance(first, StorageError | SecretError) else type(first).__name__


def _fatal(error: BaseException) -> BaseException | None:
    """What concerns all bridges, though each meets it."""
    return next((each for each in leaves(error) if isinstance(each, StorageError | SecretError)), None)
