"""A composer with everything around it, made for tests: a clock, an outbox that keeps what it gets, files from nowhere.

``Mortal`` is what can be killed: from the step on that it is told, it does nothing any more, as a process that was killed.
"""

import asyncio
import email
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Executable, MetaData, Row, Table, Text, insert, select

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing.composer import Composer
from bridges.email.composing.outgoing import Finished, NotTaken
from bridges.email.composing.places import Author, Letterhead, Limits, Place, Said
from bridges.email.composing.seals import Seals
from bridges.email.composing.threads import Mail, Threads
from bridges.email.mime.letter import Person
from gateway.bridge import Blob, MediaError, NotStored, Services, Tables, Values
from gateway.model import Attachment, Condition, Refused, Reply
from tests.fakes.clock import ManualClock
from tests.waiting import eventually

ALICE, BOB = "alice", Place.contact(parse("bob@example.com"))
OUTBOX = Table("test_outbox", MetaData(), Column("id", Text, primary_key=True))


class Mortal:
    """Steps that are counted. ``killed_at`` is the number of the one before which the process dies."""

    def __init__(self, killed_at: int | None = None) -> None:
        self.steps = 0
        self.killed_at = killed_at
        self.dead = asyncio.Event()

    async def step(self) -> None:
        if self.steps == self.killed_at:
            self.dead.set()
        self.steps += 1
        if self.dead.is_set():
            await asyncio.get_running_loop().create_future()


class MortalTables:
    """``Tables`` that may die before and after each statement, or fail."""

    def __init__(self, tables: Tables, mortal: Mortal) -> None:
        self._tables = tables
        self._mortal = mortal
        self.broken = False
        self.under_way: set[asyncio.Future[Any]] = set()

    @property
    def dialect(self) -> str:
        return self._tables.dialect

    async def write(self, *statements: tuple[Executable, Values], patience: float = 0.0) -> int:
        return await self._done(lambda: self._tables.write(*statements))

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        return await self._done(lambda: self._tables.read(statement, values))

    async def _done(self, what: Callable[[], Any]) -> Any:
        await self._mortal.step()
        if self.broken:
            raise NotStored("The disk is full.")
        # What the database has begun it ends, whoever has died meanwhile; a next life begins after that.
        doing = asyncio.ensure_future(what())
        self.under_way.add(doing)
        doing.add_done_callback(self.under_way.discard)
        result = await asyncio.shield(doing)
        await self._mortal.step()
        return result


@dataclass
class Web:
    """``Media``: what is at which URL. ``gates`` hold files back."""

    directory: Path
    files: dict[str, bytes] = field(default_factory=dict)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    mortal: Mortal = field(default_factory=Mortal)
    fetched: int = 0

    async def fetch(self, attachment: Attachment, user: str, headers=None) -> Blob:
        await self.mortal.step()
        if gate := self.gates.get(attachment.url):
            await gate.wait()
        content = self.files.get(attachment.url)
        if content is None:
            raise MediaError(Refused(Condition.ITEM_NOT_FOUND, "The server says that there is no such file."))
        self.fetched += 1
        path = self.directory / f"blob{self.fetched}"
        path.write_bytes(content)
        return Blob(
            path, attachment.name or "file.bin", attachment.media_type or "image/png", len(content), ""
        )


@dataclass
class Outbox:
    """Keeps what it is given, in a table: the mail and the end of its draft in one commit, or neither."""

    tables: Tables
    taken: list[Finished] = field(default_factory=list)
    refuse: Refused | None = None
    broken: bool = False  # once it has the mail

    async def submit(self, finished: Finished, *also: tuple[Executable, Values]) -> None:
        if self.refuse is not None:
            raise NotTaken(self.refuse)
        assert finished.path.stat().st_size == finished.size
        await self.tables.write((insert(OUTBOX), {"id": finished.mail_id}), *also)
        self.taken.append(finished)
        if self.broken:
            raise RuntimeError("a defect")


class Users:
    """``Authors``: Alice, and whoever a test makes of her."""

    def __init__(self) -> None:
        addresses = frozenset({"alice@example.org", "alias@example.org"})
        self.author_: Author | None = Author(parse("alice@example.org"), "Alice", addresses)

    async def author(self, owner: str) -> Author | None:
        return self.author_


@dataclass
class Told:
    """``Voice``: what was told."""

    here: bool = True
    failures: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def failed(self, owner: str, line_ids: Sequence[str], why: Refused) -> bool:
        if self.here:
            self.failures.append((tuple(line_ids), why.text))
        return self.here

    def withdrawn(self, owner: str, line_ids: Sequence[str]) -> bool:
        if self.here:
            self.gone += line_ids
        return self.here

    def notice(self, owner: str, place: str, text: str) -> None:
        self.notices.append(text)


@dataclass
class Slip:
    """A ticket."""

    reference: str
    ids: list[str] | None = None
    why: Refused | None = None

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        assert not self.answered
        self.ids = list(foreign_ids)

    def refused(self, why: Refused) -> None:
        assert not self.answered
        self.why = why

    @property
    def answered(self) -> bool:
        return self.ids is not None or self.why is not None

    @property
    def id(self) -> str:
        assert self.ids is not None, self.why
        return self.ids[0]


