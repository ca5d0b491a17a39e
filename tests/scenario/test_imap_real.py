"""A mailbox on a real Dovecot, watched and written to."""

import asyncio
import smtplib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.email.imap.client import ImapConnection, ImapError, Login, Security, Server, Trouble
from bridges.email.imap.mailbox import ImapMailbox
from bridges.email.imap.watch import Attached, Cursor, Cursors, Statement, Watch
from bridges.email.schema import METADATA
from bridges.email.sending.filing import Filing
from gateway.bridge import Migration, Schema
from gateway.clock import SystemClock
from gateway.playground.certificate import make_certificate
from gateway.playground.dovecot import PASSWORD, Dovecot
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.waiting import eventually


def server_of(dovecot: Dovecot, security: Security = Security.TLS) -> Server:
    context = ssl.create_default_context(cafile=str(dovecot.directory / "ca.pem"))
    return Server(
        dovecot.host, dovecot.tls_port if security is Security.TLS else dovecot.port, security, context
    )


@asynccontextmanager
async def logged_in(
    dovecot: Dovecot, user: str, security: Security = Security.TLS
) -> AsyncIterator[ImapConnection]:
    connection = await ImapConnection.open(server_of(dovecot, security))
    try:
        await connection.log_in(Login(user, PASSWORD))
        yield connection
    finally:
        await connection.close()


async def bring(dovecot: Dovecot, user: str, body: str) -> None:
    def by_lmtp() -> None:
        with smtplib.LMTP(dovecot.host, dovecot.lmtp_port) as client:
            client.sendmail("bob@y.example", [user], f"Subject: x\r\n\r\n{body}\r\n".encode())

    await asyncio.to_thread(by_lmtp)


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS, Security.NONE])
async def test_mail_is_noticed_while_it_is_waited_for_and_read_as_it_is(
    dovecot: Dovecot, security: Security
) -> None:
    user = f"alice-{security}@x.example"
    async with logged_in(dovecot, user, security) as connection:
        mailbox = ImapMailbox(connection)
        selected = await mailbox.select()
        assert selected.exists == 0
        waiting = asyncio.create_task(connection.idle(20))
        await bring(dovecot, user, "good morning")
        assert await waiting
        (uid,) = await mailbox.after(0)
        assert uid >= selected.next_uid
        mail = await mailbox.fetch(uid)
        assert mail is not None
        assert mail.raw.endswith(b"good morning\r\n")
        assert len(mail.raw) == mail.size == await mailbox.size(uid)
        assert "\\seen" not in mail.flags
        await mailbox.mark_seen(uid)
        header = await mailbox.fetch(uid, header_only=True)
        assert header is not None
        assert "\\seen" in header.flags
        assert b"good morning" not in header.raw
        assert await mailbox.after(uid) == []
        assert await mailbox.fetch(uid + 1) is None
        assert not await connection.idle(0.1)


async def test_sent_mail_is_kept_where_the_server_says(dovecot: Dovecot) -> None:
    raw = b"Subject: sent\r\n\r\n" + b"\xc3\xa4\0{5}\r\n" * 1000
    async with logged_in(dovecot, "sender@x.example") as connection:
        mailbox = ImapMailbox(connection)
        sent = await mailbox.sent_mailbox()
        assert sent == b"Sent"
        await mailbox.append(sent, raw)
        await mailbox.select(sent)
        (uid,) = await mailbox.after(0)
        mail = await mailbox.fetch(uid)
        assert mail is not None
        assert "\\seen" in mail.flags
        assert mail.raw.replace(b"\x80", b"\0") == raw  # Dovecot stores no NUL


