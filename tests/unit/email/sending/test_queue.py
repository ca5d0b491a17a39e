"""The queue before a smarthost that does as it is told: what is tried again, what is told, what survives."""

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
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.queue import Queue
from bridges.email.sending.rows import Job
from bridges.email.sending.smarthost import Connection
from bridges.email.sending.store import Sendings
from gateway.bridge import NotStored, Tables, Values
from gateway.clock import SystemClock
from tests.unit.email.sending.conftest import CONTENT, QUICK, Office
from tests.unit.email.sending.scripted import HANG_UP, SILENCE, Scripted
from tests.unit.email.sending.whole import Sending


class SlowReads:
    """``Tables`` whose answers are old when they arrive."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.dialect = tables.dialect

    async def write(self, *statements: tuple[Executable, Values]) -> int:
        return await self._tables.write(*statements)

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        rows = await self._tables.read(statement, values)
        await asyncio.sleep(0.05)
        return rows


BOB, CAROL = "bob@example.com", "carol@example.com"


async def no_files(office: Office) -> None:
    async with asyncio.timeout(20):
        while any(office.directory.iterdir()):
            await asyncio.sleep(0.01)


async def all_noted(sending: Sending) -> None:
    """What was told is noted as told: until then, an end of ours means that it is told again."""
    async with asyncio.timeout(20):
        while await sending.sendings.owed(10):
            await asyncio.sleep(0.01)


async def test_every_recipient_gets_the_mail_with_a_return_address_of_its_own(
    office: Office, smarthost: Scripted
) -> None:
    async with office.open() as sending:
        mail = office.finished(BOB, CAROL)
        await sending.queue.submit(mail)
        await office.told.until(2)
        await no_files(office)
    assert sorted(office.told.kinds) == [(BOB, Kind.ACCEPTED), (CAROL, Kind.ACCEPTED)]
    assert {(owner, lines) for owner, _, lines, _, _ in office.told.news} == {(mail.owner, mail.line_ids)}
    assert [each.content for each in smarthost.received] == [CONTENT.replace(b"\r\n.", b"\r\n..")] * 2
    senders = [each.mail.split()[1] for each in smarthost.received]
    assert len(set(senders)) == 2
    assert all(each.startswith("FROM:<b+") and each.endswith("@mail.test>") for each in senders)
    assert all(f"ENVID={mail.mail_id}" in each.mail for each in smarthost.received)


async def test_a_connection_is_used_for_many_mails(office: Office, smarthost: Scripted) -> None:
    office.connections = 1
    async with office.open() as sending:
        for _ in range(5):
            await sending.queue.submit(office.finished(BOB))
        await office.told.until(5)
    assert smarthost.connections == 1
    assert "RSET" not in smarthost.commands  # after a mail that was taken there is nothing to reset


async def test_what_was_read_before_a_mail_was_sent_does_not_send_it_again(
    office: Office, smarthost: Scripted
) -> None:
    office.tables = SlowReads(office.tables)
    async with office.open() as sending:
        for number in range(60):
            await sending.queue.submit(office.finished(BOB, owner=f"user{number % 3}"))
        await office.told.until(60)
        await asyncio.sleep(0.2)
    assert len(smarthost.received) == 60


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
    tables = Unstored(office.tables, smarthost)
    office.tables = tables
    with pytest.raises(NotStored):
        await office.made().queue.submit(office.finished(CAROL))
    async with office.open():
        await asyncio.sleep(0.1)
    assert len(smarthost.received) == 1


async def test_connections_are_bounded(office: Office, smarthost: Scripted) -> None:
    office.connections = 3
    async with office.open() as sending:
        for number in range(30):
            await sending.queue.submit(office.finished(BOB, owner=f"user{number % 5}"))
        await office.told.until(30)
    assert smarthost.most_open <= 3


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "CONTENT"])
async def test_later_is_tried_again_and_no_is_final(office: Office, smarthost: Scripted, step: str) -> None:
    office.connections = 1
    smarthost.once[step] = ["451 4.3.0 later", "452 4.2.2 later still"]
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB))
        await office.told.until(1)
        smarthost.answers[step] = "550 5.1.1 nobody\r\n".strip()
        await sending.queue.submit(office.finished(CAROL))
        await office.told.until(2)
        await no_files(office)
    assert office.told.kinds == [(BOB, Kind.ACCEPTED), (CAROL, Kind.FAILED)]
    outcome = office.told.news[1][4]
    assert (outcome.code, outcome.status, outcome.text) == (550, "5.1.1", "nobody")
    assert len(smarthost.received) == 1
    assert [(who, mailbox) for who, mailbox, bounce in office.bounced if bounce] == [
        ("alice@example.org", CAROL)
    ]
    assert smarthost.connections == 1  # an answer is no reason to leave


FAULTS = (
    HANG_UP,
    SILENCE,
    "hello?",
    "99 what",
    "250-no\r\n250-end",
    "\x00\xff\xfe",
    "421 4.3.2 going away",
    "x" * 40_000,
    "354 go on",
    "100 hm",
)


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "RSET"])
async def test_a_connection_that_ends_or_makes_no_sense_is_no_failure_of_the_mail(
    office: Office, smarthost: Scripted, step: str
) -> None:
    office.connections = 1
    smarthost.once[step] = [each for each in FAULTS if (step, each) != ("DATA", "354 go on")]
    if step == "RSET":
        smarthost.answers["RCPT"] = lambda line: "550 5.1.1 no" if "nobody" in line else "250 ok"
    async with office.open() as sending:
        for number in range(1, 30):
            who = "nobody@example.com" if step == "RSET" and number % 2 else BOB
            await sending.queue.submit(office.finished(who))
            await office.told.until(number)
            if not smarthost.once[step] and number > 2:
                break
    assert not smarthost.once[step]
    wanted = [kind for who, kind in office.told.kinds if who == BOB]
    assert set(wanted) == {Kind.ACCEPTED}
    assert len(smarthost.received) == len(wanted)  # each of them once


async def test_an_answer_that_is_lost_after_the_mail_is_tried_again_with_the_same_mail(
    office: Office, smarthost: Scripted
) -> None:
    office.connections = 1
    faults = [HANG_UP, "hello?", "354 go on", "100 hm", "250-no\r\n250-end"]
    for number, fault in enumerate(faults, 1):
        smarthost.once["CONTENT"] = [fault]
        async with office.open() as sending:
            await sending.queue.submit(office.finished(BOB))
            await office.told.until(number)
            await all_noted(sending)
    assert {kind for _, kind in office.told.kinds} == {Kind.ACCEPTED}
    assert smarthost.commands.count("CONTENT") == 2 * len(faults)
    assert {each.content for each in smarthost.received} == {CONTENT.replace(b"\r\n.", b"\r\n..")}


async def test_a_server_that_never_answers_to_the_mail_does_not_get_it_for_ever(
    office: Office, smarthost: Scripted
) -> None:
    smarthost.answers["CONTENT"] = HANG_UP
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB))
        await office.told.until(1)
    assert office.told.kinds == [(BOB, Kind.FAILED)]
    assert "It may have arrived" in office.told.news[0][4].text
    assert smarthost.commands.count("CONTENT") == 3  # the first, and one for each delay of the schedule
    assert not office.bounced


async def test_what_is_wrong_with_the_login_fails_no_mail(office: Office, smarthost: Scripted) -> None:
    smarthost.once["MAIL"] = ["530 5.7.0 Authentication required"] * 3
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB))
        await office.told.until(1)
    assert office.told.kinds == [(BOB, Kind.ACCEPTED)]


async def test_a_smarthost_that_is_away_holds_everything_up(office: Office, smarthost: Scripted) -> None:
    await smarthost.stop()
    async with office.open() as sending:
        for _ in range(5):
            await sending.queue.submit(office.finished(BOB))
        await asyncio.sleep(0.1)
        await smarthost.start()
        await office.told.until(5)
    assert {kind for _, kind in office.told.kinds} == {Kind.ACCEPTED}
    assert len(smarthost.received) == 5


async def test_a_smarthost_that_allows_few_connections_gets_few(office: Office, smarthost: Scripted) -> None:
    office.connections = 4
    smarthost.answers["GREETING"] = lambda _: (
        "421 4.7.0 too many connections" if smarthost.open > 2 else "220 scripted"
    )
    async with office.open() as sending:
        for number in range(40):
            await sending.queue.submit(office.finished(BOB, owner=f"user{number}"))
        await office.told.until(40)
    assert {(outcome.kind, outcome.text) for *_, outcome in office.told.news} == {
        (Kind.ACCEPTED, "Ok: queued as 1")
    }
    assert len(smarthost.received) == 40


async def test_one_users_many_mails_do_not_hold_up_another_one(office: Office, smarthost: Scripted) -> None:
    office.connections = 1
    sending = office.made()
    for _ in range(30):
        await sending.queue.submit(office.finished(BOB, owner="busy"))
    await sending.queue.submit(office.finished(CAROL, owner="other"))
    async with office.open():
        await office.told.until(31)
    order = ["carol" in each.rcpt for each in smarthost.received]
    assert order.index(True) <= 2


async def test_one_users_slow_mails_leave_a_connection_to_others(office: Office, smarthost: Scripted) -> None:
    smarthost.answers["RCPT"] = lambda line: SILENCE if "bob" in line else "250 2.1.5 Ok"
    office.smarthost = replace(office.smarthost, timeout=30)
    async with office.open() as sending:
        for _ in range(5):
            await sending.queue.submit(office.finished(BOB, owner="busy"))
        await smarthost.until(lambda it: any("bob" in each for each in it.commands))
        await sending.queue.submit(office.finished(CAROL, owner="other"))
        await office.told.until(1)
    assert office.told.kinds == [(CAROL, Kind.ACCEPTED)]


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
async def test_a_mail_survives_our_end_at_every_step(office: Office, smarthost: Scripted, step: str) -> None:
    smarthost.once[step] = [SILENCE]
    office.smarthost = replace(office.smarthost, timeout=30)
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB))
        if step == "GREETING":
            await smarthost.until(lambda it: True)
            while not smarthost.connections:
                await asyncio.sleep(0.01)
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
        async with asyncio.timeout(20):
            while not await sending.sendings.owed(10):
                await asyncio.sleep(0.01)
    office.told.here = True
    async with office.open() as sending:
        await office.told.until(1)
        await all_noted(sending)
    async with office.open():
        await asyncio.sleep(0.05)
    assert office.told.kinds == [(BOB, Kind.ACCEPTED)]
    assert len(smarthost.received) == 1


async def test_who_comes_is_told_what_waited(office: Office) -> None:
    office.told.here = False
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB))
        async with asyncio.timeout(20):
            while not await sending.sendings.owed(10):
                await asyncio.sleep(0.01)
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
        async with asyncio.timeout(20):
            while await sending.sendings.earliest("", now + 300) is None:
                await asyncio.sleep(0.01)
    office.schedule = replace(office.schedule, warn=900)
    async with office.open() as sending:
        await office.told.until(1)
        await all_noted(sending)
    async with office.open():
        await asyncio.sleep(0.15)
    assert office.told.kinds == [(BOB, Kind.DELAYED)]
    assert office.told.news[0][4].text == "greylisted"
    office.schedule = replace(office.schedule, warn=100, give_up=500)
    async with office.open():
        await office.told.until(2)
        await no_files(office)
    assert office.told.kinds[1] == (BOB, Kind.FAILED)
    assert office.told.news[1][4].text == "Given up. greylisted"
    assert not smarthost.received
    assert not office.bounced


async def test_an_end_waits_for_what_is_under_way(office: Office, smarthost: Scripted) -> None:
    async with office.open(grace=5) as sending:
        for _ in range(20):
            await sending.queue.submit(office.finished(BOB))
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


async def test_a_large_mail_goes_in_pieces_and_a_no_in_the_middle_is_heard(
    office: Office, smarthost: Scripted
) -> None:
    smarthost.offers = ("8BITMIME",)
    content = CONTENT + b".x\r\n" * 200_000
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB, content=content))
        await office.told.until(1)
    assert smarthost.received[0].content == content.replace(b"\r\n.", b"\r\n..")


async def test_a_server_that_says_no_in_the_middle_is_heard(office: Office) -> None:
    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, EOFError, asyncio.IncompleteReadError):
            writer.write(b"220 hi\r\n")
            for answer in (b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
                await reader.readline()
                writer.write(answer)
            await reader.readexactly(100_000)
            writer.write(b"552 5.3.4 enough\r\n")
            await reader.read()
        writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0)
    office.smarthost = replace(office.smarthost, port=server.sockets[0].getsockname()[1], timeout=5)
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB, content=CONTENT + b"xxx\r\n" * 4_000_000))
        await office.told.until(1)
    server.close()
    assert office.told.kinds == [(BOB, Kind.FAILED)]
    assert office.told.news[0][4].text == "enough"


async def test_a_mail_that_the_server_cannot_take_fails_at_once(office: Office, smarthost: Scripted) -> None:
    smarthost.offers = ("SIZE 100000",)
    async with office.open() as sending:
        await sending.queue.submit(office.finished(BOB, content=CONTENT * 3000))
        await sending.queue.submit(office.finished("дядя@example.com", smtputf8=True))
        await office.told.until(2)
    assert [kind for _, kind in office.told.kinds] == [Kind.FAILED] * 2
    assert {outcome.code for *_, outcome in office.told.news} == {552, 553}
    assert not any(each.startswith("MAIL") for each in smarthost.commands)
    assert not office.bounced


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
    async with office.open():
        await office.told.until(1)
        await asyncio.sleep(0.1)
    assert len(smarthost.received) == 1


async def test_whoever_is_passed_what_was_sent_cannot_make_it_go_again(
    office: Office, smarthost: Scripted
) -> None:
    async def passed(mail: str, path: Path) -> None:
        seen.append((mail, await asyncio.to_thread(path.read_bytes)))
        raise OSError("no space left")

    seen: list[tuple[str, bytes]] = []
    sending = office.made()
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
        accepted=passed,
    )
    task = asyncio.create_task(queue.run())
    await queue.submit(office.finished(BOB))
    async with asyncio.timeout(20):
        while not await sending.sendings.owed(1):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert seen == [("m1", CONTENT)]
    assert [each.mail.split()[1] for each in smarthost.received] == ["FROM:<>"]


class _Nobody:
    def look(self) -> None:
        """Nobody is told."""

    async def failed(self, job: Job, outcome: Outcome) -> None:
        raise AssertionError("nothing fails here")
