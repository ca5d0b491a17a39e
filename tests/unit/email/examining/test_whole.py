"""What the doctor says of mail as a whole: a smarthost that does as it is told, the door for mail, and the DNS of a test."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from bridges.email.bridge import EmailBridge
from bridges.email.config import EmailSettings, LmtpSettings
from bridges.email.examining.names import Dns
from bridges.email.examining.way_in import door_of
from bridges.email.examining.way_out import smarthost as smarthost_findings
from bridges.email.examining.whole import examine
from bridges.email.receiving import replies
from bridges.email.receiving.lmtp import Limits, Listener, Offered
from bridges.email.receiving.replies import Reply
from bridges.email.ways import smarthost_of
from gateway.bridge import Finding, Services, Verdict
from gateway.clock import SystemClock
from gateway.playground.process import free_ports
from tests.fakes.dns import name_server
from tests.unit.email.sending.scripted import Scripted

HERE = "8.8.4.4"
ZONE: dict[str, dict[str, Sequence[str]]] = {
    "mail.org": {"MX": ["10 mx.mail.org"], "TXT": ["v=spf1 mx -all"]},
    "mx.mail.org": {"A": [HERE]},
    "k1._domainkey.mail.org": {"TXT": ["v=DKIM1; p=MII"]},
    "_dmarc.mail.org": {"TXT": ["v=DMARC1; p=reject"]},
    "4.4.8.8.in-addr.arpa": {"PTR": ["mx.mail.org"]},
}
WELL: dict[str, Any] = {
    "domains": ["mail.org"],
    "alias_domain": "mail.org",
    "postmaster": "ann@mail.org",
    "trust": {"authserv_ids": ["mx.mail.org"]},
}


class Border:
    """``lmtp.Border`` that takes what it is told to, and no mail: a doctor brings none."""

    def __init__(self, answer: Reply = replies.RECIPIENT_FINE) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    async def sender(self, address: str) -> Reply:
        return replies.SENDER_FINE

    async def recipient(self, sender: str, address: str) -> Reply:
        self.asked.append((sender, address))
        return self.answer

    async def mail(self, offered: Offered) -> Sequence[Reply]:
        raise AssertionError("a mail came")


@pytest.fixture
async def smarthost() -> AsyncIterator[Scripted]:
    server = await Scripted(answers={"EHLO": "250-mx.mail.org\r\n250-DSN\r\n250 SMTPUTF8"}).start()
    yield server
    await server.stop()


def configured(server: Scripted, **more: Any) -> EmailSettings:
    submission = {"host": "127.0.0.1", "port": server.port, **more.pop("smarthost", {})}
    lmtp = {"listen": f"127.0.0.1:{free_ports(1)[0]}"}
    return EmailSettings.model_validate(WELL | {"lmtp": lmtp, "smarthost": submission} | more)


def bridge_of(settings: EmailSettings) -> EmailBridge:
    return EmailBridge(settings, Services(SystemClock(), random.Random(1), "1"))


async def examined(settings: EmailSettings) -> Mapping[str, Finding]:
    async with name_server(ZONE) as names:
        found = examine(
            settings,
            bridge_of(settings).office,
            SystemClock(),
            lambda: smarthost_of(settings),
            names=Dns(["127.0.0.1"], names.port),
            outgoing=lambda: [HERE],
        )
        return {each.subject: each async for each in found}


async def way_in(listen: str, **more: Any) -> Mapping[str, Finding]:
    settings = LmtpSettings(listen=listen, **more)
    return {each.subject: each for each in await door_of(settings, "mail.org", ["mail.org"])}


async def out(server: Scripted, **more: Any) -> Mapping[str, Finding]:
    settings = configured(server, **more)
    found, _ = await smarthost_findings(settings, lambda: smarthost_of(settings), 10.0, 0.0)
    return {each.subject: each for each in found}


async def test_all_is_well_and_nothing_was_sent(smarthost: Scripted) -> None:
    settings = configured(smarthost)
    assert bridge_of(settings).capabilities.examined
    found = await examined(settings)
    assert {each.verdict for each in found.values()} == {Verdict.OK}, found
    assert {"lmtp", "smarthost", "mx of mail.org", "reading of mail", "tls of the smarthost"} <= set(found)
    assert smarthost.received == []
    assert smarthost.connections == 1


async def test_the_postmaster_is_asked_for_at_a_gateway_that_runs() -> None:
    border = Border()
    running = Listener(border, "mail.org", Limits())
    port = await running.open_tcp()
    finding = (await way_in(f"127.0.0.1:{port}"))["lmtp"]
    assert finding.verdict is Verdict.OK
    assert border.asked == [("", "postmaster@mail.org")]
    border.answer = replies.OVER_QUOTA
    finding = (await way_in(f"127.0.0.1:{port}"))["lmtp"]
    assert finding.verdict is Verdict.NOTE
    assert "(postmaster@mail.org)" in finding.text
    await running.close()


async def test_a_door_that_cannot_be_opened_is_a_failure(smarthost: Scripted) -> None:
    assert (await way_in(f"127.0.0.1:{smarthost.port}"))["lmtp"].verdict is Verdict.FAIL


async def test_a_door_to_the_world_is_noted() -> None:
    (port,) = free_ports(1)
    found = await way_in(f"0.0.0.0:{port}", allow_remote=True)
    assert found["lmtp access"].verdict is Verdict.NOTE
    assert "firewall" in found["lmtp access"].text


async def test_a_smarthost_that_is_not_there_is_a_failure_and_harms_nothing_else() -> None:
    found = await examined(configured(Scripted(port=free_ports(1)[0])))
    assert found["smarthost"].verdict is Verdict.FAIL
    assert found["mx of mail.org"].verdict is Verdict.OK


async def test_what_the_smarthost_does_not_take_is_noted(smarthost: Scripted) -> None:
    smarthost.answers["MAIL"] = lambda line: (
        "550 5.7.1 not yours" if "postmaster@" in line else "250 2.1.0 Ok"
    )
    finding = (await out(smarthost))["smarthost offers"]
    assert finding.verdict is Verdict.NOTE
    assert "postmaster@mail.org" in finding.text


async def test_another_name_than_the_one_that_is_believed_is_noted(smarthost: Scripted) -> None:
    found = await out(smarthost, trust={"authserv_ids": ["other.mail.org"]})
    assert found["authserv_ids"].verdict is Verdict.NOTE
    assert "mx.mail.org" in found["authserv_ids"].text


async def test_whoever_stops_listening_ends_all_that_was_begun(smarthost: Scripted) -> None:
    before = asyncio.all_tasks()
    found = bridge_of(configured(smarthost, trust={})).examine()
    assert (await anext(found)).subject == "configuration of mail"
    await found.aclose()
    assert not {"smarthost", "lmtp", "reading of mail"} & {
        each.get_name() for each in asyncio.all_tasks() - before
    }
