"""Mails of users who send through servers of their own: their way, their return address, and what waits for them."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridges.email.addresses import Mailbox, parse
from bridges.email.attached.custody import Keeper
from bridges.email.attached.lanes import NULL, Lane, Lanes
from bridges.email.imap.watch import Wishes
from bridges.email.sending.filing import Filings
from bridges.email.sending.outcome import Outcome
from bridges.email.sending.rows import Job
from bridges.email.sending.smarthost import Connection, Smarthost
from bridges.email.sending.store import Sendings
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from tests.unit.email.sending.conftest import CONTENT, Office, office, smarthost
from tests.unit.email.sending.scripted import Scripted

__all__ = ["office", "smarthost"]  # fixtures

OWNER = "alice@example.org"


@pytest.fixture
def filings(office: Office, tables: BridgeTables) -> Filings:
    return Filings(tables, "mail", office.directory)


class Quiet:
    def look(self) -> None: ...

    async def failed(self, job: Job, outcome: Outcome) -> None: ...


@pytest.fixture
def lanes(office: Office, tables: BridgeTables) -> Lanes:
    def ours(mailbox: Mailbox) -> bool:
        return mailbox.domain == "gw.example"

    sending = office.made()
    return Lanes(
        sending.sendings,
        office.directory,
        sending.queue,
        sending.queue,
        Quiet(),
        ours,
        clock=SystemClock(),
        chance=random.Random(1),
    )


@contextlib.asynccontextmanager
async def running(lanes: Lanes, server: Scripted, filings: Filings) -> AsyncIterator[None]:
    own = Smarthost("127.0.0.1", server.port, "none", timeout=5)
    lane = Lane(
        lanes, OWNER, parse("alice@mail.test"), "own", lambda: Connection.open(own), Keeper(filings, Wishes())
    )
    task = asyncio.create_task(lane.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(server: Scripted, count: int) -> None:
    async with asyncio.timeout(20), server.changed:
        await server.changed.wait_for(lambda: len(server.received) >= count)


async def test_what_was_written_while_nobody_was_there_goes_when_the_session_begins(
    lanes: Lanes, office: Office, smarthost: Scripted, filings: Filings
) -> None:
    await lanes.submit(office.finished("bob@far.test", "carol@far.test"))
    async with running(lanes, smarthost, filings):
        await until(smarthost, 2)
        await lanes.submit(office.finished("dora@far.test"))
        await until(smarthost, 3)
    assert all("FROM:<alice@mail.test>" in each.mail for each in smarthost.received)
    owed = await filings.owed(OWNER)
    assert [each.path.read_bytes() for each in owed] == [CONTENT] * 2  # mails, not recipients
    # Their files are not swept before they are there.
    sendings = office.sending.sendings
    assert not await sendings.unneeded()
    for each in owed:
        await filings.done(OWNER, each.mail)
    assert len(await sendings.unneeded()) == 2


async def test_what_has_no_return_address_goes_the_same_way_and_is_not_kept(
    lanes: Lanes, office: Office, smarthost: Scripted, filings: Filings
) -> None:
    async with running(lanes, smarthost, filings):
        await lanes.put(NULL + OWNER, office.finished("bob@far.test"))
        await until(smarthost, 1)
    assert "FROM:<>" in smarthost.received[0].mail
    assert "NOTIFY=NEVER" in smarthost.received[0].rcpt
    assert not await filings.owed(OWNER)


class Late(Sendings):
    """Commits a mail when its lane has looked whether there is one."""

    def __init__(self, tables: BridgeTables) -> None:
        super().__init__(tables, "mail")
        self._looks = 0
        self._looked = asyncio.Event()

    async def earliest(self, lane: str, after: float) -> float | None:
        found = await super().earliest(lane, after)
        self._looks += 1
        if self._looks == 2:  # for mail, and for receipts
            self._looked.set()
        return found

    async def take(self, *arguments: Any) -> None:
        await self._looked.wait()
        await super().take(*arguments)


async def test_what_is_written_while_a_session_begins_does_not_wait_for_the_next_one(
    lanes: Lanes, office: Office, smarthost: Scripted, filings: Filings, tables: BridgeTables
) -> None:
    lanes.sendings = Late(tables)
    putting = asyncio.create_task(lanes.put(OWNER, office.finished("bob@far.test")))
    await asyncio.sleep(0)
    async with running(lanes, smarthost, filings):
        await putting
        await until(smarthost, 1)
