"""Mail that real servers bring: Postfix and Exim at the border, the receiving part of the email bridge behind it."""

import asyncio
import contextlib
import re
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.email.mime.reader import Reader
from bridges.email.receiving import replies
from bridges.email.receiving.arrivals import State
from bridges.email.receiving.intake import IntakeLimits
from bridges.email.receiving.receiving import Terms
from bridges.email.receiving.residents import FirstContact
from bridges.email.receiving.trust import Believed
from bridges.email.schema import METADATA
from gateway.bridge import Migration, Schema, Services
from gateway.clock import SystemClock
from gateway.playground.exim import LmtpRoute
from gateway.playground.postfix import Postfix, lmtp
from gateway.playground.smtp_tools import smtp_source
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.rig.servers import Directory, StartExim, StartPostfix
from tests.unit.email.receiving.conftest import People
from tests.unit.email.receiving.dialogue import mail
from tests.unit.email.receiving.house import Chat, House, build, proven
from tests.waiting import eventually

DOMAIN = "gw.example"


@dataclass
class Border:
    """A listener of ours on a port and a socket, for servers of the test."""

    house: House
    chats: dict[str, Chat]
    port: int
    socket: Path

    async def shown(self, owner: str, count: int) -> list[str]:
        await eventually(lambda: len(self.chats[owner].shown) >= count, within=60)
        await self.house.settled(owner)
        return self.chats[owner].texts


