"""What the doctor makes of what calls at networks have shown, and of how networks see us."""

import asyncio
import random
import re
import socket
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import SecretStr

from bridges.irc import examining, impressions, visiting
from bridges.irc.bridge import IrcBridge
from bridges.irc.calling import Call
from bridges.irc.claims import Claims
from bridges.irc.config import IrcSettings
from bridges.irc.crowd import Crowd
from bridges.irc.dial import AddressInfo, ConnectFailed, Endpoint, Origin, TlsSettings
from bridges.irc.identd import Identd
from bridges.irc.impressions import Presence
from bridges.irc.network_config import NetworkSettings
from bridges.irc.visiting import Network
from gateway.bridge import Finding, Services, SessionEnded, Verdict
from gateway.config import load
from gateway.model import Condition, Refused
from gateway.playground.certificate import make_certificate
from tests.unit.clock import ManualClock

LOCALHOST = "127.0.0.1"
PUBLIC = "192.0.2.1"
SECURE = Endpoint("irc.example", 6697, TlsSettings())
PLAIN = Endpoint("irc.example", 6667)
ALL = {
    "sasl": "PLAIN,EXTERNAL",
    "server-time": "",
    "echo-message": "",
    "message-tags": "",
    "labeled-response": "",
}


def place(**settings: object) -> Network:
    return Network("irc.example", NetworkSettings.model_validate(settings), Origin(), "irc", set(settings))


def by_subject(findings: Sequence[Finding]) -> dict[str, Finding]:
    assert len({each.subject for each in findings}) == len(findings)
    return {each.subject: each for each in findings}


async def nowhere(host: str, port: int) -> Sequence[AddressInfo]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def loopback(host: str, port: int) -> Sequence[AddressInfo]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (LOCALHOST, port))]


def presence(settings: IrcSettings, *places: Network, clock: ManualClock | None = None) -> Presence:
    clock = clock or ManualClock()
    identd = Identd(Claims(), clock, settings.identd_host, settings.identd_port)
    return Presence(settings, places, Crowd(clock), identd, loopback, "irc")


# -- calls -------------------------------------------------------------------------------------------------------------


def test_a_network_without_a_port_is_said_to_have_none() -> None:
    [finding] = visiting.judged(place(tls_ports=()), [], 0.0)
    assert finding.verdict is Verdict.FAIL
    assert "tls_ports" in finding.text


def test_what_a_network_has_is_told_with_its_ways_to_log_in() -> None:
    found = visiting.judged(place(), [Call(PLAIN, there=LOCALHOST, offered=ALL)], 0.0)
    told = by_subject(found)["capabilities of irc.example"]
    assert told.verdict is Verdict.OK
    assert "sasl (PLAIN, EXTERNAL)" in told.text


@pytest.mark.parametrize("name", sorted(ALL))
def test_what_a_network_lacks_is_noted_with_what_that_means(name: str) -> None:
    offered = {each: value for each, value in ALL.items() if each != name}
    found = visiting.judged(place(), [Call(PLAIN, there=LOCALHOST, offered=offered)], 0.0)
    told = by_subject(found)["capabilities of irc.example"]
    assert told.verdict is Verdict.NOTE
    assert f"no {name}, so " in told.text


def test_a_server_that_knows_no_capabilities_is_no_failure() -> None:
    found = visiting.judged(place(), [Call(PLAIN, there=LOCALHOST, offered={})], 0.0)
    assert by_subject(found)["capabilities of irc.example"].verdict is Verdict.NOTE


def test_something_that_says_nothing_is_perhaps_no_irc_server() -> None:
    found = visiting.judged(place(), [Call(PLAIN, there=LOCALHOST)], 0.0)
    told = by_subject(found)["capabilities of irc.example"]
    assert told.verdict is Verdict.FAIL
    assert "is it one?" in told.text


def test_text_without_encryption_is_noted_unless_it_stays_in_our_own_network() -> None:
    found = visiting.judged(place(), [Call(PLAIN, there="8.8.8.8", offered=ALL)], 0.0)
    assert by_subject(found)["port 6667 of irc.example"].verdict is Verdict.NOTE
    found = visiting.judged(place(), [Call(PLAIN, there="10.1.2.3", offered=ALL)], 0.0)
    assert by_subject(found)["port 6667 of irc.example"].verdict is Verdict.OK


