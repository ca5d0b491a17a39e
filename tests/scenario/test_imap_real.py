"""A mailbox on a real Dovecot, watched and written to."""

import asyncio
import smtplib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridges.email.imap.client import ImapConnection, ImapError, Login, Security, Server, Trouble
from bridges.email.imap.mailbox import ImapMailbox
from gateway.playground.certificate import make_certificate
from gateway.playground.dovecot import PASSWORD, Dovecot


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
        await asyncio.sleep(0.1)
        await own.kill()
        with pytest.raises(ImapError) as gone:
            await asyncio.wait_for(waiting, 10)
        assert gone.value.trouble is Trouble.UNREACHABLE
        await connection.close()
    finally:
        await own.stop()