class Cutting:
    """A way to the listener on which connections end after the last dot, the answer unsaid, as often as it is told."""

    def __init__(self, port: int, times: int) -> None:
        self._port = port
        self.times = times
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        self._server = await asyncio.start_server(self._met, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        silent = asyncio.Event()

        async def up() -> None:
            tail = b""
            while data := await reader.read(65536):
                if self.times > 0 and b"\r\n.\r\n" in tail + data:
                    self.times -= 1
                    silent.set()
                tail = data[-4:]
                back.write(data)
                await back.drain()
            back.close()

        async def down() -> None:
            while data := await there.read(65536):
                if silent.is_set():
                    break  # it is committed: and now the line is dead
                writer.write(data)
                await writer.drain()
            writer.close()

        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(up(), down())
        for each in (writer, back):
            each.transport.abort()
        self._tasks.discard(task)


async def _make(connection: AsyncConnection) -> None:
    await connection.run_sync(METADATA.create_all, checkfirst=False)


@pytest.fixture
async def border(server_directory: Directory) -> AsyncIterator[Border]:
    directory = server_directory("border")
    directory.chmod(0o777)  # servers that are nobody come in for the socket
    clock = SystemClock()
    async with opened(f"sqlite:///{directory / 'mail.db'}", clock=clock) as database:
        await database.adopt("email", Schema(METADATA, (Migration(1, "all", _make),)), clock)
        services = Services(
            clock, Random(), "1", name="mail", tables=BridgeTables(database), directory=directory
        )
        people = People(
            {"alice": "user-a", "bob": "user-b", "carol": "user-c", "dan": "user-d", "пётр": "user-p"}
        )
        reader = Reader()
        terms = Terms([DOMAIN], DOMAIN, intake=IntakeLimits(rate=10_000, rate_of_sender=10_000))
        # There is no milter here: what one would write is in the mail, below what the server itself writes.
        believed = Believed.of(["mx.example"], ["mx.localhost"], [])
        house = build(services, people, terms, reader, believed)
        chats = {owner: Chat() for owner in people.users.values()}
        people.sinks.update(chats)
        await house.start()
        port = await house.receiving.open_tcp("127.0.0.1", 0)
        socket = directory / "lmtp.sock"
        await house.receiving.open_unix(socket, 0o666)
        yield Border(house, chats, port, socket)
        await house.receiving.close()
        await house.end()
        await reader.close()


async def submit(
    port: int,
    text: str | bytes,
    *recipients: str,
    sender: str = "carol@far.example",
    options: tuple[str, ...] = (),
) -> dict[str, tuple[int, bytes]]:
    """As a server of the world brings it. The recipients that were refused at once, with why."""
    data = text.encode() if isinstance(text, str) else text

    def send() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            return client.sendmail(sender, recipients, data, options)

    return await asyncio.to_thread(send)


async def answer(reader: asyncio.StreamReader) -> None:
    """One reply, all of its lines."""
    while (await asyncio.wait_for(reader.readline(), 30))[3:4] == b"-":
        continue


def ids(postfix: Postfix, what: str) -> set[str]:
    """The mails of which Postfix has logged this."""
    return set(re.findall(rf"\b(\w+): {what}", postfix.child.output()))


def statuses(postfix: Postfix) -> set[tuple[str, str]]:
    """By recipient, what Postfix says became of mail."""
    found = set()
    for line in postfix.child.output().splitlines():
        if " to=<" in line and " status=" in line:
            found.add(
                (line.partition(" to=<")[2].partition("@")[0], line.partition(" status=")[2].split()[0])
            )
    return found


async def test_postfix_is_told_of_each_recipient_of_one_mail(
    border: Border, start_postfix: StartPostfix
) -> None:
    postfix = await start_postfix(routes={DOMAIN: lmtp("127.0.0.1", border.port)})
    border.house.people.policies["user-d"] = FirstContact.CLOSED
    border.house.receiving.intake.waiting.add("user-c", 10_000, 0)
    people = [f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol", "dan", "nobody")]
    await submit(postfix.port, proven(mail()), *people)
    await border.shown("user-a", 1)
    await border.shown("user-b", 1)
    told = {
        ("alice", "sent"),
        ("bob", "sent"),
        ("carol", "deferred"),
        ("dan", "bounced"),
        ("nobody", "bounced"),
    }
    await eventually(lambda: told <= statuses(postfix), "Postfix has written down what became of each")
    # The bounce itself has nowhere to go from here.
    assert statuses(postfix) - told <= {("carol", "bounced")}
    border.house.receiving.intake.waiting.add("user-c", -10_000, 0)
    await border.shown("user-c", 1)
    assert [len(border.chats[owner].shown) for owner in ("user-a", "user-b", "user-c", "user-d")] == [
        1,
        1,
        1,
        0,
    ]


async def test_postfix_learns_at_the_border_who_is_here(border: Border, start_postfix: StartPostfix) -> None:
    postfix = await start_postfix(
        routes={DOMAIN: lmtp("127.0.0.1", border.port)},
        settings={
            "smtpd_recipient_restrictions": "reject_unverified_recipient",
            "unverified_recipient_reject_code": "550",
            "address_verify_poll_delay": "1s",
            "address_verify_map": "",
        },
    )
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await submit(postfix.port, mail(), f"nobody@{DOMAIN}")
    ((code, text),) = refused.value.recipients.values()
    assert code == 550
    assert b"no such user here" in text
    border.house.people.broken = True
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await submit(postfix.port, mail(), f"bob@{DOMAIN}")
    assert next(iter(refused.value.recipients.values()))[0] == 450
    border.house.people.broken = False
    assert await border.house.all() == []  # asking left nothing behind
    assert await submit(postfix.port, mail(), f"alice@{DOMAIN}") == {}
    await border.shown("user-a", 1)


async def test_a_mail_whose_answer_was_lost_is_shown_once(
    border: Border, start_postfix: StartPostfix
) -> None:
    cutting = Cutting(border.port, times=2)
    postfix = await start_postfix(routes={DOMAIN: lmtp("127.0.0.1", await cutting.open())})
    await submit(postfix.port, mail(), f"alice@{DOMAIN}", f"bob@{DOMAIN}")
    await submit(postfix.port, mail("without an id", message_id=""), f"alice@{DOMAIN}")
    await eventually(lambda: postfix.child.output().count("status=sent") == 3, within=60)
    assert "status=deferred" in postfix.child.output()
    assert len(await border.shown("user-a", 2)) == 2
    assert len(await border.shown("user-b", 1)) == 1
    assert len(await border.house.all()) == 3  # nobody was kept a copy that was there before
    await cutting.close()


async def test_addresses_of_every_script_come_through_a_unix_socket(
    border: Border, start_postfix: StartPostfix
) -> None:
    postfix = await start_postfix(routes={DOMAIN: f"lmtp:unix:{border.socket}"})
    text = mail("Привет.", sender="Карл <карл@пошта.example>", to="пётр@gw.example", subject="Чай")
    await submit(
        postfix.port,
        text,
        f"пётр@{DOMAIN}",
        sender="карл@пошта.example",
        options=("SMTPUTF8", "BODY=8BITMIME"),
    )
    (shown,) = await border.shown("user-p", 1)
    assert "карл@пошта.example" in shown
    assert shown.endswith("Чай\n\nПривет.")
    (arrival,) = await border.house.all()
    assert (arrival.sender, arrival.recipient) == ("карл@пошта.example", f"пётр@{DOMAIN}")


async def test_what_nobody_may_say_is_not_believed_through_a_real_server(
    border: Border, start_postfix: StartPostfix
) -> None:
    postfix = await start_postfix(routes={DOMAIN: lmtp("127.0.0.1", border.port)})
    forged = "Received: from x by mx.elsewhere.example; Tue, 14 Nov 2023 22:13:00 +0000\r\n" + proven(mail())
    await submit(postfix.port, forged, f"alice@{DOMAIN}", sender="")
    await border.shown("user-a", 1)
    assert border.chats["user-a"].shown[0].sender == ""
    hops = "".join(
        f"Received: from a by b{number}.example;\r\n Tue, 14 Nov 2023 22:13:00 +0000\r\n"
        for number in range(30)
    )
    await submit(postfix.port, hops + mail("loop"), f"alice@{DOMAIN}", sender=f"bob@{DOMAIN}")
    await eventually(lambda: ("alice", "bounced") in statuses(postfix))
    assert replies.LOOP.text in postfix.child.output()
    # Postfix's own report to a user here, of a mail that we never sent: somebody used the address.
    await eventually(lambda: ("bob", "sent") in statuses(postfix))
    await border.house.settled("user-b")
    assert border.chats["user-b"].shown == []
    assert (State.DROPPED, "foreign report") in await border.house.states()


async def test_load_from_postfix_is_all_shown(
    border: Border, start_postfix: StartPostfix, server_directory: Directory
) -> None:
    postfix = await start_postfix(routes={DOMAIN: lmtp("127.0.0.1", border.port)})
    target = f"inet:127.0.0.1:{postfix.port}"
    source = ["-s", "4", "-m", "60", "-l", "4096", "-f", "load@far.example", "-t", f"alice@{DOMAIN}"]
    await smtp_source(server_directory("source"), target, *source)
    await border.shown("user-a", 60)
    direct = ["-L", *source[:-1], f"bob@{DOMAIN}"]
    await smtp_source(server_directory("source"), f"inet:127.0.0.1:{border.port}", *direct)
    assert len(await border.shown("user-b", 60)) == 60


async def test_exim_is_told_of_each_recipient_and_brings_long_lines(
    border: Border, start_exim: StartExim
) -> None:
    exim = await start_exim(routes={DOMAIN: LmtpRoute(port=border.port)})
    border.house.people.policies["user-d"] = FirstContact.CLOSED
    border.house.receiving.intake.waiting.add("user-c", 10_000, 0)
    people = [f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol", "dan", "nobody")]
    await submit(exim.port, proven(mail("x" * 990 + " " + "y" * 3000)), *people, sender=f"bob@{DOMAIN}")
    (shown,) = await border.shown("user-a", 1)
    assert "y" * 3000 in shown
    await border.shown("user-b", 1)
    await eventually(lambda: "452 4.2.2" in exim.log and "550 5.7.1" in exim.log and "550 5.1.1" in exim.log)
    border.house.receiving.intake.waiting.add("user-c", -10_000, 0)
    await border.shown("user-c", 1)
    assert [len(border.chats[owner].shown) for owner in ("user-a", "user-b", "user-c", "user-d")] == [
        1,
        1,
        1,
        0,
    ]


async def test_exim_asks_before_it_takes_and_finds_the_socket(border: Border, start_exim: StartExim) -> None:
    asking = await start_exim(routes={DOMAIN: LmtpRoute(port=border.port)}, verify=True)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await submit(asking.port, mail(), f"nobody@{DOMAIN}")
    assert next(iter(refused.value.recipients.values()))[0] == 550
    assert await submit(asking.port, mail(), f"alice@{DOMAIN}") == {}
    await border.shown("user-a", 1)
    exim = await start_exim(routes={DOMAIN: LmtpRoute(path=border.socket)})
    assert await submit(exim.port, mail("by socket"), f"alice@{DOMAIN}", f"nobody@{DOMAIN}", sender="") == {}
    assert "by socket" in (await border.shown("user-a", 2))[1]
    await eventually(lambda: "550 5.1.1" in exim.log)


async def test_nothing_that_postfix_sees_as_one_mail_becomes_two(
    border: Border, start_postfix: StartPostfix
) -> None:
    postfix = await start_postfix(
        routes={DOMAIN: lmtp("127.0.0.1", border.port)}, settings={"smtpd_forbid_bare_newline": "no"}
    )
    smuggled = (
        b"\n.\nMAIL FROM:<e@evil.example>\nRCPT TO:<bob@gw.example>\nDATA\nFrom: e@evil.example\n\nhi\n.\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", postfix.port)
    lines = [b"EHLO x", b"MAIL FROM:<carol@far.example>", b"RCPT TO:<alice@gw.example>", b"DATA"]
    await answer(reader)
    for line in lines:
        writer.write(line + b"\r\n")
        await answer(reader)
    writer.write(mail("one").encode() + smuggled + b"\r\n.\r\nQUIT\r\n")
    await reader.read()
    writer.close()
    await border.shown("user-a", 1)
    await eventually(lambda: ids(postfix, "client=") <= ids(postfix, "removed"), "an empty queue")
    # An old Postfix takes a bare LF for an end of line, and so passes on two mails that are two to everybody.
    assert len(await border.house.all()) == postfix.child.output().count("status=sent")
