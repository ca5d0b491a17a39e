"""From messages to mails: the door of this package.

    message -> a commit -> its ticket is done -> the window ends -> a file on disk -> a commit -> the outbox has it

Calls return at once; what they ask for is done in order, for each user on a desk of its own. What is written is in the
tables from the first message on, so that a start goes on where a crash ended.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog

from bridges.email.composing.choosing import Chooser
from bridges.email.composing.desks import Desks
from bridges.email.composing.drafts import Drafts, Line
from bridges.email.composing.fetching import Fetching
from bridges.email.composing.files import Files
from bridges.email.composing.finishing import Finisher
from bridges.email.composing.outgoing import Outbox
from bridges.email.composing.places import Authors, Letterhead, Limits, Place, Said, Voice
from bridges.email.composing.posting import Desk, Posting
from bridges.email.composing.threads import Threads
from bridges.email.composing.windows import Window, Windows
from bridges.email.composing.writing import Request, Writing
from gateway.bridge import Contained, NotStored, Services, Ticket
from gateway.model import ChatState, Condition, ErrorType, Refused

_log = structlog.get_logger(__name__)

_RETRY, _DAY = 5.0, 86_400.0
_NOT_STORED = Refused(
    Condition.INTERNAL_SERVER_ERROR,
    "The gateway cannot store your message just now. It tries again.",
    ErrorType.WAIT,
)
_BROKEN = Refused(
    Condition.INTERNAL_SERVER_ERROR,
    "Your message was not sent: the gateway failed at it. Its operator finds the reason in the log.",
    ErrorType.CANCEL,
)


class Composer:
    """``run`` must run for anything to happen; what is asked before waits for it. ``services.directory`` gets the
    directories ``drafts``, which is ours alone, and ``outbound``, whose files are the outbox's from ``Outbox.submit`` on."""

    def __init__(
        self,
        services: Services,
        threads: Threads,
        outbox: Outbox,
        authors: Authors,
        voice: Voice,
        letterhead: Letterhead,
        limits: Limits,
    ) -> None:
        self._clock = services.clock
        self._letterhead = letterhead
        self._limits = limits

        def ours() -> Letterhead:
            return self._letterhead

        def bounds() -> Limits:
            return self._limits

        self._files = Files(services.directory / "drafts")
        self._windows = Windows(services.clock, bounds, self._due)
        self._desk = Desk(
            tables=services.tables,
            drafts=Drafts(services.tables, services.name),
            threads=threads,
            authors=authors,
            voice=voice,
            clock=services.clock,
            desks=Desks(),
            windows=self._windows,
            files=self._files,
            verbosity=services.verbosity,
            bridge=services.name,
        )
        finisher = Finisher(
            self._desk.drafts,
            Chooser(threads, bounds),
            ours,
            bounds,
            drafts_at=self._files,
            outbound=Files(services.directory / "outbound"),
            chance=services.random,
        )
        self._posting = Posting(self._desk, finisher, outbox)
        self._fetching = Fetching(self._desk, self._posting, services.media, bounds)
        self._writing = Writing(self._desk, self._posting, self._fetching, ours, bounds, services.random)

    def reconfigure(self, letterhead: Letterhead, limits: Limits) -> None:
        """These hold from now on; a mail that is begun keeps its window."""
        self._letterhead = letterhead
        self._limits = limits

    @property
    def busy(self) -> bool:
        """Whether something is being done just now, or nothing can be done yet; what waits for its time does not count."""
        return self._desk.desks.busy

    def _due(self, window: Window) -> None:
        self._posting.due(window)

    # -- what users do -----------------------------------------------------------------------------------------

    def write(self, owner: str, place: Place, said: Said, ticket: Ticket) -> None:
        """A message, a correction (``Said.replaces``) or a command (``.send``, ``.cancel``) of ``owner`` in a chat. The
        ticket is done once it is safe, with the id of the line: news of it goes by that name."""
        request = Request(owner, place, said, ticket.reference)
        self._desk.desks.post(owner, partial(self._write, request, ticket))

    def retract(self, owner: str, line_id: str, ticket: Ticket) -> None:
        """Take a message back; refused once its mail is sent."""
        self._desk.desks.post(owner, partial(self._retract, owner, line_id, ticket))

    def typing(self, owner: str, place: str, state: ChatState) -> None:
        """What the user is doing in the chat with the key ``place``."""
        window = self._windows.current(owner, place)
        if window is not None:
            self._windows.typed(window, state)

    def ready(self, owner: str) -> None:
        """The user's session is here: what became of messages meanwhile is told, and what had to wait is tried again."""
        self._posting.tell(owner)
        self._windows.retry(owner)

    async def forget(self, owner: str) -> None:
        """The user is gone, and so are the user's rows: nothing that was being written is sent."""
        for window in list(self._windows.of(owner)):
            self._windows.drop(window)
            try:
                await self._files.drop_of(window.id)
            except OSError as error:
                _log.warning("files of a draft could not be deleted", reason=str(error))

    async def _write(self, request: Request, ticket: Ticket) -> None:
        outcome: Sequence[str] | Refused = _BROKEN
        with Contained(_log, "a message could not be made part of a mail"):
            try:
                outcome = await self._writing.take(request)
            except NotStored as error:
                _log.warning("a message could not be stored", reason=str(error))
                outcome = _NOT_STORED
        if isinstance(outcome, Refused):
            ticket.refused(outcome)
        else:
            ticket.done(outcome)

    async def _retract(self, owner: str, line_id: str, ticket: Ticket) -> None:
        try:
            refused = await self._writing.retract(owner, line_id)
        except NotStored as error:
            _log.warning("a message could not be taken back", reason=str(error))
            refused = _NOT_STORED
        if refused is not None:
            ticket.refused(refused)
        else:
            ticket.done()

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Take up what was being written, then serve until cancelled."""
        while True:
            try:
                await self._restore()
                break
            except (NotStored, OSError) as error:
                _log.warning("drafts cannot be read", reason=str(error))
                await self._clock.sleep(_RETRY)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._desk.desks.serve())
            group.create_task(self._sweep())

    async def _restore(self) -> None:
        drafts = await self._desk.drafts.drafts()
        lines = await self._desk.drafts.unfinished()
        await self._files.sweep([file.path for each in lines for file in each.files if file.path])
        for draft in drafts:
            window = Window.of(draft)
            mine = [each for each in lines if each.draft == draft.id]
            self._desk.desks.post(draft.owner, partial(self._resume, window, mine))
            self._windows.restore(window)

    async def _resume(self, window: Window, lines: list[Line]) -> None:
        for line in lines:
            self._fetching.start(window, line)

    async def _sweep(self) -> None:
        """Once a day, forget what nobody asks about any more."""
        while True:
            before = self._clock.now() - self._limits.memory
            try:
                await self._desk.threads.sweep(before)
                await self._desk.tables.write(self._desk.drafts.sweep(before))
            except NotStored as error:
                _log.warning("old mails could not be forgotten", reason=str(error))
            await self._clock.sleep(_DAY)
