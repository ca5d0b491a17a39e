"""The link against a server inside the test's loop: handshake, stanzas both ways, losses and returns, the end."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from xml.etree.ElementTree import Element

import pytest
import uvloop
from structlog.testing import capture_logs

from gateway.xmpp.link import Link, LinkState, LinkStatus, OutboxLimits
from gateway.xmpp.stream import SLICE, WRITE_BUFFER
from tests.fakes.clock import ManualClock, settle
from tests.fakes.xmpp_server import Behaviour, Connection, FakeXmppServer
from tests.waiting import eventually

JID = "irc.localhost"
HELLO = f"<message from='{JID}' to='alice@localhost' id='{{}}'><body>hello</body></message>"


class Rig:
    """A link on its own clock, and what it told."""

    def __init__(self, server: FakeXmppServer, secret: str = "s3cret", **more: Any) -> None:
        self.clock = ManualClock()
        self.server = server
        self.stanzas: list[Element] = []
        self.statuses: list[LinkStatus] = []
        self.twins: list[str] = []
        self.dropped: list[int] = []
        self.seen = 0  # of ``statuses``
        self.news = asyncio.Event()
        arguments: dict[str, Any] = {"on_stanza": self.take, **more}
        self.link = Link(
            jid=JID,
            secret=secret,
            host=server.host,
            port=server.port,
            clock=self.clock,
            random=random.Random(server.port + len(server.connections)),
            on_status=self.told,
            on_twin=self.twins.append,
            on_dropped=self.dropped.append,
            **arguments,
        )
        self.task = asyncio.create_task(self.link.run())

    def take(self, stanza: Element) -> None:
        self.stanzas.append(stanza)
        self.news.set()

    def told(self, status: LinkStatus) -> None:
        self.statuses.append(status)
        self.news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                self.news.clear()
                try:
                    async with asyncio.timeout(0.01):
                        await self.news.wait()
                except TimeoutError:
                    continue  # some things are seen only by looking

    async def up(self) -> Connection:
        connection = await self.server.link()
        await self.until(lambda: self.link.status.state is LinkState.UP)
        return connection

    async def state(self, state: LinkState) -> LinkStatus:
        """The next status of that state which was not yet asked for."""
        while True:
            await self.until(lambda: len(self.statuses) > self.seen)
            self.seen += 1
            if self.statuses[self.seen - 1].state is state:
                return self.statuses[self.seen - 1]

    async def close(self, farewell: Sequence[str] = ()) -> None:
        """As ``Link.close``, with time passing."""
        closing = asyncio.create_task(self.link.close(farewell))
        await eventually(closing.done, meanwhile=lambda: self.clock.advance(0.5))
        await closing
        await self.task
        assert self.clock.waiting == []


@asynccontextmanager
async def rig(behaviour: Behaviour | None = None, **more: Any) -> AsyncIterator[Rig]:
    async with FakeXmppServer(behaviour=behaviour or Behaviour()) as server:
        made = Rig(server, **more)
        try:
            yield made
        finally:
            await made.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others, "a task was left behind"


def ids(elements: Sequence[Element]) -> list[str]:
    return [element.get("id", "") for element in elements]


async def test_stanzas_pass_both_ways_in_order_once_the_handshake_is_done() -> None:
    async with rig() as r:
        server = await r.up()
        for number in range(50):
            r.link.send(HELLO.format(number))
            server.send(f"<presence from='alice@localhost/{number}' to='{JID}' id='{number}'/>")
        await r.until(lambda: len(r.stanzas) == 50 and len(server.received) == 50)
        assert ids(r.stanzas) == ids(server.received) == [str(n) for n in range(50)]
        assert r.stanzas[0].tag == "{jabber:component:accept}presence"
        assert [s.state for s in r.statuses] == [LinkState.CONNECTING, LinkState.UP]


async def test_nothing_answers_for_us() -> None:
    """No stanza of slixmpp's own making: what is not asked for through ``send`` is not sent."""
    async with rig() as r:
        server = await r.up()
        for kind in ("probe", "subscribe", "unsubscribe", "unavailable"):
            server.send(f"<presence from='alice@localhost' to='x@{JID}' type='{kind}'/>")
        server.send(
            f"<iq from='alice@localhost/a' to='{JID}' id='1' type='get'><unknown xmlns='urn:x'/></iq>"
        )
        server.send(f"<message from='alice@localhost/a' to='{JID}' type='error'><body>x</body></message>")
        await r.until(lambda: len(r.stanzas) == 6)
        await settle()
        assert server.received == []


