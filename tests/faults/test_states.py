"""What ails the gateway is seen by everybody whom it concerns, and so is that it is over: operators on the console, admins
and users over XMPP, the service manager."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

import aiohttp
import pytest
import pytest_asyncio

from gateway.control.client import Client
from gateway.playground.clients import Pattern, XmppClient, error_condition, message, presence
from gateway.playground.ircd import Ircd
from gateway.playground.process import free_ports
from tests.faults.way import Way
from tests.rig.postgres import Postgres
from tests.scenario.stage import Company, Door, Play, Scene, Stage, line, meet
from tests.waiting import DEADLINE, eventually

NET, USER = "net", "X-Operator"
BODY = "{jabber:client}body"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, way: Way, postgres: Postgres) -> AsyncIterator[Stage]:
    port, page = free_ports(2)
    await postgres.create("states")
    play = Play(
        {NET: Door("127.0.0.1", port)},
        access={"admins": '["admin@localhost"]'},
        database=postgres.url("states").replace(f":{postgres.port}/", f":{way.port}/"),
        more=f'[operator]\nlisten = "127.0.0.1:{page}"\nproxy_user_header = "{USER}"\n'
        '[web]\ntrusted_proxies = ["127.0.0.1"]\n',
    )
    running = await Stage.start(directory, "prosody", play)
    try:
        yield running
    finally:
        await running.stop()
        await postgres.drop("states")


@pytest.fixture(scope="module")
def way(postgres: Postgres) -> Iterator[Way]:
    """From the gateway to its database."""
    with Way(postgres.port) as one:
        yield one


@pytest.fixture
async def ircd(stage: Stage) -> AsyncIterator[Ircd]:
    server = await Ircd().start(port=stage.play.networks[NET].port)
    yield server
    await server.stop()


@pytest.fixture
async def scene(ircd: Ircd, company: Company) -> Scene:
    return await meet(company, NET)


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


async def fetched(stage: Stage, path: str) -> tuple[int, str]:
    """Over HTTP: status and text."""
    address = stage.config.read_text(encoding="utf-8").split('listen = "')[1].split('"')[0]
    async with (
        aiohttp.ClientSession(headers={USER: "olga"}) as web,
        web.get(f"http://{address}{path}") as answer,
    ):
        return answer.status, await answer.text()


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
    scene: Scene, company: Company, way: Way
) -> None:
    stage, alice, carol = scene.stage, scene.alice, scene.carol
    private = stage.contact(carol.nick, NET)
    gateway = stage.play.jid("irc")
    admin = await company.user("admin", exactly=True)
    await sees_the_gateway(admin, gateway)
    await sees_the_gateway(alice, gateway)
    with away(stage.directory / "causeway.key"), way.closed():
        carol.say(scene.channel, "nobody can write this down")
        await suffers(stage, {"database": True, "key file": False})
        assert (await fetched(stage, "/readyz"))[0] == 503
        status, page = await fetched(stage, "/")
        assert status == 200
        assert "cannot be reached" in page
        assert "The key file" in page
        refused = alice.say(private, "not taken")
        assert error_condition(await alice.expect(message(id=refused, type="error"), within=DEADLINE))
        await admin.expect(shown(gateway, "xa", "cannot be reached"), within=DEADLINE)
        told = await admin.expect(says("Trouble: The PostgreSQL database"), within=DEADLINE)
        assert (told.get("from") or "").startswith(gateway)
        await admin.expect(says("Trouble:", "The key file"), within=DEADLINE)
        seen = await alice.expect(shown(gateway, "xa", "cannot carry messages"), within=DEADLINE)
        assert str(stage.directory) not in (seen.findtext("{jabber:client}status") or "")
        await scene.talk("rooms go on")
    await suffers(stage, {})
    assert (await fetched(stage, "/readyz"))[0] == 200
    alice.say(private, "taken")
    await carol.expect(line("PRIVMSG", carol.nick, "taken"), within=DEADLINE)
    await alice.expect(shown(gateway, "", ""), within=DEADLINE)
    for what in ("The PostgreSQL database", "The key file"):
        await admin.expect(says("Over, after", what), within=DEADLINE)
    await scene.talk("as before")
    assert not carol.inbox.waiting(line("PRIVMSG", carol.nick)), (
        "what was refused never comes, and nothing twice"
    )
