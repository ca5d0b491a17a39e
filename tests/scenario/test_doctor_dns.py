"""What ``causeway doctor`` says of the DNS, asked of a real name server, and its lines put into real zones as they are
printed, which its reader of zones has to understand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridges.email.examining import domains
from bridges.email.examining.domains import Sending
from bridges.email.examining.names import Dns
from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import side_by_side
from gateway.clock import SystemClock
from gateway.doctor.names import SystemDns, of_names
from gateway.doctor.patient import Patient
from gateway.doctor.servers import Met, Place
from gateway.doctor.wire import Wire
from gateway.playground.peers import LOOPBACK
from gateway.xmpp.diagnosis import LinkState, LinkStatus
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.privileges import Privileges
from tests.rig.nsd import Nsd

DOMAIN = "mail.org"
HERE = "8.8.4.4"  # any that is nobody's private one
SENDING = Sending(DOMAIN, (HERE,), "mx.mail.org")
BACKWARDS = "4.8.8.in-addr.arpa"
JID = "irc.mail.org"


@pytest.fixture
async def nsd(tmp_path: Path) -> AsyncIterator[Nsd]:
    server = Nsd(tmp_path, [DOMAIN, BACKWARDS])
    await server.restart()
    try:
        yield server
    finally:
        await server.stop()


def patient() -> Patient:
    clock = SystemClock()
    iq = IqTracker(lambda stanza: True, clock)
    wire = Wire(JID, LinkStatus(LinkState.UP, ""), iq, Privileges(JID, iq, clock), lambda stanza: True)
    return Patient("irc", wire, LOOPBACK, 5347, Place(JID, DOMAIN, ((JID, "x"),)), Met())


async def told(nsd: Nsd) -> dict[str, Finding]:
    names = Dns([LOOPBACK], nsd.port)
    try:
        found = [*await domains.domain(names, DOMAIN, SENDING), *await domains.pointer(names, SENDING)]
    finally:
        await names.close()
    component = of_names(patient(), SystemDns((LOOPBACK, nsd.port)))
    found += [each async for each in side_by_side(component)]
    return {each.subject: each for each in found}


async def pasted(nsd: Nsd) -> set[str]:
    """Put all that is printed where it is said to belong; the subjects that it was about."""
    broken = {subject: each for subject, each in (await told(nsd)).items() if each.fix}
    for each in broken.values():
        if each.where.endswith("in place of the SPF record that is there"):
            nsd.remove(DOMAIN, f'{DOMAIN}. IN TXT "v=spf1')
        nsd.add(BACKWARDS if "PTR" in each.fix else DOMAIN, each.fix)
    await nsd.restart()
    return set(broken)


async def test_an_empty_zone_is_filled_by_the_lines_that_are_printed(nsd: Nsd) -> None:
    assert await pasted(nsd) == {
        "mx of mail.org",
        "spf of mail.org",
        "dkim of mail.org",
        "dmarc of mail.org",
        "name of the mail server",
        "irc dns",
    }
    # The name that mail is to go to had no address yet. A key nobody but the mail server can make.
    assert await pasted(nsd) == {"mx of mail.org", "dkim of mail.org", "name of the mail server"}
    key = (await told(nsd))["dkim of mail.org"].fix.replace("...", f'{"A" * 200}" "{"B" * 200}')
    nsd.add(DOMAIN, key.replace("; mail.", "mail."))
    # A record that many services have added to, and so much else that answers do not fit into one datagram.
    many = " ".join(f"ip4:198.51.100.{number}" for number in range(20))
    nsd.remove(DOMAIN, f'{DOMAIN}. IN TXT "v=spf1')
    nsd.add(DOMAIN, f'{DOMAIN}. IN TXT "v=spf1 {many[:200]}" "{many[200:]} -all"')
    for number in range(10):
        nsd.add(DOMAIN, f'{DOMAIN}. IN TXT "verification-{number}={"x" * 200}"')
    await nsd.restart()
    assert await pasted(nsd) == {"spf of mail.org"}
    found = await told(nsd)
    assert {each.verdict for each in found.values()} == {Verdict.OK}
    assert found["irc dns"].text == f"Users of other servers find {JID} (it has SRV records)."
    assert found["spf of mail.org"].text == f"SPF of {DOMAIN} lets {HERE} send."


async def test_a_domain_that_takes_no_mail_says_so_and_a_silent_server_says_nothing(nsd: Nsd) -> None:
    nsd.add(DOMAIN, f"{DOMAIN}. IN MX 0 .")
    await nsd.restart()
    assert "takes no mail at all" in (await told(nsd))["mx of mail.org"].text
    await nsd.stop()
    found = await told(nsd)
    assert {each.verdict for each in found.values()} == {Verdict.UNKNOWN}