async def test_its_own_pings_are_nobody_elses_business() -> None:
    async with rig() as r:
        await r.up()
        await r.until(lambda: r.link.counters.received == 12)
        await r.clock.advance(10.0)
        assert (r.stanzas, r.twins) == ([], [])


async def test_an_element_that_is_no_stanza_is_ignored() -> None:
    async with rig() as r:
        server = await r.up()
        server.send("<handshake/><enabled xmlns='urn:xmpp:sm:3'/><iq id='after'/>")
        await r.until(lambda: bool(r.stanzas))
        assert ids(r.stanzas) == ["after"]


async def test_a_handler_that_raises_costs_one_stanza() -> None:
    seen: list[str] = []

    def handler(stanza: Element) -> None:
        seen.append(stanza.get("id", ""))
        if stanza.get("id") == "bad":
            raise RuntimeError("a bug")

    with capture_logs() as logs:
        async with rig(on_stanza=handler) as r:
            server = await r.up()
            server.send("<message id='bad'><body>secret words</body></message><message id='good'/>")
            await r.until(lambda: len(seen) == 2)
    assert seen == ["bad", "good"]
    failed = [entry for entry in logs if entry["event"] == "handling a stanza failed"]
    assert len(failed) == 1
    assert "secret words" not in str(failed)


async def test_a_large_read_is_digested_in_slices_and_in_order() -> None:
    """Whoever else waits for the loop gets a turn between the slices."""
    stanza = f"<message to='{JID}' id='%d'><body>{'x' * 200}</body></message>"
    count = 20 * SLICE // len(stanza)
    turns: list[int] = []
    async with rig() as r:
        server = await r.up()

        async def neighbour() -> None:
            while len(r.stanzas) < count:
                turns.append(len(r.stanzas))
                await asyncio.sleep(0)

        server.send("".join(stanza % number for number in range(count)))
        await neighbour()
        assert ids(r.stanzas) == [str(n) for n in range(count)]
        strides = [b - a for a, b in itertools.pairwise(turns)]
        assert max(strides) <= 2 * SLICE // len(stanza)


async def test_what_the_server_sent_before_it_died_is_read() -> None:
    stanza = f"<message to='{JID}' id='%d'><body>{'x' * 200}</body></message>"
    async with rig() as r:
        server = await r.up()
        await r.until(
            lambda: r.link.counters.received == 12
        )  # or the pings it never reads make its end a reset
        server.send("".join(stanza % number for number in range(2000)))
        server.close()
        await r.until(lambda: len(r.stanzas) == 2000)


# --- losses


async def test_a_dropped_link_comes_back_at_once_with_what_was_kept() -> None:
    async with rig() as r:
        server = await r.up()
        await r.clock.advance(120.0)
        server.kill()
        down = await r.state(LinkState.DOWN)
        assert "was lost" in down.reason
        assert down.next_try == r.clock.now()
        assert r.link.send(HELLO.format("kept"), keep=True)
        assert not r.link.send(HELLO.format("lost"))
        await r.clock.advance(0.0)
        again = await r.up()
        assert ids([await again.expect()]) == ["kept"]
        assert r.link.counters.reconnects == 1
        assert r.link.status.reason == ""


async def test_a_server_that_is_away_is_tried_for_ever_with_growing_pauses() -> None:
    async with rig() as r:
        await r.up()
        await r.server.stop()
        pauses = []
        for _ in range(12):
            status = await r.state(LinkState.DOWN)
            assert status.next_try is not None
            pause = status.next_try - r.clock.now()
            pauses.append(pause)
            await r.clock.advance(pause + 0.001)
        await r.state(LinkState.DOWN)
        assert "Nothing listens on 127.0.0.1" in r.link.status.reason
        assert pauses[0] == 0
        assert 0 < pauses[1] < pauses[3] < pauses[5]
        assert all(30 <= pause <= 60 for pause in pauses[-4:])
        await r.server.listen()
        await r.clock.advance(60.0)
        await r.up()


