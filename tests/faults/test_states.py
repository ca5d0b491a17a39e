"""What ails the gateway is seen by everybody whom it concerns, and so is that it is over: operators on the console, admins
and users over XMPP, the service manager."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import pytest_asyncio

from gateway.control.client import Client
from gateway.playground.clients import Pattern, XmppClient, message, presence
from gateway.playground.ircd import Ircd
from gateway.playground.process import free_ports
from tests.scenario.stage import Company, Door, Play, Scene, Stage, meet
from tests.waiting import DEADLINE, eventually

NET = "net"
BODY = "{jabber:client}body"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path) -> AsyncIterator[Stage]:
    (port,) = free_ports(1)
    play = Play({NET: Door("127.0.0.1", port)}, access={"admins": '["admin@localhost"]'})
    running = await Stage.start(directory, "prosody", play)
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def ircd(stage: Stage) -> AsyncIterator[Ircd]:
    server = await Ircd().start(port=stage.play.networks[NET].port)
    yield server
    await server.stop()


@pytest.fixture
async def scene(ircd: Ircd, company: Company) -> Scene:
    return await meet(company, NET)


@contextmanager
def locked(stage: Stage) -> Iterator[None]:
    with closing(sqlite3.connect(stage.directory / "causeway.db", isolation_level=None)) as intruder:
        intruder.execute("BEGIN EXCLUSIVE")
        yield
        intruder.execute("ROLLBACK")


@contextmanager
def away(path: Path) -> Iterator[None]:
    """A file is lost, and found again."""
    kept = path.with_suffix(".kept")
    shutil.move(path, kept)
    yield
    shutil.move(kept, path)


async def ailing(stage: Stage) -> dict[str, bool]:
    """What ails it, and whether that keeps messages from being carried."""
    found = await asyncio.to_thread(Client(stage.directory / "causeway.sock").readiness)
    assert found.ready == (not any(each.hard for each in found.ailments))
    return {each.key: each.hard for each in found.ailments}


async def sees_the_gateway(user: XmppClient, gateway: str) -> None:
    user.send(f"<presence to='{gateway}' type='subscribe'/>")
    await user.expect(presence(gateway, type="available"), within=DEADLINE)


def shown(gateway: str, show: str, words: str) -> Pattern:
    """The gateway's presence."""

    def fits(one: Element) -> bool:
        there = one.findtext("{jabber:client}show") or ""
        return there == show and words in (one.findtext("{jabber:client}status") or "")

    return presence(gateway, also=fits)


def says(*words: str) -> Pattern:
    return message(type="chat", also=lambda one: all(word in (one.findtext(BODY) or "") for word in words))


async def suffers(stage: Stage, expected: dict[str, bool]) -> None:
    async def so() -> bool:
        return await ailing(stage) == expected

    await eventually(so, f"{expected} to ail it")


async def test_a_database_and_a_key_that_are_gone_are_told_and_so_is_their_return(
    scene: Scene, company: Company
) -> None:
    stage, alice = scene.stage, scene.alice
    gateway = stage.play.jid("irc")
    admin = await company.user("admin", exactly=True)
    await sees_the_gateway(admin, gateway)
    await sees_the_gateway(alice, gateway)
    with locked(stage), away(stage.directory / "causeway.key"):
        scene.carol.say(scene.channel, "nobody can write this down")
        await suffers(stage, {"database": True, "key file": False})
        await admin.expect(shown(gateway, "xa", "is locked by another program"), within=DEADLINE)
        told = await admin.expect(says("Trouble: The database"), within=DEADLINE)
        assert (told.get("from") or "").startswith(gateway)
        seen = await alice.expect(shown(gateway, "xa", "cannot carry messages"), within=DEADLINE)
        assert str(stage.directory) not in (seen.findtext("{jabber:client}status") or "")
        await scene.talk("rooms go on")
    await suffers(stage, {})
    await alice.expect(shown(gateway, "", ""), within=DEADLINE)
    for what in ("The database", "The key file"):
        await admin.expect(says("Over, after", what), within=DEADLINE)
    await scene.talk("as before")
