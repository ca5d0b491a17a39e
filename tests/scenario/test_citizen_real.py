"""What a real network sees of a user: WEBIRC as InspIRCd shows it, and what our identd tells those who ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path

import pytest_asyncio

from gateway.playground.clients import error_condition, line, presence
from gateway.playground.inspircd import InspIRCd
from gateway.playground.process import free_ports
from tests.scenario.stage import Door, Play, Stage, configure, meet
from tests.waiting import DEADLINE

LOCALHOST = "127.0.0.1"
BOSS = "boss@localhost"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path) -> AsyncIterator[Stage]:
    place, stage_place = directory / "webirc", directory / "stage"
    place.mkdir()
    stage_place.mkdir()
    server = await InspIRCd.start(place, webirc="hush")
    try:
        doors = {"gated": Door(server.host, server.port, {"webirc_password": '"hush"'})}
        identd = {"identd_port": str(free_ports(1)[0]), "identd_host": f'"{LOCALHOST}"'}
        contact = {"realname_contact": '"abuse@gw.example"'}
        access = {"admins": f'["{BOSS}"]'}
        play = Play(doors, {"irc": identd | contact}, access=access)
        running = await Stage.start(stage_place, "prosody", play)
        try:
            yield running
        finally:
            await running.stop()
    finally:
        await server.stop()


async def test_people_see_a_host_of_the_users_own_and_nothing_of_the_user(stage, company):
    scene = await meet(company, "gated")
    scene.carol.send(f"WHOIS {scene.nick}")
    shown = await scene.carol.expect(line("311"), within=DEADLINE)
    _, _, ident, host, *_, realname = shown.params
    assert len(ident.lstrip("~")) == 10
    # InspIRCd looks hosts up by itself, so that it is the address whatever name we tell.
    assert IPv6Address(host) in IPv6Network("fd00::/8")
    assert realname == f"{scene.nick} (abuse@gw.example)"
    assert "localhost" not in host + ident
    other = await meet(company, "gated")
    other.carol.send(f"WHOIS {other.nick}")
    again = await other.carol.expect(line("311"), within=DEADLINE)
    assert again.params[2:4] != shown.params[2:4]


async def test_the_network_that_asks_is_told_the_same_name(stage, company):
    scene = await meet(company, "gated")
    scene.carol.send(f"WHOIS {scene.nick}")
    ident = (await scene.carol.expect(line("311"), within=DEADLINE)).params[2].lstrip("~")
    port = stage.play.networks["gated"].port
    answers = [await asked(stage, f"{here},{port}") for here in _connected_to(port)]
    assert any(answer.endswith(f": USERID : UNIX : {ident}") for answer in answers), answers
    # The connections of our own IRC clients end there too: they are nobody's.
    assert any(answer.endswith(": ERROR : NO-USER") for answer in answers), answers


async def test_who_is_shut_out_leaves_the_network_and_is_let_in_again_when_that_is_lifted(stage, company):
    boss = await company.user("boss", exactly=True)
    scene, gateway = await meet(company, "gated"), stage.play.jid("irc")
    await configure(boss, gateway, "block", subject=scene.alice.bare, reason="spam")
    quit_ = await scene.carol.expect(line("QUIT", sender=scene.nick), within=DEADLINE)
    assert "localhost" not in quit_.params[-1], "nobody there learns who it was"
    gone = presence(scene.from_occupant(scene.nick), type="unavailable", status=(110, 307))
    await scene.alice.expect(gone)
    refused = await scene.alice.try_join(scene.room, scene.nick, within=DEADLINE)
    assert error_condition(refused) == "forbidden"
    await stage.restart_gateway()
    assert error_condition(await scene.alice.try_join(scene.room, scene.nick)) == "forbidden"
    await configure(boss, gateway, "allow", subject=scene.alice.bare)
    await scene.alice.join(scene.room, scene.nick, within=DEADLINE)
    await scene.carol.expect(line("JOIN", scene.channel, sender=scene.nick))


async def asked(stage: Stage, query: str) -> str:
    identd = int(stage.play.bridges["irc"]["identd_port"])
    reader, writer = await asyncio.open_connection(LOCALHOST, identd)
    with closing(writer):
        writer.write(f"{query}\r\n".encode())
        return (await asyncio.wait_for(reader.read(), DEADLINE)).decode().strip()


def _connected_to(port: int) -> list[int]:
    """Local ports of TCP connections to a port of this machine."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if int(row[2].split(":")[1], 16) == port]
