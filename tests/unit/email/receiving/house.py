"""Receiving as a whole, with users who have sessions or not, and a mail reader in this process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from bridges.email.adapters import fold
from bridges.email.addresses import Mailbox
from bridges.email.composing.seals import Seals
from bridges.email.composing.threads import Mail, Threads
from bridges.email.mime import reading
from bridges.email.mime.letter import Complaint, Letter
from bridges.email.receiving.arrivals import ARRIVALS, Arrival, State
from bridges.email.receiving.lmtp import Offered
from bridges.email.receiving.neighbours import Reading, Return
from bridges.email.receiving.receiving import Neighbours, Receiving, Terms
from bridges.email.receiving.trust import Believed
from gateway.bridge import NotKept, Services
from gateway.model import Attachment, Condition, Contact, Message, Refused
from tests.unit.email.receiving.conftest import People
from tests.waiting import eventually

SEALS = Seals(b"0123456789abcdef")


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Chat:
    """What a user's client shows: ``Sink`` as far as mail needs it. A mail is shown once, as the core does it."""

    shown: list[Message] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    keeps: bool = True
    refused: int = 0
    killed_after: int = -1  # this many messages, the process ends once one is kept

    async def direct_committed(self, message: Message) -> None:
        if not self.keeps:
            self.refused += 1
            raise NotKept(Refused(Condition.RESOURCE_CONSTRAINT, "No room."))
        if message.foreign_id not in {each.foreign_id for each in self.shown}:
            for each in message.attachments:
                self.files[each.name] = _read(each)
            self.shown.append(message)
        if self.killed_after == 0:
            raise Killed
        self.killed_after -= 1

    def contact(self, contact: Contact) -> None:
        self.contacts.append(contact)

    async def receive(self, message: Message) -> None:
        await self.direct_committed(message)

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self.shown]


def _read(attachment: Attachment) -> bytes:
    return attachment.path.read_bytes() if attachment.path is not None else attachment.data


@dataclass
class InProcess:
    """``Reading`` without workers; ``breaks`` by what stands in a mail."""

    breaks: dict[bytes, BaseException] = field(default_factory=dict)
    read_ids: list[bytes] = field(default_factory=list)

    def at_once(self, raw: bytes) -> Letter | None:
        return None

    async def read(self, path: Path, directory: Path) -> Letter:
        raw = await asyncio.to_thread(path.read_bytes)
        for mark, error in self.breaks.items():
            if mark in raw:
                raise error
        self.read_ids.append(raw)
        return reading.read(raw, directory=directory)


@dataclass
class Sent:
    """``Returns`` and ``Replies``, as told."""

    about: Return | None = None
    known: bool = False
    complaint: str = ""
    reports: list[Letter] = field(default_factory=list)

    async def returned(self, recipient: Mailbox, letter: Letter) -> Return | None:
        self.reports.append(letter)
        return self.about

    async def reported(self, owner: str, letter: Letter) -> bool:
        self.reports.append(letter)
        return self.known

    async def complained(self, complaint: Complaint) -> str:
        return self.complaint

    async def message_of(self, owner: str, mail_id: str) -> str:
        return f"line-of-{mail_id}"


@dataclass
class Rooms:
    """``Rooming``: by thread."""

    open: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, Message]] = field(default_factory=list)

    def shown(self, owner: str, thread: str, post: str) -> bool:
        return thread in self.open or post in self.open

    async def say(self, owner: str, mail: Mail, post: str, message: Message) -> str:
        room = self.open.get(mail.thread) or self.open.get(post, "")
        if room:
            self.said.append((room, message))
        return room


@dataclass
class House:
    services: Services
    people: People
    chat: Chat
    operator: Chat
    reader: InProcess
    sent: Sent
    rooms: Rooms
    receiving: Receiving
    threads: Threads
    task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.receiving.restore()
        self.task = asyncio.create_task(self.receiving.run())

    async def end(self) -> None:
        """As by ``kill -9``: nothing is told to anybody."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            if not self.task.cancelled():
                self.task.exception()

    async def bring(self, text: str, *recipients: str, sender: str = "carol@far.example") -> list[int]:
        offered = Offered(sender, recipients or ("alice@gw.example",), text.encode(), "mx.example")
        return [each.code for each in await self.receiving.intake.mail(offered)]

    async def settled(self, owner: str = "user-a") -> None:
        """Nothing waits to be shown any more."""

        async def none_waits() -> bool:
            if not await self.receiving.arrivals.waiting(owner):
                return True
            assert self.task is None or not self.task.done(), self.task
            return False

        await eventually(none_waits)

    async def all(self) -> Sequence[Arrival]:
        rows = await self.services.tables.read(select(ARRIVALS.c.id).order_by(ARRIVALS.c.received))
        found = [await self.receiving.arrivals.one(row.id) for row in rows]
        return [each for each in found if each is not None]

    async def states(self) -> list[tuple[State, str]]:
        return [(each.state, each.reason) for each in await self.all()]


def build(
    services: Services,
    people: People | None = None,
    terms: Terms | None = None,
    reading: Reading | None = None,
    believed: Believed | None = None,
) -> House:
    people = people or People()
    chat, operator, reader, sent, rooms = Chat(), Chat(), InProcess(), Sent(), Rooms()
    people.sinks["user-a"] = chat  # type: ignore[assignment]
    threads = Threads(services.tables, services.name)
    trusted = believed or Believed.of(["mx.example"], [], ["X-Spam-Flag: yes"])
    neighbours = Neighbours(
        people,
        operator,
        sent,
        lambda mailbox: mailbox.local.startswith("b+"),
        sent,
        rooms,
        threads,
        SEALS,
        reading or reader,
        fold,
    )
    receiving = Receiving(services, terms or Terms(["gw.example"], "gw.example"), lambda: trusted, neighbours)
    return House(services, people, chat, operator, reader, sent, rooms, receiving, threads)


def proven(text: str, domain: str = "far.example") -> str:
    """With what the operator's server writes about a mail whose sender is authenticated."""
    return f"Authentication-Results: mx.example; dmarc=pass header.from={domain}\r\n{text}"
