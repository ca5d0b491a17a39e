"""The queue before a smarthost that does as it is told: what is tried again, what is told, what survives."""

import asyncio
import contextlib
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bridges.email.sending.outcome import Kind
from tests.unit.email.sending.conftest import CONTENT, Office
from tests.unit.email.sending.scripted import HANG_UP, SILENCE, Scripted
from tests.waiting import eventually

BOB, CAROL = "bob@example.com", "carol@example.com"


async def test_every_recipient_gets_the_mail_with_a_return_address_of_its_own(
    office: Office, smarthost: Scripted
) -> None:
    async with office.open() as sending:
        mail = office.finished(BOB, CAROL)
        await sending.queue.submit(mail)
        await office.told.until(2)
        await office.no_files()
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
        await office.no_files()
        await eventually(lambda: any(bounce for _, _, bounce in office.bounced), "the bounce")
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
            await office.all_noted()
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
    with capture_logs() as logs:
        async with office.open() as sending:
            for _ in range(5):
                await sending.queue.submit(office.finished(BOB))
            await eventually(lambda: "the smarthost takes no mail" in {each["event"] for each in logs})
            assert "cannot be reached" in sending.queue.trouble
            await smarthost.start()
            await office.told.until(5)
            assert sending.queue.trouble == ""
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