async def test_what_is_wrong_is_said_in_a_sentence(dovecot: Dovecot, tmp_path: Path) -> None:
    connection = await ImapConnection.open(server_of(dovecot))
    with pytest.raises(ImapError, match="Authentication failed") as wrong:
        await connection.log_in(Login("alice@x.example", "wrong"))
    assert wrong.value.trouble is Trouble.CREDENTIALS
    await connection.close()
    stranger = ssl.create_default_context(cafile=str(make_certificate(tmp_path).authority))
    for security, port in ((Security.TLS, dovecot.tls_port), (Security.STARTTLS, dovecot.port)):
        with pytest.raises(ImapError) as untrusted:
            await ImapConnection.open(Server(dovecot.host, port, security, stranger))
        assert untrusted.value.trouble is Trouble.CERTIFICATE
    with pytest.raises(ImapError, match="cannot be reached") as closed:
        await ImapConnection.open(Server(dovecot.host, 1, Security.NONE))
    assert closed.value.trouble is Trouble.UNREACHABLE


async def test_a_server_that_dies_is_noticed_at_once(server_directory) -> None:
    own = await Dovecot.start(server_directory("dying-dovecot"))
    try:
        connection = await ImapConnection.open(Server(own.host, own.port, Security.NONE))
        await connection.log_in(Login("alice@x.example", PASSWORD))
        await ImapMailbox(connection).select()
        waiting = asyncio.create_task(connection.idle(60))
        await eventually(lambda: connection._idling)
        await own.kill()
        with pytest.raises(ImapError) as gone:
            await asyncio.wait_for(waiting, 10)
        assert gone.value.trouble is Trouble.UNREACHABLE
        await connection.close()
    finally:
        await own.stop()


class Shelf:
    """``Taking`` and ``Filings`` of a test: what was taken, in order, and what is to be kept."""

    def __init__(self, tables: BridgeTables, directory: Path) -> None:
        self.taken: list[bytes] = []
        self._directory = directory
        self._sent: dict[str, Filing] = {}
        self._tables = tables
        self._came = asyncio.Event()

    async def sends(self, message_id: str, raw: bytes) -> None:
        path = self._directory / f"{len(self._sent)}.eml"
        await asyncio.to_thread(path.write_bytes, raw)
        self._sent[message_id] = Filing(message_id, message_id, path)

    async def owed(self, owner: str) -> Sequence[Filing]:
        return list(self._sent.values())

    async def done(self, owner: str, mail: str) -> None:
        del self._sent[mail]
        self._came.set()

    async def kept(self, mail: str) -> None:
        async with asyncio.timeout(60):
            while mail in self._sent:
                self._came.clear()
                await self._came.wait()

    async def take(
        self, owner: str, mailbox: str, raw: bytes, also: Callable[[str], Sequence[Statement]]
    ) -> None:
        self.taken.append(raw.rpartition(b"\r\n\r\n")[2].strip())
        await self._tables.write(*also(f"m{len(self.taken)}"))
        self._came.set()

    async def has(self, *bodies: bytes) -> None:
        async with asyncio.timeout(60):
            while self.taken != list(bodies):
                self._came.clear()
                await self._came.wait()


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[tuple[Shelf, Cursors]]:
    async def create(connection: AsyncConnection) -> None:
        await connection.run_sync(METADATA.create_all)

    async with opened(f"sqlite:///{tmp_path / 'test.db'}", clock=SystemClock()) as database:
        await database.adopt("email", Schema(METADATA, (Migration(1, "today", create),)), SystemClock())
        tables = BridgeTables(database)
        yield Shelf(tables, tmp_path), Cursors(tables, "mail")


@asynccontextmanager
async def watching(dovecot: Dovecot, user: str, shelf: tuple[Shelf, Cursors]) -> AsyncIterator[Watch]:
    attached = Attached("alice", user, server_of(dovecot), Login(user, PASSWORD))
    online = asyncio.Event()
    watch = Watch(attached, shelf[1], shelf[0], shelf[0], largest=1_000_000)
    running = asyncio.create_task(watch.run(online.set))
    try:
        async with asyncio.timeout(60):
            await online.wait()
        yield watch
    finally:
        running.cancel()
        await asyncio.wait([running])


