"""A scripted smarthost, mails in files, and whoever is told."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing.outgoing import Finished
from bridges.email.mime.letter import Person
from bridges.email.sending.bounces import Bounce
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.schedule import Schedule
from bridges.email.sending.smarthost import Smarthost
from bridges.email.sending.verp import ReturnPaths
from gateway.bridge import Tables
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from tests.unit.email.sending.scripted import Scripted
from tests.unit.email.sending.whole import Sending
from tests.waiting import eventually

SECRET = bytes(range(32))
QUICK = Schedule(
    after_later=(0.02,),
    after_cut=(0.02,),
    after_unknown=(0.02, 0.02),
    after_trouble=(0.02,),
    warn=3600,
    give_up=7200,
    sweep=0.05,
)
CONTENT = b"Message-ID: <1@mail.test>\r\nSubject: x\r\n\r\n.dots\r\n..and more\r\n"


@pytest.fixture
async def smarthost() -> AsyncIterator[Scripted]:
    server = await Scripted().start()
    yield server
    await server.stop()


class Told:
    """``bridges.email.sending.outcome.News``."""

    def __init__(self) -> None:
        self.news: list[tuple[str, str, tuple[str, ...], str, Outcome]] = []
        self.here = True
        self._changed = asyncio.Condition()

    async def outcome(
        self, owner: str, mail_id: str, line_ids: tuple[str, ...], recipient: Mailbox, outcome: Outcome
    ) -> bool:
        if not self.here:
            return False
        async with self._changed:
            self.news.append((owner, mail_id, line_ids, recipient.exact, outcome))
            self._changed.notify_all()
        return True

    @property
    def kinds(self) -> list[tuple[str, Kind]]:
        return [(recipient, outcome.kind) for _, _, _, recipient, outcome in self.news]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.news) >= count)


class Office:
    """A ``Sending`` that can end and begin again, over the same tables."""

    def __init__(self, tables: Tables, directory: Path, port: int) -> None:
        self.tables = tables
        self.directory = directory / "outbound"
        self.directory.mkdir(exist_ok=True)
        self.smarthost = Smarthost("127.0.0.1", port, "none", hello="mail.test", timeout=0.4, local=True)
        self.told = Told()
        self.bounced: list[tuple[str, str, Bounce | None]] = []
        self.schedule = QUICK
        self.connections = 2
        self._numbers = itertools.count(1)
        self.sending = self.made()

    def made(self) -> Sending:
        self.sending = Sending(
            self.tables,
            self.directory,
            self.smarthost,
            ReturnPaths(SECRET, "mail.test"),
            self.told,
            lambda owner, mailbox, bounce: self.bounced.append((owner, mailbox.exact, bounce)),
            self.connections,
            self.schedule,
        )
        return self.sending

    @contextlib.asynccontextmanager
    async def open(self, grace: float = 0.0) -> AsyncIterator[Sending]:
        """Running, and cut off at the end in the middle of whatever it does, or after ``grace`` seconds."""
        sending = self.made()
        task = asyncio.create_task(sending.run(grace))
        try:
            yield sending
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def no_files(self) -> None:
        await eventually(lambda: not any(self.directory.iterdir()), "an empty directory")

    async def all_noted(self) -> None:
        """What was told is noted as told: until then, an end of ours means that it is told again."""

        async def noted() -> bool:
            return not await self.sending.sendings.owed(10)

        await eventually(noted, "all being noted as told")

    def finished(
        self, *recipients: str, owner: str = "alice@example.org", content: bytes = CONTENT, **more: object
    ) -> Finished:
        number = next(self._numbers)
        path = self.directory / f"m{number}"
        path.write_bytes(content)
        return Finished(
            path.name,
            owner,
            Person("Alice", "alice@mail.test"),
            tuple(map(parse, recipients)),
            f"<{number}@mail.test>",
            path,
            len(content),
            bool(more.get("smtputf8", False)),
            (f"line{number}",),
            "x",
            float(str(more.get("time", SystemClock().now()))),
        )


@pytest.fixture
def office(tables: BridgeTables, tmp_path: Path, smarthost: Scripted) -> Office:
    return Office(tables, tmp_path, smarthost.port)
