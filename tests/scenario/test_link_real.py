"""The link against Debian's Prosody and ejabberd: what they refuse, a second gateway, kill -9 and return."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import TypeVar
from xml.etree.ElementTree import Element

import pytest
import pytest_asyncio

from gateway.bridge import Clock
from gateway.clock import SystemClock
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.peers import Component
from gateway.playground.prosody import Prosody
from gateway.xmpp.heartbeat import JUDGED, VOLLEY
from gateway.xmpp.link import Link, LinkState, LinkStatus, probe
from tests.fakes.clock import ManualClock
from tests.waiting import eventually

JID = "gw.localhost"
SECRET = "s3cret"

Server = Prosody | Ejabberd
T = TypeVar("T")


class Watched:
    """A running link, what it told, and when."""

    def __init__(self, server: Server, news: asyncio.Event | None = None, clock: Clock | None = None) -> None:
        self.stanzas: list[Element] = []
        self.statuses: list[LinkStatus] = []
        self.twins: list[str] = []
        self.domain = server.domain
        self.news = news or asyncio.Event()
        self.link = Link(
            jid=JID,
            secret=SECRET,
            host=server.host,
            port=server.component_port,
            clock=clock or SystemClock(),
            random=random.SystemRandom(),
            on_stanza=self.take,
            on_status=lambda status: self.note(self.statuses, status),
            on_twin=lambda reason: self.note(self.twins, reason),
        )
        self.task = asyncio.create_task(self.link.run())

    def take(self, stanza: Element) -> None:
        if stanza.get("from") != self.domain:  # which advertises its privileges (XEP-0356)
            self.note(self.stanzas, stanza)

    def note(self, to: list[T], what: T) -> None:
        to.append(what)
        self.news.set()

    async def until(self, true: Callable[[], bool], within: float = 20.0) -> float:
        """Seconds it took."""
        begun = time.monotonic()
        async with asyncio.timeout(within):
            while not true():
                self.news.clear()
                await self.news.wait()
        return time.monotonic() - begun

    async def up(self) -> None:
        await self.until(lambda: self.link.status.state is LinkState.UP)

    async def close(self) -> None:
        await self.link.close()
        await self.task


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Prosody, Ejabberd])
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """Of all tests: whoever kills it starts it again."""
    running = await request.param.start(tmp_path_factory.mktemp("xmpp"), components=[Component(JID, SECRET)])
    try:
        yield running
    finally:
        await running.stop()


async def test_what_the_server_refuses_is_explained(server: Server) -> None:
    async def tried(jid: str = JID, secret: str = SECRET, port: int = 0) -> LinkStatus:
        return await probe(jid, secret, server.host, port or server.component_port, timeout=5.0)

    assert (await tried()).state is LinkState.UP
    assert "does not accept the secret of gw.localhost" in (await tried(secret="wrong")).reason
    # ejabberd looks for the password first and says the same for both
    unknown = await tried(jid="nobody.localhost")
    assert (
        "does not know" if isinstance(server, Prosody) else "must list nobody.localhost"
    ) in unknown.reason
    users = await tried(port=server.c2s_port)
    assert "is not a component port (it is one for users)" in users.reason
    assert users.state is LinkState.REFUSED
    await server.kill()
    try:
        assert "Nothing listens on" in (await tried()).reason
    finally:
        await server.restart()


async def test_a_stanza_to_ourselves_comes_back(server: Server) -> None:
    one = Watched(server)
    await one.up()
    one.link.send(f"<message from='a@{JID}' to='b@{JID}/c' id='1'><body>hello 😀</body></message>")
    await one.until(lambda: len(one.stanzas) == 1)
    assert one.stanzas[0].findtext("{jabber:component:accept}body") == "hello 😀"
    await one.close()


async def test_a_single_gateway_is_never_taken_for_two(server: Server) -> None:
    clock = ManualClock()
    one = Watched(server, clock=clock)
    await one.up()
    await eventually(lambda: one.link.counters.received >= VOLLEY)
    await clock.advance(JUDGED)
    assert one.twins == []
    assert one.stanzas == []
    closing = asyncio.create_task(one.close())
    await eventually(closing.done, meanwhile=lambda: clock.advance(0.5))
    await closing


async def test_a_second_gateway_is_told(server: Server) -> None:
    first = Watched(server)
    await first.up()
    second = Watched(server, first.news)
    if isinstance(server, Prosody):
        await second.until(lambda: second.link.status.state is LinkState.REFUSED)
        assert "stop the other gateway" in second.link.status.reason
        assert first.link.status.state is LinkState.UP
    else:
        assert await second.until(lambda: bool(first.twins or second.twins)) < 10.0
        assert "stop one of them" in (first.twins + second.twins)[0]
    await asyncio.gather(first.close(), second.close())


async def test_a_killed_server_is_met_again_and_what_was_kept_arrives(server: Server) -> None:
    one = Watched(server)
    await one.up()
    await server.kill()
    await one.until(lambda: one.link.status.state is LinkState.DOWN)
    for number in range(20):
        one.link.send(f"<message from='a@{JID}' to='b@{JID}' id='{number}'/>", keep=True)
    await server.restart()
    await one.until(lambda: len(one.stanzas) == 20, within=40.0)
    assert [stanza.get("id") for stanza in one.stanzas] == [str(n) for n in range(20)]
    assert one.link.counters.reconnects == 1
    await one.close()


async def test_closing_right_after_the_handshake_is_clean(server: Server) -> None:
    for _ in range(5):
        one = Watched(server)
        await one.up()
        await one.close()
        assert one.statuses[-1].state is LinkState.CLOSED


async def test_a_stanza_as_large_as_we_let_leave_passes(server: Server) -> None:
    one = Watched(server)
    await one.up()
    body = "x" * (256 * 1024 - 200)
    assert one.link.send(f"<message from='a@{JID}' to='b@{JID}'><body>{body}</body></message>")
    await one.until(lambda: len(one.stanzas) == 1)
    assert one.link.status.state is LinkState.UP
    await one.close()