async def flags_of(dovecot: Dovecot, user: str, uid: int) -> frozenset[str]:
    async with logged_in(dovecot, user) as connection:
        mailbox = ImapMailbox(connection)
        await mailbox.select()
        mail = await mailbox.fetch(uid, header_only=True)
        return mail.flags if mail is not None else frozenset()


async def seen(dovecot: Dovecot, user: str, uid: int) -> None:
    """It is another program that marks it: there is nothing to wait for but its being so."""

    async def marked() -> bool:
        return "\\seen" in await flags_of(dovecot, user, uid)

    await eventually(marked, within=60)


async def test_a_watched_mailbox_brings_what_is_new_once_and_shows_what_was_read(
    dovecot: Dovecot, shelf: tuple[Shelf, Cursors]
) -> None:
    user = "watched@x.example"
    await bring(dovecot, user, "before we came")
    async with watching(dovecot, user, shelf) as watch:
        await bring(dovecot, user, "one")
        await bring(dovecot, user, "two")
        await shelf[0].has(b"one", b"two")
        await shelf[0].sends("<a@gw.example>", b"Message-ID: <a@gw.example>\r\n\r\nsent\r\n")
        watch.keep_sent()
        await shelf[0].kept("<a@gw.example>")
        watch.mark_read("m1")
        await seen(dovecot, user, 2)
    await bring(dovecot, user, "while nobody looked")
    async with watching(dovecot, user, shelf):
        await shelf[0].has(b"one", b"two", b"while nobody looked")
    assert "\\seen" not in await flags_of(dovecot, user, 3)
    async with logged_in(dovecot, user) as connection:
        assert (await ImapMailbox(connection).select(b"Sent")).exists == 1


async def test_what_was_sent_is_kept_once_whoever_was_killed_when(
    dovecot: Dovecot, shelf: tuple[Shelf, Cursors]
) -> None:
    user, raw = "owed@x.example", b"Message-ID: <%s@gw.example>\r\n\r\nsent\r\n"
    async with logged_in(dovecot, user) as connection:
        # Killed before the APPEND: nothing lies there. Killed before its commit: it does.
        await shelf[0].sends("<before@gw.example>", raw % b"before")
        await shelf[0].sends("<after@gw.example>", raw % b"after")
        mailbox = ImapMailbox(connection)
        await mailbox.append(b"Sent", raw % b"after")
    async with watching(dovecot, user, shelf):
        await shelf[0].kept("<before@gw.example>")
        await shelf[0].kept("<after@gw.example>")
        await bring(dovecot, user, "and the inbox is watched again")
        await shelf[0].has(b"and the inbox is watched again")
    async with logged_in(dovecot, user) as connection:
        mailbox = ImapMailbox(connection)
        assert (await mailbox.select(b"Sent")).exists == 2
        assert await mailbox.has(b"Sent", "<before@gw.example>")
        assert not await mailbox.has(b"Sent", "<never@gw.example>")


async def test_a_mailbox_that_was_made_anew_is_looked_through(
    dovecot: Dovecot, shelf: tuple[Shelf, Cursors]
) -> None:
    user = "anew@x.example"
    await bring(dovecot, user, "one")
    await shelf[1].save("alice", Cursor(1, 999))  # of a mailbox that is no more
    async with watching(dovecot, user, shelf):
        await shelf[0].has(b"one")
    cursor = await shelf[1].of("alice")
    assert cursor is not None
    assert cursor.validity > 1


async def test_a_mail_that_is_too_large_is_taken_by_its_header(
    dovecot: Dovecot, shelf: tuple[Shelf, Cursors]
) -> None:
    user = "large@x.example"
    async with watching(dovecot, user, shelf):
        await bring(dovecot, user, ("x" * 70 + "\r\n") * 20_000)
        await bring(dovecot, user, "small")
        await shelf[0].has(b"", b"small")