async def test_a_server_that_drops_every_link_is_not_hammered() -> None:
    async with rig() as r:
        pauses = []
        for _ in range(9):
            (await r.up()).kill()
            status = await r.state(LinkState.DOWN)
            assert status.next_try is not None
            pauses.append(status.next_try - r.clock.now())
            await r.clock.advance(pauses[-1] + 0.001)
        assert pauses[0] == 0
        assert pauses[-1] >= 30
        # a link that stood for a minute begins anew
        server = await r.up()
        await r.clock.advance(60.0)
        server.kill()
        assert (await r.state(LinkState.DOWN)).next_try == r.clock.now()


@pytest.mark.parametrize(
    ("condition", "word", "least"),
    [
        ("not-authorized", "component_secret", 30.0),
        ("host-unknown", "does not know", 30.0),
        ("invalid-namespace", "not the one for users", 30.0),
        ("conflict", "other gateway", 1.0),
    ],
)
async def test_a_refusal_is_explained_and_retried_slowly(condition: str, word: str, least: float) -> None:
    async with rig(Behaviour(refuse=condition)) as r:
        status = await r.state(LinkState.REFUSED)
        assert word in status.reason
        assert status.next_try is not None
        assert least <= status.next_try - r.clock.now() <= 300.0
        r.server.behaviour.refuse = ""
        await r.clock.advance(300.0)
        await r.up()


async def test_a_wrong_secret_is_never_in_the_log() -> None:
    with capture_logs() as logs:
        async with rig(secret="wr0ng-s3cret") as r:
            status = await r.state(LinkState.REFUSED)
            assert "secret of irc.localhost" in status.reason
    assert "wr0ng" not in str(logs)


async def test_being_replaced_by_another_gateway_starts_no_war() -> None:
    async with rig() as r:
        server = await r.up()
        await r.clock.advance(100.0)
        server.error("conflict", "Replaced by a new connection")
        status = await r.state(LinkState.REFUSED)
        assert status.next_try is not None
        assert status.next_try - r.clock.now() >= 30.0


async def test_a_server_that_shuts_down_is_met_again_at_once() -> None:
    async with rig() as r:
        server = await r.up()
        server.error("system-shutdown")
        status = await r.state(LinkState.DOWN)
        assert "system-shutdown" in status.reason
        assert status.next_try == r.clock.now()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("<message to='x'><body>half a sta", "was lost"),
        ("<message to='x'></presence>", "bad XML"),
        ("garbage", "was lost"),
        ("<!DOCTYPE x>", "bad XML"),
        ("\x00", "bad XML"),
    ],
)
async def test_whatever_breaks_the_stream_ends_in_a_new_one(words: str, reason: str) -> None:
    async with rig() as r:
        server = await r.up()
        server.send(words)
        server.close()
        assert reason in (await r.state(LinkState.DOWN)).reason
        await r.clock.advance(0.0)
        await r.up()
        assert r.stanzas == []


async def test_a_stanza_without_end_drops_the_link() -> None:
    async with rig() as r:
        server = await r.up()
        server.send("<message><body>" + "x" * 1_200_000)
        assert "without end" in (await r.state(LinkState.DOWN)).reason


async def test_a_server_that_never_answers_is_given_up() -> None:
    async with rig(Behaviour(silent=True)) as r:
        await r.until(lambda: len(r.server.connections) == 1)
        await settle()
        await r.clock.advance(15.0)
        assert "does not finish the component handshake" in (await r.state(LinkState.DOWN)).reason


async def test_a_server_that_falls_silent_is_given_up() -> None:
    async with rig() as r:
        server = await r.up()
        await r.until(lambda: r.link.counters.received == 12)
        r.server.behaviour.echo = False
        await r.clock.advance(79.0)
        assert r.link.status.state is LinkState.UP
        await r.clock.advance(2.0)
        assert "stopped answering" in (await r.state(LinkState.DOWN)).reason
        await server.closed.wait()
        assert server.raw.count(b"urn:xmpp:ping") >= 24


async def test_a_connection_that_is_never_made_is_given_up() -> None:
    async def never(*_: object) -> None:
        await asyncio.get_running_loop().create_future()

    async with rig(connect=never) as r:
        await settle()
        await r.clock.advance(15.0)
        assert "does not answer" in (await r.state(LinkState.DOWN)).reason