def test_a_network_that_wants_encryption_comes_with_the_lines_for_that() -> None:
    call = Call(PLAIN, there=LOCALHOST, offered={**ALL, "sts": "port=6697,duration=5"})
    told = by_subject(visiting.judged(place(), [call], 0.0))["port 6667 of irc.example"]
    assert told.verdict is Verdict.NOTE
    assert "tls_ports = [6697]" in told.fix


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Closing Link: (Z-lined: open proxy)", Verdict.FAIL),
        ("Trying to reconnect too fast", Verdict.NOTE),
    ],
)
def test_a_network_that_turns_us_away_is_quoted(words: str, verdict: Verdict) -> None:
    told = by_subject(visiting.judged(place(), [Call(PLAIN, there=LOCALHOST, words=words)], 0.0))
    assert told["bans of irc.example"].verdict is verdict
    assert words in told["bans of irc.example"].text


def test_a_port_that_is_not_reached_fails_in_the_words_of_who_dialled() -> None:
    call = Call(SECURE, ConnectFailed("irc.example port 6697 refuses connections."))
    [finding] = visiting.judged(place(), [call], 0.0)
    assert (finding.verdict, finding.subject) == (Verdict.FAIL, "tls of irc.example")
    assert finding.text == "irc.example port 6697 refuses connections."


# -- whom to call ------------------------------------------------------------------------------------------------------


async def examined(settings: IrcSettings, crowd: Crowd, clock: ManualClock) -> dict[str, Finding]:
    networks = {name: settings.network(name) for name in settings.networks}
    identd = Identd(Claims(), clock, "", 0)
    found = examining.examine(settings, networks, crowd, identd, clock, "irc", resolve=nowhere)
    return by_subject([each async for each in found])


async def test_nothing_leaves_the_machine_where_no_network_is_configured() -> None:
    clock = ManualClock()
    told = await examined(IrcSettings(), Crowd(clock), clock)
    assert [each.verdict for each in told.values()] == [Verdict.UNKNOWN]


async def test_a_name_that_nobody_knows_fails_and_is_not_called() -> None:
    clock = ManualClock()
    settings = IrcSettings(networks={"irc.example": NetworkSettings()}, realname_contact="a@example.org")
    told = await examined(settings, Crowd(clock), clock)
    assert {name: each.verdict for name, each in told.items()} == {"name of irc.example": Verdict.FAIL}


async def test_a_network_that_has_just_banned_somebody_is_left_alone_for_a_while() -> None:
    clock = ManualClock()
    crowd = Crowd(clock)
    why = SessionEnded(Refused(Condition.FORBIDDEN, "Banned."), ban="k-lined: spam")
    with pytest.raises(SessionEnded), crowd.place("irc.example", "irc.example", 0):
        raise why
    settings = IrcSettings(networks={"irc.example": NetworkSettings()})
    told = await examined(settings, crowd, clock)
    assert told["bans of irc.example"].verdict is Verdict.NOTE
    assert "k-lined: spam" in told["bans of irc.example"].text
    assert "name of irc.example" not in told
    await clock.advance(3600.0)
    assert "name of irc.example" in await examined(settings, crowd, clock)


def pasted(finding: Finding, config: str) -> str:
    """``config`` with what is printed at the place that is printed, and without what stands there instead."""
    if finding.where == "config.toml, at its end":
        return f"{config}{finding.fix}\n"
    table = finding.where.removeprefix("config.toml, below ").partition(", in place of ")[0]
    assert config.count(f"{table}\n") == 1
    for key in re.findall(r"`(\w+)`", finding.where):
        config = re.sub(rf"^{key} = .*\n", "", config, flags=re.MULTILINE)
    return config.replace(f"{table}\n", f"{table}\n{finding.fix}\n")


