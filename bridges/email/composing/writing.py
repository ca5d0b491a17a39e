"""What becomes of one message of the user: a line of the mail that is being written, of a new one, a change, or a command.

Every step is a job of its user's desk and one commit. Only after it the ticket is done: from then on the line is ours to
lose.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from bridges.email.composing import subjects
from bridges.email.composing.choosing import to_all
from bridges.email.composing.cleaning import body
from bridges.email.composing.drafts import NO_DETAILS, Details, Draft, DraftState, KeptFile, Line, LineState
from bridges.email.composing.fetching import Fetching
from bridges.email.composing.finishing import new_id
from bridges.email.composing.places import Author, Letterhead, Limits, Place, Said
from bridges.email.composing.posting import Desk, Posting
from bridges.email.composing.threads import Statement
from bridges.email.composing.windows import Window
from gateway.model import Attachment, Condition, Refused

_LONGEST = 1000  # of ids and addresses that clients give
_QUOTED = 20_000  # of the text of a message that we do not know

#: The ids of a line, or why it is none.
Outcome = Sequence[str] | Refused


def _refused(text: str, condition: Condition = Condition.NOT_ACCEPTABLE) -> Refused:
    return Refused(condition, text)


_UNREGISTERED = _refused(
    "Your message was not sent: register at this gateway first.", Condition.REGISTRATION_REQUIRED
)
_EMPTY = _refused("Your message was not sent: it is empty.")
_NOTHING = _refused("Nothing waits to be sent to this address.")
_UNKNOWN = _refused("That message is not known here, so it cannot be changed.", Condition.ITEM_NOT_FOUND)
_SENT = _refused("That mail was already sent, and mail cannot be changed. Send a correction mail.")
_NOT_SENT = _refused("That message was not sent, so there is nothing to change. Write it again.")
_TAKEN_BACK = _refused("That mail was already sent, and mail cannot be taken back.")


@dataclass(frozen=True, slots=True)
class Request:
    """One message of the user, and the name under which it may come again; empty: it will not."""

    owner: str
    place: Place
    said: Said
    reference: str


class Writing:
    """All of it raises ``NotStored``; then nothing has happened."""

    def __init__(
        self,
        desk: Desk,
        posting: Posting,
        fetching: Fetching,
        letterhead: Callable[[], Letterhead],
        limits: Callable[[], Limits],
        chance: Random,
    ) -> None:
        self._desk = desk
        self._posting = posting
        self._fetching = fetching
        self._letterhead = letterhead
        self._limits = limits
        self._random = chance

    async def take(self, request: Request) -> Outcome:
        """The ids of the line, once it is safe."""
        known = await self._desk.drafts.by_reference(request.reference) if request.reference else None
        if known is not None:
            return () if known.state is LineState.COMMAND else (known.id,)
        author = await self._desk.authors.author(request.owner)
        if author is None:
            return _UNREGISTERED
        if request.said.replaces:
            return await self._correct(request)
        command = None if request.said.attachments else _COMMANDS.get(request.said.text.strip().lower())
        if command is not None:
            return await command(self, request)
        return await self._add(request, author)

    # -- lines -------------------------------------------------------------------------------------------------

    async def _add(self, request: Request, author: Author) -> Outcome:
        said = request.said
        text = body(said.text).strip("\n")
        if not text.strip() and not said.attachments and said.calendar is None:
            return _EMPTY
        if refused := self._too_much(text, said.attachments):
            return refused
        window = self._desk.windows.current(request.owner, request.place.key)
        lines = await self._desk.drafts.lines(window.id) if window is not None else ()
        closed = window if window is not None and not self._joins(request, text, window, lines) else None
        if window is None or closed is not None:
            if sum(1 for _ in self._desk.windows.of(request.owner)) >= self._limits().drafts:
                return _refused(
                    "Too many of your mails wait for files or an answer of yours; write to fewer people at a time.",
                    Condition.RESOURCE_CONSTRAINT,
                )
            return await self._begin(request, author, text, closed)
        line = self._line(request, window.id, lines[-1].number + 1 if lines else 0, text)
        touched = self._desk.drafts.touch(window.id, DraftState.OPEN, line.time)
        await self._desk.tables.write(touched, self._desk.drafts.add(line))
        self._desk.windows.touch(window, DraftState.OPEN)
        self._fetching.start(window, line)
        return (line.id,)

    async def _begin(self, request: Request, author: Author, text: str, closed: Window | None) -> Outcome:
        """The first line of a new mail, with which the one that was open is closed."""
        now = self._desk.clock.now()
        silence = self._limits().silence if author.silence is None else max(0.0, author.silence)
        draft = Draft(
            id=new_id(self._random, 16),
            owner=request.owner,
            place=request.place.key,
            recipients=request.place.recipients,
            thread=request.place.thread,
            message_id=self._letterhead().message_id(new_id(self._random)),
            opened=now,
            touched=now,
            silence=silence,
            state=DraftState.OPEN if silence > 0 and request.said.calendar is None else DraftState.CLOSED,
        )
        line = self._line(request, draft.id, 0, text)
        statements: list[Statement] = [self._desk.drafts.open(draft), self._desk.drafts.add(line)]
        if closed is not None:
            statements.append(self._desk.drafts.touch(closed.id, DraftState.CLOSED, now))
        await self._desk.tables.write(*statements)
        if closed is not None:
            self._posting.now(closed)
        window = Window.of(draft)
        self._fetching.start(window, line)
        self._desk.windows.add(window)
        return (line.id,)

    def _too_much(self, text: str, attachments: Sequence[Attachment]) -> Refused | None:
        if len(text) > self._limits().characters:
            return _refused(
                f"Your message was not sent: it is longer than the {self._limits().characters:,} characters of one mail."
            )
        if len(attachments) > self._limits().files:
            return _refused(f"Your message was not sent: a mail can have {self._limits().files} files.")
        return None

    def _joins(self, request: Request, text: str, window: Window, lines: Sequence[Line]) -> bool:
        """Whether a message belongs to the mail that is being written. Not if it is for other people or about something
        else, and not if the mail would become too big."""
        said, place = request.said, request.place
        if {each.folded for each in window.recipients} != {each.folded for each in place.recipients}:
            return False
        files = sum(len(each.files) for each in lines) + len(said.attachments)
        characters = sum(len(each.text) for each in lines) + len(text)
        if (
            said.calendar is not None
            or len(lines) >= self._limits().lines
            or characters > self._limits().characters
            or files > self._limits().files
        ):
            return False
        # Only the beginning of a mail can say that it goes to all.
        if lines and to_all(text)[0]:
            return False
        written = [each for each in lines if each.text]
        if not written:
            return True  # files so far: the text that goes with them comes after them, and says what there is to say
        return not subjects.given(text)[0] and _same(_details(said), [each.details for each in written])

    def _line(self, request: Request, draft: str, number: int, text: str, corrects: str = "") -> Line:
        said = request.said
        return Line(
            reference=request.reference or f"once:{new_id(self._random)}",
            owner=request.owner,
            id=new_id(self._random, 16),
            draft=draft,
            number=number,
            time=self._desk.clock.now(),
            text=text,
            corrects=corrects,
            details=NO_DETAILS if corrects else _details(said),
            files=tuple(_wanted(each) for each in said.attachments),
        )

    # -- changes -----------------------------------------------------------------------------------------------

    async def _correct(self, request: Request) -> Outcome:
        target = await self._target(request.owner, request.said.replaces)
        if target is None:
            return _UNKNOWN
        if target.state is not LineState.OPEN:
            return _SENT if target.state is LineState.SENT else _NOT_SENT
        text = body(request.said.text).strip("\n")
        if not text.strip() and not target.files:
            return _EMPTY
        if refused := self._too_much(text, ()):
            return refused
        # The correction is a message of its own, of which there may be news; its words are in the line that it corrects.
        line = self._line(request, target.draft, target.number, "", corrects=target.id)
        drafts = self._desk.drafts
        window = self._desk.windows.get(target.draft)
        state = window.state if window is not None else DraftState.OPEN
        touched = drafts.touch(target.draft, state, line.time)
        await self._desk.tables.write(drafts.change(target, text), drafts.add(line), touched)
        if window is not None:
            self._desk.windows.touch(window, state)
        return (line.id,)

    async def retract(self, owner: str, line_id: str) -> Refused | None:
        """Take a line out of a mail that is being written."""
        target = await self._target(owner, line_id)
        if target is None:
            return _UNKNOWN
        if target.state is LineState.SENT:
            return _TAKEN_BACK
        window = self._desk.windows.get(target.draft)
        if target.state is LineState.OPEN and window is not None:
            await self._posting.withdraw(window, target)
        return None

    async def _target(self, owner: str, line_id: str) -> Line | None:
        """The line itself, whichever version of it is meant."""
        found = await self._desk.drafts.by_id(owner, line_id[:_LONGEST])
        if found is not None and found.corrects:
            return await self._desk.drafts.by_id(owner, found.corrects)
        return found

    # -- commands ----------------------------------------------------------------------------------------------

    async def _send(self, request: Request) -> Outcome:
        windows = self._desk.windows.of_place(request.owner, request.place.key)
        if not windows:
            return _NOTHING
        now, drafts = self._desk.clock.now(), self._desk.drafts
        closing = [drafts.touch(each.id, DraftState.CLOSED, now) for each in windows]
        await self._desk.tables.write(*closing, self._command(request))
        for each in windows:
            self._posting.now(each)
        return ()

    async def _cancel(self, request: Request) -> Outcome:
        windows = self._desk.windows.of_place(request.owner, request.place.key)
        if not windows:
            return _NOTHING
        await self._posting.cancel(windows, self._command(request))
        self._desk.voice.notice(request.owner, request.place.key, "Cancelled: nothing was sent.")
        return ()

    def _command(self, request: Request) -> Statement:
        """So that the same command that comes again is not a second one."""
        said = Request(request.owner, request.place, Said(), request.reference)
        return self._desk.drafts.add(replace(self._line(said, "", 0, ""), state=LineState.COMMAND))


_COMMANDS = {".send": Writing._send, ".cancel": Writing._cancel}


def _details(said: Said) -> Details:
    reply, calendar = said.reply, said.calendar
    return Details(
        reply=reply.id[:_LONGEST] if reply else "",
        reply_author=reply.author[:_LONGEST] if reply else "",
        reply_text=reply.text[:_QUOTED] if reply else "",
        thread=said.thread[:_LONGEST],
        subject=said.subject[:_LONGEST],
        method=calendar.method if calendar else "",
        calendar=calendar.data if calendar else "",
    )


def _same(new: Details, written: Sequence[Details]) -> bool:
    """Whether a message answers what the others answer, and is about what they are about. One that says nothing of it is."""

    def first(name: str) -> str:
        return next((value for each in written if (value := getattr(each, name))), "")

    if new.reply and new.reply != first("reply"):
        return False
    if new.subject and new.subject != first("subject"):
        return False
    return not (new.thread and first("thread") and new.thread != first("thread"))


def _wanted(attachment: Attachment) -> KeptFile:
    return KeptFile(
        url=attachment.url,
        name=attachment.name[:_LONGEST],
        media_type=attachment.media_type[:_LONGEST],
        size=attachment.size,
        sha256=attachment.sha256[:64],
    )
