"""The end of a draft: it goes, it fails, or it is cancelled; and its user is told.

Every end is one commit, in which the mail becomes the outbox's and the draft ceases to be, or the draft ceases and what the
user is to be told is written down. Whatever dies in between, either nothing has happened or all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import structlog

from bridges.email.composing.desks import Desks
from bridges.email.composing.drafts import Drafts, DraftState, Line, LineState
from bridges.email.composing.files import Files
from bridges.email.composing.finishing import Finisher, Ready
from bridges.email.composing.outgoing import NotTaken, Outbox
from bridges.email.composing.places import Authors, Voice
from bridges.email.composing.threads import Statement, Threads
from bridges.email.composing.windows import Window, Windows
from gateway.bridge import Clock, Contained, NotStored, Tables, Verbosity
from gateway.model import Condition, ErrorType, Refused

_log = structlog.get_logger(__name__)

_MOST_NEWS = 500
_WITHDRAWN = "withdrawn"
_UNREGISTERED = Refused(
    Condition.REGISTRATION_REQUIRED,
    "Your mail was not sent: you are not registered at this gateway any more.",
)
_FORGOTTEN = Refused(
    Condition.NOT_ACCEPTABLE,
    "Your mail was not sent: one of its files was missing, and you did not say what to do. Write it again.",
)
_BROKEN = Refused(
    Condition.INTERNAL_SERVER_ERROR,
    "Your mail was not sent: the gateway failed at making it. Its operator finds the reason in the log.",
    ErrorType.CANCEL,
)


@dataclass(frozen=True, slots=True)
class Desk:
    """What all steps of composing share."""

    tables: Tables
    drafts: Drafts
    threads: Threads
    authors: Authors
    voice: Voice
    clock: Clock
    desks: Desks
    windows: Windows
    files: Files
    verbosity: Verbosity
    bridge: str  # as the log names it


class Posting:
    """Every coroutine here is a job of its user's desk."""

    def __init__(self, desk: Desk, finisher: Finisher, outbox: Outbox) -> None:
        self._desk = desk
        self._finisher = finisher
        self._outbox = outbox

    def due(self, window: Window) -> None:
        """The time of a window has come."""
        self._desk.desks.post(window.owner, lambda: self._end(window))

    def now(self, window: Window) -> None:
        """Nothing is added any more: it goes as soon as its files are here."""
        self._desk.windows.touch(window, DraftState.CLOSED)

    async def _end(self, window: Window) -> None:
        desk = self._desk
        if desk.windows.get(window.id) is not window or desk.windows.early(window):
            return
        if window.fetching:
            window.overdue = True
            return
        with Contained(_log, "a mail could not be made", draft=window.id) as making:
            try:
                if window.state is DraftState.HELD:
                    await self.fail(window, _FORGOTTEN)
                else:
                    await self._post(window)
            except (NotStored, OSError) as error:
                _log.warning("a mail has to wait", draft=window.id, reason=str(error))
                desk.windows.again(window)
        if making.fault is not None:
            await self._give_up(window)

    async def _give_up(self, window: Window) -> None:
        """For ever; unless the outbox broke when it had the mail already: then there is no draft any more."""
        try:
            if await self._desk.drafts.draft(window.id) is None:
                self._desk.windows.drop(window)
            else:
                await self.fail(window, _BROKEN)
        except NotStored:
            self._desk.windows.again(window)

    async def _post(self, window: Window) -> None:
        desk = self._desk
        draft = await desk.drafts.draft(window.id)
        lines = await desk.drafts.lines(window.id)
        if draft is None or not lines:
            await self._drop(window, lines)
            return
        author = await desk.authors.author(window.owner)
        if author is None:
            await self.fail(window, _UNREGISTERED)
            return
        ready = await self._finisher.finish(draft, lines, author, desk.clock.now())
        if isinstance(ready, Refused):
            await self.fail(window, ready)
            return
        closing = (
            desk.drafts.close(draft.id),
            desk.drafts.end_all(draft.id, LineState.SENT),
            desk.threads.remembering(ready.mail),
        )
        if desk.verbosity.debug:  # from now on it is known as the mail
            desk.verbosity.call(window.id, [each.reference for each in lines], desk.bridge)
        try:
            await self._outbox.submit(ready.finished, *closing)
        except NotTaken as error:
            await self.fail(window, error.refused)
            return
        await self._gone(window, lines, ready)

    async def _gone(self, window: Window, lines: Sequence[Line], ready: Ready) -> None:
        finished = ready.finished
        _log.info(
            "a mail is on its way",
            mail=window.id,
            lines=finished.line_ids,
            recipients=len(finished.recipients),
        )
        verbosity = self._desk.verbosity
        if verbosity.debug:
            verbosity.tell("message became a mail", window.id, self._desk.bridge, mail=window.id)
        self._desk.windows.drop(window)
        if ready.notes:
            self._desk.voice.notice(window.owner, window.place, " ".join(ready.notes))
        await self._clean(lines)

    async def _drop(self, window: Window, lines: Sequence[Line]) -> None:
        """There is nothing (left) in it."""
        await self._desk.tables.write(self._desk.drafts.close(window.id))
        self._desk.windows.drop(window)
        await self._clean(lines)

    # -- other ends --------------------------------------------------------------------------------------------

    async def fail(self, window: Window, why: Refused) -> None:
        """None of its lines will arrive. Raises ``NotStored``; then nothing has happened."""
        drafts = self._desk.drafts
        lines = await drafts.lines(window.id)
        failing = drafts.end_all(window.id, LineState.FAILED, why.text, why.condition)
        await self._desk.tables.write(failing, drafts.close(window.id))
        self._desk.windows.drop(window)
        await self._finisher.discard(window.id)
        await self._clean(lines)
        self.tell(window.owner)

    async def cancel(self, windows: Sequence[Window], *also: Statement) -> None:
        """By the user's own word. Raises ``NotStored``; then nothing has happened."""
        drafts = self._desk.drafts
        lines = [line for each in windows for line in await drafts.lines(each.id)]
        statements = [
            statement
            for each in windows
            for statement in (drafts.end_all(each.id, LineState.WITHDRAWN, _WITHDRAWN), drafts.close(each.id))
        ]
        await self._desk.tables.write(*statements, *also)
        for each in windows:
            self._desk.windows.drop(each)
        await self._clean(lines)
        self.tell(windows[0].owner)

    async def withdraw(self, window: Window, line: Line, *also: Statement) -> None:
        """One line, by the user's own word. Raises ``NotStored``; then nothing has happened."""
        await self._leave(window, line, self._desk.drafts.end(line, LineState.WITHDRAWN, _WITHDRAWN), *also)

    async def lose(self, window: Window, line: Line, why: Refused) -> bool:
        """A line's files cannot be had; the rest waits for the user's word. False if there is no rest. Raises ``NotStored``;
        then nothing has happened."""
        desk = self._desk
        failing = desk.drafts.end(line, LineState.FAILED, why.text, why.condition)
        held = desk.drafts.touch(window.id, DraftState.HELD, desk.clock.now())
        if rest := await self._leave(window, line, failing, held):
            desk.windows.touch(window, DraftState.HELD)
        return rest

    async def _leave(self, window: Window, line: Line, *statements: Statement) -> bool:
        """A line leaves its draft; an empty draft is none. Whether there is a rest."""
        drafts = self._desk.drafts
        rest = any(line.id not in (each.id, each.corrects) for each in await drafts.lines(window.id))
        await self._desk.tables.write(*statements, *(() if rest else (drafts.close(window.id),)))
        window.fetching.discard(line.reference)
        if not rest:
            self._desk.windows.drop(window)
        await self._clean((line,))
        self.tell(window.owner)
        return rest

    async def _clean(self, lines: Sequence[Line]) -> None:
        """What is left on disk is found at the next start."""
        try:
            await self._desk.files.drop([each.path for line in lines for each in line.files if each.path])
        except OSError as error:
            _log.warning("files of a draft could not be deleted", reason=str(error))

    # -- telling -----------------------------------------------------------------------------------------------

    def tell(self, owner: str) -> None:
        """Tell a user what there is to tell, now or when there is somebody to tell."""
        self._desk.desks.post(owner, lambda: self._tell(owner))

    async def _tell(self, owner: str) -> None:
        try:
            news = await self._desk.drafts.news(owner, _MOST_NEWS)
            kinds = sorted(news, key=_kind)
            told: list[str] = []
            for kind, group in groupby(kinds, key=_kind):
                lines = list(group)
                if self._say(owner, kind, [each.id for each in lines]):
                    told += [each.reference for each in lines]
            if told:
                await self._desk.tables.write(self._desk.drafts.told(told))
        except NotStored as error:
            # It is told again when the user's session comes again.
            _log.warning("a user could not be told what became of a mail", reason=str(error))

    def _say(self, owner: str, kind: tuple[str, str, str, str], line_ids: Sequence[str]) -> bool:
        _, state, condition, text = kind
        if state == LineState.WITHDRAWN:
            return self._desk.voice.withdrawn(owner, line_ids)
        return self._desk.voice.failed(owner, line_ids, Refused(Condition(condition), text))


def _kind(line: Line) -> tuple[str, str, str, str]:
    return line.draft, line.state, line.condition, line.news
