"""The tables of what is being written: drafts, and the lines of which they consist.

A line is kept after its mail has gone, without its text: what is handed to us twice is known by it, and what is corrected
too late. Knows tables; when a draft becomes a mail is decided elsewhere. Every method that is not a coroutine makes a
statement, for whoever commits several together.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Float, Index, Integer, Row, Table, Text, delete, insert, select, update

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing.threads import Statement
from bridges.email.schema import METADATA
from gateway.bridge import Tables

DRAFTS = Table(
    "email_drafts",
    METADATA,
    *(Column(name, Text, primary_key=True) for name in ("bridge", "id")),
    Column("owner", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened", Float, nullable=False),
    Column("touched", Float, nullable=False),
    Column("silence", Float, nullable=False),
    Index("email_drafts_by_owner", "bridge", "owner"),
)
LINES = Table(
    "email_draft_lines",
    METADATA,
    *(Column(name, Text, primary_key=True) for name in ("bridge", "reference")),
    Column("owner", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("draft", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("corrects", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON: answered mail, thread, subject, calendar
    Column("files", Text, nullable=False),  # JSON
    Column("news", Text, nullable=False),  # what the user is still to be told of it
    Column("condition", Text, nullable=False),
    Column("time", Float, nullable=False),
    Index("email_draft_lines_by_id", "bridge", "owner", "id"),
    Index("email_draft_lines_by_draft", "bridge", "draft", "number"),
    Index("email_draft_lines_by_time", "bridge", "time"),
)


class DraftState(StrEnum):
    OPEN = "open"  # more can be written
    CLOSED = "closed"  # goes as soon as its files are here
    HELD = "held"  # a file is missing: the user was asked


class LineState(StrEnum):
    OPEN = "open"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    COMMAND = "command"  # never was part of a mail


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail that is being written. ``id`` becomes the mail's. ``place`` is the folded mailbox of a contact, or a room's
    key; ``recipients`` who was to get it when it was begun. Times are Unix seconds, ``silence`` is in seconds."""

    id: str
    owner: str
    place: str
    recipients: tuple[Mailbox, ...]
    message_id: str
    opened: float
    touched: float
    silence: float
    thread: str = ""  # a room's; else it is chosen at the end
    state: DraftState = DraftState.OPEN


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a line: where it is to be fetched, or what it is, once ``path`` is not empty: a name in the directory of
    drafts."""

    url: str
    name: str
    media_type: str
    size: int | None = None
    sha256: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """What a line is besides text and files."""

    reply: str = ""  # the id of what is answered
    reply_author: str = ""
    reply_text: str = ""
    thread: str = ""
    subject: str = ""
    method: str = ""  # of an iTIP message
    calendar: str = ""


NO_DETAILS = Details()


@dataclass(frozen=True, slots=True)
class Line:
    """One message of the user. ``corrects`` is the id of the line that it changed; its own text is empty then."""

    reference: str
    owner: str
    id: str
    draft: str
    number: int
    time: float
    text: str = ""
    corrects: str = ""
    details: Details = NO_DETAILS
    files: tuple[KeptFile, ...] = ()
    state: LineState = LineState.OPEN
    news: str = ""
    condition: str = ""


class Drafts:
    """Reading raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str) -> None:
        self._tables = tables
        self._bridge = bridge

    # -- reading -----------------------------------------------------------------------------------------------

    async def drafts(self) -> Sequence[Draft]:
        """All that are not sent yet, oldest first."""
        mine = select(DRAFTS).where(DRAFTS.c.bridge == self._bridge).order_by(DRAFTS.c.opened)
        return [_draft(row) for row in await self._tables.read(mine)]

    async def draft(self, id_: str) -> Draft | None:
        """None for one that is no more."""
        rows = await self._tables.read(select(DRAFTS).where(*self._is(id_)))
        return _draft(rows[0]) if rows else None

    async def by_reference(self, reference: str) -> Line | None:
        return await self._one(LINES.c.reference == reference)

    async def by_id(self, owner: str, id_: str) -> Line | None:
        return await self._one(LINES.c.owner == owner, LINES.c.id == id_)

    async def lines(self, draft: str) -> Sequence[Line]:
        """Those that are to be in the mail, in order."""
        return await self._lines(LINES.c.draft == draft, LINES.c.state == LineState.OPEN)

    async def unfinished(self) -> Sequence[Line]:
        """The lines of all drafts."""
        return await self._lines(LINES.c.state == LineState.OPEN)

    async def news(self, owner: str, limit: int) -> Sequence[Line]:
        """Lines of which the user is still to be told something."""
        return (await self._lines(LINES.c.owner == owner, LINES.c.news != ""))[:limit]

    async def _one(self, *conditions: Any) -> Line | None:
        found = await self._lines(*conditions)
        return found[0] if found else None

    async def _lines(self, *conditions: Any) -> Sequence[Line]:
        rows = await self._tables.read(
            select(LINES).where(LINES.c.bridge == self._bridge, *conditions).order_by(LINES.c.number)
        )
        return [_line(row) for row in rows]

    # -- writing -----------------------------------------------------------------------------------------------

    def open(self, draft: Draft) -> Statement:
        return insert(DRAFTS).values(
            bridge=self._bridge,
            id=draft.id,
            owner=draft.owner,
            place=draft.place,
            recipients=json.dumps([each.exact for each in draft.recipients]),
            thread=draft.thread,
            message_id=draft.message_id,
            state=draft.state,
            opened=draft.opened,
            touched=draft.touched,
            silence=draft.silence,
        ), None

    def touch(self, draft: str, state: DraftState, now: float) -> Statement:
        return update(DRAFTS).where(*self._is(draft)).values(state=state, touched=now), None

    def close(self, draft: str) -> Statement:
        """There is no such draft any more."""
        return delete(DRAFTS).where(*self._is(draft)), None

    def add(self, line: Line) -> Statement:
        return insert(LINES).values(
            bridge=self._bridge,
            reference=line.reference,
            owner=line.owner,
            id=line.id,
            draft=line.draft,
            number=line.number,
            state=line.state,
            corrects=line.corrects,
            text=line.text,
            details="" if line.details == NO_DETAILS else json.dumps(asdict(line.details)),
            files=_dumped(line.files),
            news=line.news,
            condition=line.condition,
            time=line.time,
        ), None

    def change(self, line: Line, text: str) -> Statement:
        return update(LINES).where(*self._open(line)).values(text=text), None

    def files(self, line: Line, files: Sequence[KeptFile]) -> Statement:
        return update(LINES).where(*self._open(line)).values(files=_dumped(files)), None

    def end(self, line: Line, state: LineState, news: str = "", condition: str = "") -> Statement:
        """The line, and what corrected it, is in no draft any more."""
        mine = (LINES.c.id == line.id) | (LINES.c.corrects == line.id)
        return self._ending(state, news, condition).where(
            LINES.c.owner == line.owner, LINES.c.draft == line.draft, mine
        ), None

    def end_all(self, draft: str, state: LineState, news: str = "", condition: str = "") -> Statement:
        """The same for all lines of a draft."""
        return self._ending(state, news, condition).where(LINES.c.draft == draft), None

    def told(self, references: Collection[str]) -> Statement:
        ours = (LINES.c.bridge == self._bridge, LINES.c.reference.in_(references))
        return update(LINES).where(*ours).values(news="", condition=""), None

    def sweep(self, before: float) -> Statement:
        """Forget lines that have had their end before."""
        old = (LINES.c.bridge == self._bridge, LINES.c.time < before, LINES.c.state != LineState.OPEN)
        return delete(LINES).where(*old), None

    def _ending(self, state: LineState, news: str, condition: str) -> Any:
        values = {"state": state, "text": "", "details": "", "files": "", "news": news}
        ours = (LINES.c.bridge == self._bridge, LINES.c.state == LineState.OPEN)
        return update(LINES).where(*ours).values(condition=condition, **values)

    def _is(self, draft: str) -> tuple[Any, ...]:
        return DRAFTS.c.bridge == self._bridge, DRAFTS.c.id == draft

    def _open(self, line: Line) -> tuple[Any, ...]:
        return (
            LINES.c.bridge == self._bridge,
            LINES.c.reference == line.reference,
            LINES.c.state == LineState.OPEN,
        )


def _dumped(files: Sequence[KeptFile]) -> str:
    return json.dumps([asdict(each) for each in files]) if files else ""


def _draft(row: Row[Any]) -> Draft:
    return Draft(
        id=row.id,
        owner=row.owner,
        place=row.place,
        recipients=tuple(parse(each) for each in json.loads(row.recipients)),
        message_id=row.message_id,
        opened=row.opened,
        touched=row.touched,
        silence=row.silence,
        thread=row.thread,
        state=DraftState(row.state),
    )


def _line(row: Row[Any]) -> Line:
    return Line(
        reference=row.reference,
        owner=row.owner,
        id=row.id,
        draft=row.draft,
        number=row.number,
        time=row.time,
        text=row.text,
        corrects=row.corrects,
        details=Details(**json.loads(row.details)) if row.details else NO_DETAILS,
        files=tuple(KeptFile(**each) for each in json.loads(row.files)) if row.files else (),
        state=LineState(row.state),
        news=row.news,
        condition=row.condition,
    )
