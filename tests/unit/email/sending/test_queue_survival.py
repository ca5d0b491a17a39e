"""The queue that ends and begins again, and its database at fault: nothing is lost, nothing comes twice that need not."""

import asyncio
import contextlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Executable, Row

from bridges.email.sending.files import Files
from bridges.email.sending.filing import Filings
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.queue import Queue
from bridges.email.sending.rows import Job
from bridges.email.sending.smarthost import Connection
from bridges.email.sending.store import Sendings
from gateway.bridge import NotStored, Tables, Values
from gateway.clock import SystemClock
from tests.unit.email.sending.conftest import CONTENT, QUICK, Office
from tests.unit.email.sending.scripted import SILENCE, Scripted
from tests.waiting import eventually


class SlowReads:
    """``Tables`` whose answers are old when they arrive: ten more mails have been sent by then, as long as there are."""

    def __init__(self, tables: Tables, smarthost: Scripted, mails: int) -> None:
        self._tables = tables
        self._smarthost = smarthost
        self._mails = mails
        self.dialect = tables.dialect
        self.reading = 0

    async def write(self, *statements: tuple[Executable, Values]) -> int:
        return await self._tables.write(*statements)

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        self.reading += 1
        rows = await self._tables.read(statement, values)
        wanted = min(len(self._smarthost.received) + 10, self._mails)
        await self._smarthost.until(lambda it: len(it.received) >= wanted)
        self.reading -= 1
        return rows


BOB, CAROL, DAVE = "bob@example.com", "carol@example.com", "dave@example.com"


async def test_what_was_read_before_a_mail_was_sent_does_not_send_it_again(
    office: Office, smarthost: Scripted
) -> None:
    office.tables = tables = SlowReads(office.tables, smarthost, mails=60)
    owners = ("user0", "user1", "user2")
    async with office.open() as sending:
        for _ in range(20):
            for owner in owners:
                await sending.queue.submit(office.finished(BOB, owner=owner))
        await office.told.until(60)
        await eventually(lambda: not tables.reading)
        for owner in owners:  # users' mails go in order: theirs before has had its turn
            await sending.queue.submit(office.finished(CAROL, owner=owner))
        await office.told.until(63)
    assert len(smarthost.received) == 63


class Unstored:
    """``Tables`` that fail once, after the first mail was taken."""

    def __init__(self, tables: Tables, smarthost: Scripted) -> None:
        self._tables = tables
        self._smarthost = smarthost
        self.dialect = tables.dialect
        self.failed = 0

    async def write(self, *statements: tuple[Executable, Values]) -> int:
        if self._smarthost.received and not self.failed:
            self.failed += 1
            raise NotStored("the disk is full")
        return await self._tables.write(*statements)

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        return await self._tables.read(statement, values)


async def test_a_mail_that_was_taken_and_cannot_be_noted_is_not_sent_again(
    office: Office, smarthost: Scripted
) -> None:
    office.tables = tables = Unstored(office.tables, smarthost)
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB))
        await office.told.until(1)
    assert tables.failed == 1
    assert len(smarthost.received) == 1
    assert office.told.kinds == [(BOB, Kind.ACCEPTED)]


async def test_a_mail_that_cannot_be_kept_is_not_taken(office: Office, smarthost: Scripted) -> None:
    await office.sending.queue.submit(office.finished(BOB))
    async with office.open():
        await office.told.until(1)
        await office.all_noted()
    tables = Unstored(office.tables, smarthost)
    office.tables = tables
    with pytest.raises(NotStored):
        await office.made().queue.submit(office.finished(CAROL))
    await office.made().queue.submit(office.finished(DAVE))
    async with office.open():
        await office.told.until(2)
    assert office.told.kinds == [(BOB, Kind.ACCEPTED), (DAVE, Kind.ACCEPTED)]
    assert len(smarthost.received) == 2


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
async def test_a_mail_survives_our_end_at_every_step(office: Office, smarthost: Scripted, step: str) -> None:
    smarthost.once[step] = [SILENCE]
    office.smarthost = replace(office.smarthost, timeout=30)
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB))
        if step == "GREETING":
            await eventually(lambda: smarthost.connections)
        else:
            await smarthost.until(lambda it: any(each.startswith(step) for each in it.commands))
    assert not office.told.news
    async with office.open():
        await office.told.until(1)
    assert office.told.kinds == [(BOB, Kind.ACCEPTED)]
    assert len(smarthost.received) == 1


async def test_news_that_was_not_told_is_told_after_a_restart_once(
    office: Office, smarthost: Scripted
) -> None:
    office.told.here = False
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB))
        await smarthost.until(lambda it: bool(it.received))
        await eventually(lambda: sending.sendings.owed(10))
    office.told.here = True
    async with office.open() as sending:
        await office.told.until(1)
        await office.all_noted()
    async with office.open() as sending:
        await sending.queue.submit(office.finished(CAROL))
        await office.told.until(2)
    assert office.told.kinds == [(BOB, Kind.ACCEPTED), (CAROL, Kind.ACCEPTED)]
    assert len(smarthost.received) == 2


