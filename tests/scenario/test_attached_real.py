"""A mailbox elsewhere that a user attaches: Dovecot holds it, Postfix sends for whoever logs in with Dovecot's passwords."""

import asyncio
import random
import smtplib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridges.email.bridge import EmailBridge
from bridges.email.config import EmailSettings
from bridges.email.migrations import SCHEMA
from bridges.email.session import EmailSession
from gateway.bridge import Account, Services, SessionEnded
from gateway.clock import SystemClock
from gateway.model import Condition, DeliveryState, Message, MessageKind
from gateway.playground.certificate import Certificate
from gateway.playground.dovecot import PASSWORD, Dovecot
from gateway.playground.postfix import Postfix, lmtp
from gateway.playground.process import free_ports
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from gateway.testing import RecordingSink, RecordingTicket
from tests.rig.servers import StartPostfix
from tests.waiting import eventually

BOB, FAR = "bob@far.example", "far.example"
SECONDS = 30.0


@dataclass
class Scene:
    """``settings`` are what a user registers with whose mailbox is the Dovecot's."""

    bridge: EmailBridge
    dovecot: Dovecot
    settings: dict[str, str]

    def account(self, address: str, **more: str) -> Account:
        return Account(f"user of {address}", "", "me", self.settings | {"email": address} | more)

    async def bring(self, address: str, text: str, *fields: str, sender: str = BOB) -> None:
        lines = (f"From: Bob <{sender}>", f"To: {address}", f"Message-ID: <{random.random()}@{FAR}>", *fields)
        raw = "\r\n".join(("Subject: tea", *lines, "", text, "")).encode()

        def by_lmtp() -> None:
            with smtplib.LMTP(self.dovecot.host, self.dovecot.lmtp_port) as client:
                client.sendmail(sender, [address], raw)

        await asyncio.to_thread(by_lmtp)

    @asynccontextmanager
    async def session(self, account: Account) -> AsyncIterator[tuple[EmailSession, RecordingSink]]:
        sink = RecordingSink()
        session = self.bridge.session(account, sink)
        running = asyncio.create_task(session.run())
        try:
            await sink.wait("online", seconds=SECONDS)
            yield session, sink
        finally:
            session.close("")
            await running


