"""Receiving as a whole, with users who have sessions or not, and a network that brings what was not taken again."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Executable, Insert, Row

from bridges.sms.numbers import OurNumber
from bridges.sms.receiving.receiving import Neighbours, Receiving, Terms
from bridges.sms.settings import Mode
from bridges.sms.traffic import Alphabet, Concatenation, Inbound, NotTaken, Report
from gateway.bridge import Blob, MediaError, NotKept, NotStored, Services, Tables, Values
from gateway.model import Attachment, Condition, Message, Refused
from tests.fakes.clock import ManualClock

OURS, TEAM, POOL, OTHER_POOL = "+15550000001", "+15550000002", "+15550000003", "+15550000004"
BOB, ALICE = "+15551234567", "+15557654321"
_LONG = 10.0

T = TypeVar("T")


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """The database finishes what it has begun, whoever is gone by then."""
    task = asyncio.ensure_future(work)
    gone: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            gone = error
    if gone is not None:
        raise gone
    return task.result()


@dataclass
class Deadline:
    """The process ends at one moment: before or after so many steps that others see. From then on nothing happens."""

    at: int = -1
    after: bool = False
    steps: int = 0
    dead: asyncio.Event = field(default_factory=asyncio.Event)

    async def before(self) -> None:
        if self.dead.is_set():
            await forever()
        self.steps += 1
        if self.steps == self.at and not self.after:
            self.dead.set()
            await forever()
        self._number = self.steps

    async def done(self, step: int) -> None:
        if step == self.at and self.after:
            self.dead.set()
        if self.dead.is_set():
            await forever()


class MortalTables:
    """``Tables`` of a process that ends in between. ``broken``: the database cannot be used."""

    def __init__(self, tables: Tables, deadline: Deadline) -> None:
        self._tables = tables
        self._deadline = deadline
        self.broken = False
        self.broken_after = (
            ""  # what goes into this table is written, and the connection breaks before that is said
        )
        self.writes = 0

    @property
    def dialect(self) -> str:
        return self._tables.dialect

    async def write(self, *statements: tuple[Executable, Values]) -> int:
        await self._deadline.before()
        step = self._deadline.steps
        if self.broken:
            raise NotStored("The database is locked.")
        self.writes += 1
        count = await _whole(self._tables.write(*statements))
        await self._deadline.done(step)
        if self.broken_after in {each.table.name for each, _ in statements if isinstance(each, Insert)}:
            self.broken_after = ""
            raise NotStored("The connection broke.")
        return count

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        if self._deadline.dead.is_set():
            await forever()
        if self.broken:
            raise NotStored("The database is locked.")
        return await _whole(self._tables.read(statement, values))


@dataclass
class Chat:
    """What a user's clients show: ``Sink`` as far as texts need it. The core outlives us, and shows an id once."""

    deadline: Deadline = field(default_factory=Deadline)
    shown: list[Message] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    told: int = 0
    keeps: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def direct_committed(self, message: Message) -> None:
        await self.deadline.before()
        step = self.deadline.steps
        self.told += 1
        self.changed.set()
        if not self.keeps:
            raise NotKept(Refused(Condition.RESOURCE_CONSTRAINT, "No room."))
        if message.foreign_id not in {each.foreign_id for each in self.shown}:
            for each in message.attachments:
                self.files[each.name] = each.path.read_bytes() if each.path is not None else each.data
            self.shown.append(message)
        await self.deadline.done(step)

    async def until(self, done: Callable[["Chat"], bool]) -> None:
        async with asyncio.timeout(_LONG):
            while not done(self):
                self.changed.clear()
                await self.changed.wait()

    async def has(self, count: int) -> list[str]:
        """The texts, once there are so many."""
        await self.until(lambda chat: len(chat.shown) >= count)
        return self.texts

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self.shown]


@dataclass
class Web:
    """``Files``: by link, a file or why there is none."""

    directory: Path
    there: dict[str, bytes | Refused] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)

    async def fetch(self, attachment: Attachment, owner: str, route: str) -> Blob:
        self.asked.append((attachment.url, owner, route))
        if attachment.url in self.gates:
            await self.gates[attachment.url].wait()
        found = self.there[attachment.url]
        if isinstance(found, Refused):
            raise MediaError(found)
        path = self.directory / f"blob{len(self.asked)}"
        path.write_bytes(found)
        return Blob(path, "file.jpg", "image/jpeg", len(found), "0" * 64)