@pytest.mark.parametrize(
    "rest",
    [
        '[bridges.libera.networks."irc.example"]\nports = [6667]\n',
        'fixed_server = "irc.example"\ndefault_ports = [6667]\n',
    ],
)
async def test_what_is_printed_can_be_pasted_into_the_configuration(rest: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    config = f'[bridges.libera]\nkind = "irc"\njid = "irc.example.org"\nsecret = "hunter2"\n{rest}'
    path.write_text(config)
    settings = load(path, {}).bridges[0].own
    assert isinstance(settings, IrcSettings)
    own = settings.networks["irc.example"].model_fields_set if settings.networks else None
    network = Network("irc.example", settings.network("irc.example"), Origin(), "libera", own)
    [note] = await impressions.contact(replace(presence(settings, network), bridge="libera"))
    wants = Call(PLAIN, there=LOCALHOST, offered={**ALL, "sts": "port=6697,duration=5"})
    made = make_certificate(tmp_path).certificate.read_bytes()
    der = x509.load_pem_x509_certificate(made).public_bytes(Encoding.DER)
    odd = Call(SECURE, ConnectFailed("It is odd."), certificate=der)
    found = [note, *(each for each in visiting.judged(network, [wants, odd], 0.0) if each.fix)]
    assert [each.subject.split(" ")[0] for each in found] == ["contact", "port", "tls"]
    for each in found:
        path.write_text(pasted(each, config))
        after = load(path, {}).bridges[0].own
        assert isinstance(after, IrcSettings)
        assert after != settings


async def test_the_bridge_is_examined_for_what_it_has_configured() -> None:
    bridge = IrcBridge(IrcSettings(), Services(ManualClock(), random.Random(7), "1"))
    assert bridge.capabilities.examined
    assert [each.subject async for each in bridge.examine()] == ["networks"]


# -- how networks see us -----------------------------------------------------------------------------------------------


async def users(count: int, settings: IrcSettings, network: Network) -> list[Finding]:
    seen = presence(settings, network)
    for _ in range(count):
        seen.crowd.come(network.host, network.name, 0)
    return list(await impressions.crowd(seen, network))


async def test_many_users_from_one_address_come_with_a_letter_to_the_staff() -> None:
    settings = IrcSettings(realname_contact="abuse@example.org", identd_port=113)
    [finding] = await users(4, settings, place())
    assert finding.verdict is Verdict.NOTE
    assert "abuse@example.org" in finding.fix
    assert "identd" in finding.fix
    assert "8 connections" in finding.fix


@pytest.mark.parametrize(
    ("count", "network", "verdict"),
    [
        (3, place(), Verdict.OK),
        (9, place(max_connections=10), Verdict.OK),
        (10, place(max_connections=10), Verdict.NOTE),
        (99, place(webirc_password=SecretStr("hush")), Verdict.OK),
    ],
)
async def test_users_are_counted_against_what_networks_allow(
    count: int, network: Network, verdict: Verdict
) -> None:
    [finding] = await users(count, IrcSettings(), network)
    assert finding.verdict is verdict


async def test_an_address_that_this_machine_has_not_fails() -> None:
    settings = IrcSettings(source_address="192.0.2.77")
    [finding] = await impressions.origins(presence(settings))
    assert (finding.verdict, finding.subject) == (Verdict.FAIL, "source address 192.0.2.77")


async def test_a_prefix_that_the_kernel_does_not_take_comes_with_the_command_for_it() -> None:
    [finding] = await impressions.origins(presence(IrcSettings(ipv6_prefix="2001:db8:77::/64")))
    assert finding.verdict is Verdict.FAIL
    assert "2001:db8:77::/64" in finding.fix


@asynccontextmanager
async def running(seen: Presence):
    """With its identd."""
    task = asyncio.create_task(seen.identd.run())
    try:
        async with asyncio.timeout(10):
            while not await impressions.answers(LOCALHOST, seen.settings.identd_port):
                await asyncio.sleep(0)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_identd_that_answers_where_networks_ask_is_well(unused_tcp_port: int) -> None:
    settings = IrcSettings(identd_port=unused_tcp_port, identd_host=LOCALHOST)
    seen = replace(presence(settings, place()), asked=unused_tcp_port)
    async with running(seen):
        [finding] = await impressions.identd(seen)
    assert finding.verdict is Verdict.OK
    [finding] = await impressions.identd(seen)
    assert "while the gateway runs" in finding.text


async def test_identd_on_another_port_comes_with_a_redirection(unused_tcp_port_factory) -> None:
    port, asked = unused_tcp_port_factory(), unused_tcp_port_factory()
    seen = replace(presence(IrcSettings(identd_port=port, identd_host=LOCALHOST), place()), asked=asked)
    async with running(seen):
        [finding] = await impressions.identd(seen)
    assert finding.verdict is Verdict.NOTE
    assert f"dport {asked} redirect to :{port}" in finding.fix
