"""Mail through a real Postfix: what its delivery reports say, logins, letters beyond ASCII, 421, and faults."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from bridges.email.addresses import parse
from bridges.email.mime.limits import Limits
from bridges.email.mime.reading import read
from bridges.email.sending.outcome import Kind
from bridges.email.sending.returned import What
from bridges.email.sending.smarthost import Smarthost
from bridges.email.sending.trial import trial
from bridges.email.sending.verp import ReturnPaths
from gateway.clock import SystemClock
from gateway.playground.certificate import Certificate
from gateway.playground.postfix import Postfix, lmtp
from gateway.playground.sasl import Logins
from gateway.storage.bridge_tables import BridgeTables
from tests.rig.servers import StartPostfix, StartSink
from tests.unit.email.conftest import clock, tables
from tests.unit.email.sending.conftest import QUICK, SECRET, Office
from tests.waiting import eventually

__all__ = ["clock", "tables"]  # fixtures

LOGIN = ("gateway", "sesame+")


@dataclass
class Far:
    """Mailboxes elsewhere, and our own LMTP: ``nobody`` is refused, ``slow`` put off, all others get their mail."""

    mails: list[tuple[str, str, bytes]] = field(default_factory=list)
    port: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 <nobody> is not here"
        if address.startswith("slow@"):
            return "450 4.2.0 greylisted, come back"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        async with self.changed:
            self.mails += [(envelope.mail_from or "", each, content) for each in envelope.rcpt_tos]
            self.changed.notify_all()
        return "\r\n".join(["250 2.0.0 Ok"] * len(envelope.rcpt_tos))

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: len(self.mails) >= count)


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    one = Far()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: LMTP(one, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    yield one
    server.close()


@pytest.fixture
async def logins() -> AsyncIterator[Logins]:
    one = await Logins({}).start()
    yield one
    await one.stop()


@pytest.fixture
def office(tables: BridgeTables, tmp_path: Path) -> Office:
    return Office(tables, tmp_path, 0)


async def returned(office: Office, far: Far, count: int) -> list[What]:
    """Bring ``count`` mails that came back to where they are understood."""
    paths = ReturnPaths(SECRET, "mail.test")
    found: list[What] = []
    seen = 0
    async with asyncio.timeout(40):
        while len(found) < count:
            await far.until(seen + 1)
            for _, rcpt, content in far.mails[seen:]:
                place = paths.read(parse(rcpt), SystemClock().now())
                if place is not None:
                    letter = read(content, Limits())
                    found.append((await office.sending.returns.at_return_path(letter, place)).what)
                seen += 1
    return found


async def test_delivery_reports_of_postfix_tell_what_became_of_each_recipient(
    office: Office, far: Far, start_postfix: StartPostfix
) -> None:
    postfix = await start_postfix(
        routes={
            "mail.test": lmtp("127.0.0.1", far.port),
            "far.test": lmtp("127.0.0.1", far.port),
            "void.test": "discard:",
        },
        settings={"delay_warning_time": "1s"},
    )
    office.smarthost = replace(office.smarthost, port=postfix.submission_port, timeout=20)
    async with office.open() as sending:
        recipients = ("ok@far.test", "nobody@far.test", "slow@far.test", "gone@void.test", "x@nowhere.test")
        await sending.queue.submit(office.finished(*recipients))
        assert await returned(office, far, 4) == [What.REPORT] * 4
        await office.all_noted()
    last = {recipient: outcome for *_, recipient, outcome in office.told.news}
    assert {recipient: outcome.kind for recipient, outcome in last.items()} == {
        "ok@far.test": Kind.RELAYED,  # its server has no reports
        "nobody@far.test": Kind.FAILED,
        "slow@far.test": Kind.DELAYED,
        "gone@void.test": Kind.DELIVERED,
        "x@nowhere.test": Kind.FAILED,
    }
    refused = last["nobody@far.test"]
    assert (refused.code, refused.status) == (550, "5.1.1")
    assert "is not here" in refused.text
    assert "greylisted" in last["slow@far.test"].text
    assert last["x@nowhere.test"].code == 550  # by the smarthost itself, at once
    assert {mailbox for _, mailbox, bounce in office.bounced if bounce} >= {"nobody@far.test"}
    (mail,) = (content for _, rcpt, content in far.mails if rcpt == "ok@far.test")
    assert b"\r\n\r\n.dots\r\n..and more\r\n" in mail


async def test_letters_beyond_ascii_and_a_login_over_starttls(
    office: Office, far: Far, start_postfix: StartPostfix, certificate: Certificate, logins: Logins
) -> None:
    logins.accounts.update([LOGIN])
    postfix = await start_postfix(
        routes={"mail.test": lmtp("127.0.0.1", far.port), "xn--mnchen-3ya.test": lmtp("127.0.0.1", far.port)},
        certificate=_readable(certificate),
        sasl=logins.place,
    )
    office.smarthost = _secured(postfix, certificate)
    good = await trial(office.smarthost, "b+x@mail.test", 10**9)
    assert good.good
    assert "message_size" in good.notes[0]
    async with office.open() as sending:
        await sending.queue.submit(
            office.finished(
                "дядя@münchen.test",
                content="Subject: привет\r\nTo: <дядя@münchen.test>\r\n\r\nх\r\n".encode(),
                smtputf8=True,
            )
        )
        await far.until(1)
        await office.told.until(1)
    assert far.mails[0][1].startswith("дядя@")
    assert "Subject: привет".encode() in far.mails[0][2]
    bad = await trial(replace(office.smarthost, password="wrong"), "b+x@mail.test", 1000)
    assert "does not accept the login" in bad.text
    none = await trial(replace(office.smarthost, username=""), "b+x@mail.test", 1000)
    assert "does not send mail to the world for us" in none.text
    plain = await trial(replace(office.smarthost, security="none"), "b+x@mail.test", 1000)
    assert "Set `tls`" in plain.text or "offers no login" in plain.text
    stranger = await trial(replace(office.smarthost, ca_file=None), "b+x@mail.test", 1000)
    assert "certificate" in stranger.text


async def test_a_login_that_is_wrong_for_a_while_costs_no_mail(
    office: Office, far: Far, start_postfix: StartPostfix, certificate: Certificate, logins: Logins
) -> None:
    postfix = await start_postfix(
        routes={"far.test": lmtp("127.0.0.1", far.port)},
        certificate=_readable(certificate),
        sasl=logins.place,
        settings={"smtpd_error_sleep_time": "0"},
    )
    office.smarthost = _secured(postfix, certificate)
    async with office.open() as sending:
        await sending.queue.submit(office.finished("ok@far.test"))
        await eventually(lambda: "authentication failed" in postfix.child.output())
        logins.accounts.update([LOGIN])
        await office.told.until(1)
    assert office.told.kinds == [("ok@far.test", Kind.ACCEPTED)]


async def test_a_postfix_that_allows_one_connection_gets_all_mails(
    office: Office, far: Far, start_postfix: StartPostfix
) -> None:
    postfix = await start_postfix(
        routes={"far.test": lmtp("127.0.0.1", far.port)},
        settings={"smtpd_client_connection_count_limit": "1", "smtpd_client_event_limit_exceptions": ""},
    )
    office.smarthost = replace(office.smarthost, port=postfix.submission_port, timeout=20)
    office.connections = 4
    async with office.open() as sending:
        for number in range(12):
            await sending.queue.submit(office.finished("ok@far.test", owner=f"user{number}"))
        await office.told.until(12)
    assert {kind for _, kind in office.told.kinds} == {Kind.ACCEPTED}
    refused = ("421 4.7.0", "Connection concurrency limit")
    await eventually(
        lambda: any(each in postfix.child.output() for each in refused), "connections are refused"
    )


async def test_a_postfix_that_is_killed_and_comes_back_gets_all_mails(
    office: Office, far: Far, start_postfix: StartPostfix
) -> None:
    postfix = await start_postfix(routes={"far.test": lmtp("127.0.0.1", far.port)})
    office.smarthost = replace(office.smarthost, port=postfix.submission_port, timeout=5)
    async with office.open() as sending:
        mails = [office.finished(f"ok{number}@far.test") for number in range(30)]
        for mail in mails[:15]:
            await sending.queue.submit(mail)
        await office.told.until(3)
        await postfix.kill()
        for mail in mails[15:]:
            await sending.queue.submit(mail)
        await postfix.restart()
        await office.told.until(30)
        await eventually(lambda: len({rcpt for _, rcpt, _ in far.mails}) >= 30)
    assert {kind for _, kind in office.told.kinds} == {Kind.ACCEPTED}


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (("-r", "RCPT"), None),
        (("-r", "."), None),
        (("-f", "RCPT"), Kind.FAILED),
        (("-f", "MAIL"), Kind.FAILED),
        (("-f", "."), Kind.FAILED),
        (("-q", "RCPT"), None),
        (("-q", "."), Kind.FAILED),  # nobody knows, at last
        (("-w", "1"), Kind.ACCEPTED),
        (("-e",), Kind.ACCEPTED),
        (("-8",), Kind.ACCEPTED),
    ],
)
async def test_what_smtp_sink_does_to_us(
    office: Office, start_sink: StartSink, options: tuple[str, ...], kind: Kind | None
) -> None:
    sink = await start_sink(*options)
    office.smarthost = replace(office.smarthost, port=sink.port, timeout=10)
    office.schedule = replace(QUICK, give_up=2.0) if kind is None else QUICK
    async with office.open() as sending:
        await sending.queue.submit(office.finished("bob@example.com"))
        await office.told.until(1)
    outcome = office.told.news[0][4]
    assert outcome.kind is (kind or Kind.FAILED)
    assert outcome.text.startswith("Given up") is (kind is None)


async def test_a_trial_says_what_is_wrong(start_sink: StartSink) -> None:
    for options, words in (
        (("-r", "CONNECT"), "takes no mail from here just now"),
        (("-f", "EHLO", "-f", "HELO"), "refuses our name"),
        (("-f", "MAIL"), "refuses our return addresses"),
        (("-q", "MAIL"), "broke off"),
    ):
        sink = await start_sink(*options)
        found = await trial(Smarthost("127.0.0.1", sink.port, "none", timeout=5), "b+x@mail.test", 1000)
        assert not found.good
        assert words in found.text
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    found = await trial(Smarthost("127.0.0.1", port, "none", timeout=5), "b+x@mail.test", 1000)
    assert "Connection refused" in found.text


def _secured(postfix: Postfix, certificate: Certificate) -> Smarthost:
    return Smarthost(
        "localhost",
        postfix.submission_port,
        "starttls",
        hello="mail.test",
        ca_file=certificate.authority,
        username=LOGIN[0],
        password=LOGIN[1],
        timeout=20,
    )


def _readable(certificate: Certificate) -> Certificate:
    """By Postfix, which is nobody."""
    for path in (certificate.certificate, certificate.key):
        path.chmod(0o644)
    return certificate