@pytest.fixture
async def scene(
    dovecot: Dovecot, start_postfix: StartPostfix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    place = dovecot.directory
    certificate = Certificate(place / "ca.pem", place / "server.pem", place / "server.key", "")
    postfix: Postfix = await start_postfix(
        routes={
            FAR: lmtp(dovecot.host, dovecot.lmtp_port),
            "x.example": lmtp(dovecot.host, dovecot.lmtp_port),
            "void.example": "error:5.1.1 there is nobody of that name",
        },
        certificate=certificate,
        sasl=dovecot.sasl,
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    nobody, listening = free_ports(2)
    settings = EmailSettings.model_validate(
        {
            "domains": ["gw.example"],
            "window": 0,
            "account_mode": True,
            "account_hosts": ["localhost"],
            "smarthost": {"port": nobody},
            "lmtp": {"listen": f"127.0.0.1:{listening}"},
        }
    )
    clock = SystemClock()
    async with opened(f"sqlite:///{tmp_path / 'test.db'}", clock=clock) as database:
        await database.adopt("email", SCHEMA, clock)
        tables = BridgeTables(database)
        services = Services(
            clock, random.Random(1), "1.0", name="mail", tables=tables, directory=tmp_path / "m"
        )
        bridge = EmailBridge(settings, services)
        running = asyncio.create_task(bridge.run())
        registered = {
            "password": PASSWORD,
            "imap": f"localhost:{dovecot.tls_port}",
            "smtp": f"localhost:{postfix.submission_port}/starttls",
        }
        yield Scene(bridge, dovecot, registered)
        running.cancel()
        await asyncio.wait([running])


def kept(dovecot: Dovecot, user: str, mailbox: str = "") -> dict[str, bytes]:
    """What lies in a mailbox (Maildir): by its flags, each letter of which is one."""
    found = (dovecot.directory / "mail" / user / mailbox / "cur").glob("*")
    return {each.name.partition(":2,")[2]: each.read_bytes() for each in found}


def shown(text: str) -> Callable[[Message], bool]:
    return lambda message: text in message.text


async def test_a_mailbox_elsewhere_is_read_and_sent_from(scene: Scene) -> None:
    address = "alice@x.example"
    account = scene.account(address, read_receipts="asked")
    assert await scene.bridge.validate(account) is None
    async with scene.session(account) as (session, sink):
        ticket = RecordingTicket()
        session.tell(BOB, "Good morning", MessageKind.CHAT, ticket)
        assert (await ticket.outcome(SECONDS)).name == "done"
        await eventually(lambda: len(scene.dovecot.mails(BOB)) == 1)
        (sent,) = scene.dovecot.mails(BOB)
        assert sent.startswith(b"Return-Path: <alice@x.example>")
        assert b"\r\nFrom: alice <alice@x.example>" in sent.replace(b"\n", b"\r\n").replace(b"\r\r", b"\r")
        await sink.wait("delivery", lambda id_, state, why: state is DeliveryState.DELIVERED, seconds=SECONDS)

        await scene.bring(address, "and tea?", f"Disposition-Notification-To: {BOB}")
        call = await sink.wait("direct", shown("and tea?"), seconds=SECONDS)
        message = call.arguments[0]
        # Nobody vouches for it, and it is where it can be answered all the same.
        assert message.sender == BOB
        assert message.text.startswith("⚠")
        for _ in range(2):
            session.mark_read(BOB, message.foreign_id)
        await eventually(lambda: "S" in kept(scene.dovecot, address))
        await eventually(lambda: len(scene.dovecot.mails(BOB)) == 2)
        receipt = scene.dovecot.mails(BOB)[1]
        assert receipt.startswith(b"Return-Path: <>")
        assert b"Disposition: manual-action/MDN-sent-manually; displayed" in receipt
        assert b"Final-Recipient: rfc822;alice@x.example" in receipt

        await eventually(lambda: "S" in kept(scene.dovecot, address, ".Sent"))
        assert b"Good morning" in kept(scene.dovecot, address, ".Sent")["S"]

        failing = RecordingTicket()
        session.tell("nobody@void.example", "Hello?", MessageKind.CHAT, failing)
        line = (await failing.outcome(SECONDS)).arguments[0][0]
        # Its bounce comes to the mailbox, and is news of the message, no mail.
        await sink.wait(
            "delivery",
            lambda id_, state, why: id_ == line and state is DeliveryState.FAILED,
            seconds=SECONDS,
        )
        assert not [each for each in sink.named("direct") if "Undelivered" in each.arguments[0].text]
    assert len(scene.dovecot.mails(BOB)) == 2


async def test_what_came_meanwhile_and_what_was_written_waits_for_the_next_session(scene: Scene) -> None:
    address = "anna@x.example"
    account = scene.account(address)
    async with scene.session(account):
        pass
    await scene.bring(address, "while you were away")
    async with scene.session(account) as (_, sink):
        await sink.wait("direct", shown("while you were away"), seconds=SECONDS)
    async with scene.session(account) as (_, sink):
        await scene.bring(address, "once more")
        await sink.wait("direct", shown("once more"), seconds=SECONDS)
        assert len(sink.named("direct")) == 1


async def test_what_is_wrong_with_a_mailbox_is_said_in_a_sentence(scene: Scene) -> None:
    address = "adam@x.example"
    wrong = await scene.bridge.validate(scene.account(address, password="wrong"))
    assert wrong is not None
    assert wrong.condition is Condition.NOT_AUTHORIZED
    assert "localhost refuses" in wrong.text
    for changed, condition, words in (
        ({"imap": f"localhost:{free_ports(1)[0]}"}, Condition.REMOTE_SERVER_TIMEOUT, "cannot be reached"),
        ({"imap": "127.0.0.1.example:993"}, Condition.NOT_ACCEPTABLE, "There is no server"),
        ({"smtp": "localhost:25/starttls/x"}, Condition.NOT_ACCEPTABLE, "is no server"),
        ({"password": ""}, Condition.NOT_ACCEPTABLE, "password"),
        ({"email": "me@gw.example"}, Condition.NOT_ACCEPTABLE, "this gateway's own"),
    ):
        refused = await scene.bridge.validate(scene.account(address, **{"email": address, **changed}))
        assert refused is not None, changed
        assert (refused.condition, words in refused.text) == (condition, True), refused
    session = scene.bridge.session(scene.account(address, password="wrong"), RecordingSink())
    with pytest.raises(SessionEnded) as ended:
        await session.run()
    assert (ended.value.retry, ended.value.credentials) == (False, True)