@dataclass
class People:
    """``Numbers``, ``Residents``, ``Reports``, ``Answering`` and ``Trouble``."""

    numbers: dict[str, OurNumber] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    met: list[tuple[str, str, str, str]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    answers: list[tuple[str, str, str, str]] = field(default_factory=list)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    troubles: list[tuple[str, str]] = field(default_factory=list)

    def find(self, number: str) -> OurNumber | None:
        return self.numbers.get(number)

    def at(self, number: str, route: str) -> OurNumber | None:
        return self.find(number)

    def sink(self, owner: str) -> Any:
        return None if owner in self.away else self.chats.get(owner)

    def name(self, owner: str) -> str:
        return owner.partition("@")[0].capitalize()

    async def heard(self, owner: str, party: str, number: str, name: str) -> None:
        self.met.append((owner, party, number, name))

    async def reported(self, report: Report) -> None:
        self.reports.append(report)

    async def answer(self, ours: str, theirs: str, text: str, reference: str) -> None:
        if reference not in {each[3] for each in self.answers}:
            self.answers.append((ours, theirs, text, reference))
        self.answering.set()

    def trouble(self, route: str, text: str) -> None:
        self.troubles.append((route, text))


def usual_numbers() -> dict[str, OurNumber]:
    routes = ("main",)
    numbers = (
        OurNumber(OURS, Mode.PERSONAL, routes, ("romeo@x",)),
        OurNumber(TEAM, Mode.TEAM, routes, ("romeo@x", "juliet@x", "nurse@x")),
        OurNumber(POOL, Mode.POOL, routes, inbox="nurse@x"),
        OurNumber(OTHER_POOL, Mode.POOL, routes),
    )
    return {each.number: each for each in numbers}


class House:
    """``kill`` ends the process, ``start`` begins another one with the same database, users and web."""

    def __init__(self, services: Services, clock: ManualClock, terms: Terms | None = None) -> None:
        self.services = services
        self.clock = clock
        self.terms = terms or Terms("US")
        self.deadline = Deadline()
        self.people = People(usual_numbers())
        for owner in ("romeo@x", "juliet@x", "nurse@x"):
            self.people.chats[owner] = Chat(self.deadline)
        self.web = Web(services.directory)
        self.provider_answers = False
        self._spare: set[asyncio.Task[Any]] = set()

    def build(self) -> None:
        self.tables = MortalTables(self.services.tables, self.deadline)
        self.receiving = Receiving(
            replace(self.services, tables=self.tables),
            self.terms,
            Neighbours(
                self.people,
                self.people,
                self.web,
                self.people,
                self.people,
                self.people.trouble,
                provider_answers=lambda route: self.provider_answers,
            ),
        )

    def start(self, deadline: Deadline | None = None) -> None:
        self.deadline = deadline or Deadline()
        for chat in self.people.chats.values():
            chat.deadline = self.deadline
        self.build()
        self._spare = asyncio.all_tasks()
        self.task = asyncio.create_task(self.receiving.run())
        for owner in self.people.chats:
            self.receiving.wake(owner)

    async def kill(self) -> None:
        """As by ``kill -9``: nothing is told to anybody, nothing is finished."""
        self.deadline.dead.set()
        # The database's own tasks live on, with those of its library.
        mine = {
            each
            for each in asyncio.all_tasks() - self._spare - {asyncio.current_task()}
            if any(own in each.get_coro().cr_code.co_filename for own in ("/bridges/sms/", "/tests/"))
        }
        for task in mine:
            task.cancel()
        if mine:
            await asyncio.wait(mine)

    def chat(self, owner: str = "romeo@x") -> Chat:
        return self.people.chats[owner]

    async def bring(self, text: str, sender: str = BOB, recipient: str = OURS, **more: Any) -> None:
        await self.receiving.intake.received(Inbound("main", sender, recipient, text=text, **more))

    async def insist(self, inbound: Inbound) -> None:
        """As a network does: until it is taken."""
        while True:
            try:
                await self.receiving.intake.received(inbound)
                return
            except NotTaken:
                await asyncio.sleep(0)


def pieces(
    *texts: str | bytes,
    reference: str = "7",
    sender: str = BOB,
    alphabet: Alphabet = Alphabet.TEXT,
    width: int = 8,
    **more: Any,
) -> list[Inbound]:
    """A long message in its pieces."""
    made = []
    for number, text in enumerate(texts, 1):
        part = Concatenation(reference, len(texts), number, width)
        what: dict[str, Any] = {"text": text} if isinstance(text, str) else {"data": text}
        kind = alphabet if isinstance(text, str) or alphabet is not Alphabet.TEXT else Alphabet.UCS2
        made.append(Inbound("main", sender, OURS, alphabet=kind, concatenation=part, **{**what, **more}))
    return made