async def test_who_comes_is_told_what_waited(office: Office) -> None:
    office.told.here = False
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB))
        await eventually(lambda: sending.sendings.owed(10))
        office.told.here = True
        sending.teller.present("alice@example.org")
        await office.told.until(1)


async def test_a_mail_that_takes_long_is_told_once_and_then_given_up(
    office: Office, smarthost: Scripted
) -> None:
    smarthost.answers["RCPT"] = "450 4.2.0 greylisted"
    now = SystemClock().now()
    office.schedule = replace(QUICK, after_later=(600.0,))
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB, time=now - 1000))
        await eventually(lambda: sending.sendings.earliest("", now + 300))
    office.schedule = replace(office.schedule, warn=900)
    async with office.open() as sending:
        await office.told.until(1)
        await office.all_noted()
    async with office.open() as sending:
        await sending.queue.submit(office.finished(CAROL, time=now - 1000))
        await office.told.until(2)
        await office.all_noted()
    assert office.told.kinds == [(BOB, Kind.DELAYED), (CAROL, Kind.DELAYED)]
    assert office.told.news[0][4].text == "greylisted"
    office.schedule = replace(office.schedule, warn=100, give_up=500)
    async with office.open():
        await office.told.until(4)
        await office.no_files()
    assert sorted(office.told.kinds[2:]) == [(BOB, Kind.FAILED), (CAROL, Kind.FAILED)]
    assert "Given up. greylisted" in {outcome.text for *_, outcome in office.told.news[2:]}
    assert not smarthost.received
    assert not office.bounced


async def test_an_end_waits_for_what_is_under_way(office: Office, smarthost: Scripted) -> None:
    for _ in range(20):
        await office.sending.queue.submit(office.finished(BOB))
    async with office.open(grace=5):
        await smarthost.until(lambda it: bool(it.received))
    count = len(smarthost.received)
    assert count < 20
    assert smarthost.commands.count("CONTENT") == count
    async with office.open():
        await office.told.until(20)
    assert len(smarthost.received) == 20


async def test_an_end_does_not_wait_for_ever(office: Office, smarthost: Scripted) -> None:
    smarthost.answers["RCPT"] = SILENCE
    office.smarthost = replace(office.smarthost, timeout=30)
    async with asyncio.timeout(10):
        async with office.open(grace=0.1) as sending:
            await sending.queue.submit(office.finished(BOB))
            await smarthost.until(lambda it: any(each.startswith("RCPT") for each in it.commands))
    assert not smarthost.received


async def test_a_mail_whose_file_is_gone_fails(office: Office) -> None:
    async with office.open() as sending:
        mail = office.finished(BOB)
        mail.path.unlink()
        await sending.queue.submit(mail)
        await office.told.until(1)
    assert office.told.kinds == [(BOB, Kind.FAILED)]


async def test_files_that_nobody_knows_are_deleted_after_a_day(office: Office) -> None:
    stranger = office.directory / "stranger"
    stranger.write_bytes(b"x")
    known = office.finished(BOB)
    sendings = Sendings(office.tables, "mail")
    await sendings.take(known, ["a" * 12], "", ())
    files = Files(office.directory, sendings)
    await files.sweep_strangers(SystemClock().now())
    assert stranger.exists()
    await files.sweep_strangers(SystemClock().now() + 2 * 86400)
    assert not stranger.exists()
    assert known.path.exists()


async def test_the_same_mail_taken_twice_is_sent_once(office: Office, smarthost: Scripted) -> None:
    mail = office.finished(BOB)
    await office.sending.queue.submit(mail)
    sending = office.made()
    await sending.queue.submit(mail)
    await sending.queue.submit(office.finished(CAROL))
    async with office.open():
        await office.told.until(2)
    assert office.told.kinds == [(BOB, Kind.ACCEPTED), (CAROL, Kind.ACCEPTED)]
    assert len(smarthost.received) == 2


async def test_what_was_taken_is_owed_to_whoever_keeps_it_from_the_commit_that_says_so(
    office: Office, smarthost: Scripted, tables: Tables
) -> None:
    sending, keeper = office.made(), _Keeps(tables, office.directory)
    queue = Queue(
        sending.sendings,
        office.directory,
        lambda: Connection.open(office.smarthost),
        lambda row, now: "",
        _Nobody(),
        clock=SystemClock(),
        chance=random.Random(),
        schedule=QUICK,
        lane="own",
        keeper=keeper,
    )
    task = asyncio.create_task(queue.run())
    await queue.submit(office.finished(BOB, CAROL))
    async with asyncio.timeout(20):
        await keeper.looked.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    (owed,) = await keeper.owed("alice@example.org")
    assert (owed.mail, owed.path.read_bytes()) == ("m1", CONTENT)


class _Keeps(Filings):
    def __init__(self, tables: Tables, directory: Path) -> None:
        super().__init__(tables, "mail", directory)
        self.looked = asyncio.Event()

    def look(self) -> None:
        self.looked.set()


class _Nobody:
    def look(self) -> None:
        """Nobody is told."""

    async def failed(self, job: Job, outcome: Outcome) -> None:
        raise AssertionError("nothing fails here")
