"""``causeway doctor`` as it is called, and what it says where there is nobody to ask."""

import json
from io import StringIO
from pathlib import Path

import pytest

from gateway.bridge import Verdict
from gateway.bridge.examining import side_by_side
from gateway.clock import SystemClock
from gateway.doctor.command import doctor
from gateway.doctor.names import Unanswered, of_names
from gateway.doctor.patient import Patient
from gateway.doctor.round import Around
from gateway.doctor.servers import Met, Place
from gateway.doctor.wire import Wire
from gateway.init import init
from gateway.playground.process import free_ports
from gateway.xmpp.diagnosis import LinkState, LinkStatus
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.privileges import Privileges


async def nothing_in_dns(name: str, kind: str) -> bool:
    return False


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    init("irc.localhost", "irc", "prosody", path, force=False, out=StringIO())
    return path


def said(
    config: Path, *, json: bool = False, bridge: str = "", only: tuple[str, ...] = ()
) -> tuple[int, str]:
    (port,) = free_ports(1)
    out = StringIO()
    status = doctor(
        config,
        {"CAUSEWAY_XMPP__PORT": str(port)},
        out,
        json=json,
        bridge=bridge,
        only=only,
        around=Around(dns=nothing_in_dns),
    )
    return status, out.getvalue()


def test_without_a_server_the_link_fails_and_the_rest_is_told(config: Path) -> None:
    status, text = said(config)
    assert status == 1
    assert "FAIL  link: Nothing listens on" in text
    assert "ok    key file" in text  # the path may be on the next line
    assert "Paste into your server, the one of these that it is:" in text
    assert "\n1 thing of " in text


def test_programs_read_one_object_a_line(config: Path) -> None:
    status, text = said(config, json=True)
    lines = [json.loads(line) for line in text.splitlines()]
    assert status == 1
    assert [each["subject"] for each in lines[:-1] if each["verdict"] == "FAIL"] == ["irc link"]
    assert lines[-1]["summary"]["well"] is False


def test_only_what_is_asked_for_is_told_and_counts(config: Path) -> None:
    status, text = said(config, only=("key",))
    assert status == 0
    assert text.endswith("\nNothing is wrong with what was tried: 1 thing.\n")


def test_a_subject_that_there_is_none_of_is_no_good_news(config: Path) -> None:
    status, text = said(config, only=("keyfile",))
    assert status == 1
    assert "FAIL  doctor: Nothing that is tried is about keyfile" in text


def test_of_one_bridge_only_its_own_is_told(config: Path) -> None:
    status, text = said(config, bridge="irc")
    assert status == 1
    assert "This installation" not in text


def test_a_bridge_that_is_not_there_is_named_with_those_that_are(config: Path) -> None:
    status, text = said(config, bridge="telex")
    assert status == 1
    told = " ".join(text.split())  # where lines break depends on how long the path is
    assert "There is no bridge 'telex'" in told
    assert "there is irc" in told


def test_a_configuration_that_cannot_be_used_is_all_that_is_told(config: Path) -> None:
    config.write_text("[xmpp]\nhots = 1\n")
    status, text = said(config)
    assert status == 1
    assert "FAIL configuration: " in " ".join(text.split())


# -- names ------------------------------------------------------------------------------------------------------


def patient(jid: str) -> Patient:
    def send(stanza: str) -> bool:
        raise AssertionError("names are not asked of the XMPP server")

    clock = SystemClock()
    iq = IqTracker(send, clock)
    wire = Wire(jid, LinkStatus(LinkState.DOWN), iq, Privileges(jid, iq, clock), send)
    return Patient("irc", wire, "127.0.0.1", 5347, Place(jid, "example.org", ((jid, "s"),)), Met())


@pytest.mark.parametrize(
    ("there", "verdict"),
    [({"SRV"}, Verdict.OK), ({"AAAA"}, Verdict.OK), (set(), Verdict.NOTE)],
)
async def test_users_of_other_servers_need_records(there: set[str], verdict: Verdict) -> None:
    async def ask(name: str, kind: str) -> bool:
        return kind in there

    (examination,) = of_names(patient("irc.example.org"), ask)
    (finding,) = [each async for each in side_by_side([examination])]
    assert finding.verdict is verdict
    if verdict is Verdict.NOTE:
        assert finding.fix == "_xmpp-server._tcp.irc.example.org. 3600 IN SRV 0 5 5269 example.org.\n"


async def test_a_dns_that_does_not_answer_is_no_fault() -> None:
    async def ask(name: str, kind: str) -> bool:
        raise Unanswered

    (examination,) = of_names(patient("irc.example.org"), ask)
    assert [each.verdict async for each in side_by_side([examination])] == [Verdict.UNKNOWN]