async def test_a_server_that_stops_reading_costs_a_bounded_memory() -> None:
    limits = OutboxLimits(pending_bytes=1_000_000, kept_bytes=2_000_000)
    async with rig(Behaviour(deaf=True), limits=limits) as r:
        await r.up()
        stanza = f"<message from='{JID}' to='alice@localhost'><body>{'x' * 10_000}</body></message>"
        for number in range(10_000):  # 100 MB
            r.link.send(stanza, keep=number % 2 == 0)
            if number % 20 == 0:
                await asyncio.sleep(0)
            assert r.link.pending[1] <= 2_000_000
        stream = r.link._stream
        assert stream is not None
        assert stream.transport is not None
        assert stream.transport.get_write_buffer_size() < WRITE_BUFFER + 300_000
        assert r.link.congested
        assert sum(r.link.counters.dropped.values()) > 5_000
        assert r.dropped


# --- a second gateway


async def test_a_second_gateway_on_the_same_jid_is_noticed() -> None:
    async with rig(Behaviour(on_second="balance")) as r:
        await r.up()
        await r.clock.advance(6.0)
        other = Rig(r.server)
        await other.up()
        await r.until(lambda: r.link.counters.received + other.link.counters.received >= 36)
        for one in (r, other):
            await one.clock.advance(5.0)
        assert r.twins or other.twins
        assert "stop one of them" in (r.twins + other.twins)[0]
        assert all(s.state is not LinkState.DOWN for s in r.statuses + other.statuses)
        await other.close()


# --- the end


async def test_the_farewell_leaves_before_the_stream_is_closed() -> None:
    async with rig() as r:
        server = await r.up()
        r.link.send(HELLO.format("last"))
        await r.close([HELLO.format(n) for n in range(300)])
        assert ids(server.received) == ["last", *map(str, range(300))]
        assert server.ended_politely
        assert r.statuses[-1].state is LinkState.CLOSED


async def test_closing_does_not_wait_for_a_server_that_is_stuck() -> None:
    async with rig(Behaviour(deaf=True)) as r:
        await r.up()
        r.link.send("<message to='x'>" + "y" * 200_000 + "</message>")
        await r.close([f"<presence to='{'z' * 100_000}'/>" for _ in range(100)])
        assert r.statuses[-1].state is LinkState.CLOSED


@pytest.mark.parametrize("behaviour", [Behaviour(silent=True), Behaviour(header_only=True), Behaviour()])
async def test_closing_is_prompt_at_every_stage(behaviour: Behaviour) -> None:
    for turns in range(12):
        async with FakeXmppServer(behaviour=behaviour) as server:
            r = Rig(server)
            await settle(turns)
            await r.link.close()
            await r.task
            assert r.clock.waiting == []


async def test_closing_ends_a_back_off() -> None:
    async with rig(Behaviour(refuse="host-unknown")) as r:
        await r.state(LinkState.REFUSED)
        await r.link.close()
        await r.task


async def test_closing_ends_a_connection_attempt() -> None:
    async def never(*_: object) -> None:
        await asyncio.get_running_loop().create_future()

    async with rig(connect=never) as r:
        await settle()
        await r.link.close()
        await r.task


async def test_closing_twice_and_closing_what_never_ran_are_harmless() -> None:
    async with rig() as r:
        await r.up()
        await asyncio.gather(r.link.close(), r.link.close())
        await r.link.close()


@pytest.mark.parametrize("turns", [0, 1, 2, 5, 50])
async def test_a_cancelled_run_leaves_nothing_behind(turns: int) -> None:
    async with FakeXmppServer() as server:
        r = Rig(server)
        await settle(turns)
        r.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await r.task
        await settle()
        assert r.clock.waiting == []
        assert all(connection.closed.is_set() for connection in server.connections if connection.up.is_set())


def test_the_other_event_loop_serves_as_well() -> None:
    """uvloop's transports differ from asyncio's in small things."""

    async def life() -> None:
        async with rig() as r:
            server = await r.up()
            server.send("".join(f"<message to='{JID}' id='{n}'>{'x' * 200}</message>" for n in range(1000)))
            await r.until(lambda: len(r.stanzas) == 1000)
            server.stall()
            r.link.send("<message to='x'>" + "y" * 200_000 + "</message>")
            for _ in range(100):
                r.link.send(f"<presence to='{'z' * 100_000}'/>")
                await asyncio.sleep(0)
            assert r.link.congested
            server.kill()
            await r.state(LinkState.DOWN)
            r.link.send(HELLO.format("kept"), keep=True)
            await r.clock.advance(0.0)
            again = await r.up()
            assert ids([await again.expect()]) == ["kept"]
            await r.close([HELLO.format("last")])
            assert again.ended_politely

    uvloop.run(life())