class Stage:
    """One life of a composer."""

    def __init__(
        self,
        tables: Tables,
        clock: ManualClock,
        directory: Path,
        *,
        limits: Limits | None = None,
        seed: int = 1,
        killed_at: int | None = None,
        footer: str = "",
    ) -> None:
        self.clock = clock
        self.directory = directory
        self.mortal = Mortal(killed_at)
        self.tables = MortalTables(tables, self.mortal)
        self.users, self.told = Users(), Told()
        self.outbox = Outbox(self.tables)
        (directory / "web").mkdir(exist_ok=True)
        self.web = Web(directory / "web", mortal=self.mortal)
        self.threads = Threads(self.tables, "mail")
        services = Services(
            clock, random.Random(seed), "1", self.web, name="mail", tables=self.tables, directory=directory
        )
        letterhead = Letterhead("example.org", Seals(b"k" * 32), footer)
        self.composer = Composer(
            services, self.threads, self.outbox, self.users, self.told, letterhead, limits or Limits()
        )
        self._numbers = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Stage"]:
        """For as long as the block lasts. Its threads end with it, as they do with a process."""
        loop = asyncio.get_running_loop()
        threads = ThreadPoolExecutor(4)
        loop.set_default_executor(threads)
        running = asyncio.create_task(self.composer.run())
        try:
            yield self
        finally:
            running.cancel()
            await asyncio.wait([running, *self.tables.under_way])
            loop.set_default_executor(ThreadPoolExecutor(1))
            await asyncio.to_thread(threads.shutdown)
            assert running.cancelled(), running.exception()

    # -- doing -------------------------------------------------------------------------------------------------

    def post(
        self,
        text: str = "",
        *urls: str,
        place: Place = BOB,
        reference: str = "",
        reply: str | Reply = "",
        **said: Any,
    ) -> Slip:
        """A message, whose ticket is returned."""
        self._numbers += 1
        ticket = Slip(reference or f"ref{self._numbers}")
        files = tuple(Attachment(name=url.rpartition("/")[2], url=url) for url in urls)
        answered = Reply(reply) if isinstance(reply, str) and reply else reply or None
        self.composer.write(ALICE, place, Said(text, files, reply=answered, **said), ticket)  # type: ignore[arg-type]
        return ticket

    async def say(self, text: str = "", *urls: str, **said: Any) -> Slip:
        ticket = self.post(text, *urls, **said)
        await self.until(lambda: ticket.answered)
        return ticket

    async def retract(self, line_id: str) -> Slip:
        ticket = Slip("")
        self.composer.retract(ALICE, line_id, ticket)
        await self.until(lambda: ticket.answered)
        return ticket

    async def idle(self) -> None:
        """Until nothing is being done."""
        await self.until(lambda: not self.composer.busy)

    async def pass_(self, seconds: float) -> None:
        """Let time pass, and let be done what is due then."""
        await self.idle()
        await self.clock.advance(seconds)
        await self.idle()

    async def until(self, condition: Callable[[], bool]) -> None:
        await eventually(condition, within=60)

    async def remember(self, id_: str, *to: str, **changes: Any) -> Mail:
        """A mail that came from Bob."""
        values: dict[str, Any] = {
            "id": id_,
            "owner": ALICE,
            "message_id": f"<{id_}@example.com>",
            "thread": f"thread-{id_}",
            "subject": "Lunch",
            "sender": Person("Bob", "bob@example.com"),
            "recipients": tuple(Person("", each) for each in ("alice@example.org", *to)),
            "time": self.clock.now() - 60,
            "text": f"What {id_} says",
            "contact": "bob@example.com",
        }
        mail = Mail(**{**values, **changes})
        await self.threads.remember(mail)
        return mail

    # -- seeing ------------------------------------------------------------------------------------------------

    @property
    def mails(self) -> list[Message]:
        return [email.message_from_bytes(each.path.read_bytes()) for each in self.outbox.taken]

    @property
    def texts(self) -> list[str]:
        return [text_of(each) for each in self.mails]

    async def submitted(self) -> set[str]:
        return {row.id for row in await self.tables.read(select(OUTBOX))}


def text_of(message: Message) -> str:
    """The text/plain part, without the line break at its end."""
    part = next(each for each in message.walk() if each.get_content_type() == "text/plain")
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n").removesuffix("\n")


def files_of(message: Message) -> list[tuple[str | None, Any]]:
    return [
        (each.get_filename(), each.get_payload(decode=True)) for each in message.walk() if each.get_filename()
    ]


def everybody(finished: Finished) -> list[str]:
    return [each.exact for each in finished.recipients]


def room(key: str, thread: str, *people: str) -> Place:
    return Place(key, tuple(map(parse, people)), thread)


def mailbox(text: str) -> Mailbox:
    return parse(text)
