"""A short visit to a server: what the link is like, and whether somebody else has it too."""

import pytest

from gateway.clock import SystemClock
from gateway.doctor.knock import LARGEST, fitting, knock
from gateway.doctor.wire import visiting
from gateway.xmpp.diagnosis import LinkState
from tests.fakes.xmpp_server import FakeXmppServer

JID, SECRET = "irc.example.org", "s3cret"


async def test_a_visitor_that_is_alone_is_let_in_and_leaves_politely() -> None:
    async with FakeXmppServer({JID: SECRET}) as server:
        async with visiting(JID, SECRET, server.host, server.port, SystemClock(), granting=0) as wire:
            assert wire.up
            assert not wire.live
        (connection,) = server.connections
        await connection.closed.wait()
        assert connection.ended_politely


async def test_a_knock_tells_what_fits_without_a_link() -> None:
    async with FakeXmppServer({JID: SECRET}) as server:
        answer = await knock(JID, server.host, server.port)
        assert (answer.condition, answer.stream, answer.judged) == ("not-authorized", "id-0", True)
        assert await fitting(JID, server.host, server.port) == LARGEST
        assert not server.links(JID)


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"<a>", b""])
async def test_a_knock_at_something_else_ends(words: bytes) -> None:
    async with FakeXmppServer({JID: SECRET}) as server:
        server.behaviour.first_words = words or None
        server.behaviour.hang_up = not words
        with pytest.raises((OSError, TimeoutError)):
            await knock(JID, server.host, server.port, seconds=0.2)


async def test_a_second_link_that_the_server_takes_is_found_out_and_left_at_once() -> None:
    async with FakeXmppServer({JID: SECRET}) as server:
        server.behaviour.on_second = "balance"
        async with visiting(JID, SECRET, server.host, server.port, SystemClock(), granting=0) as running:
            assert running.up
            async with visiting(JID, SECRET, server.host, server.port, SystemClock(), granting=0) as second:
                assert not second.alone
                assert not second.up
                await server.connections[1].closed.wait()


@pytest.mark.parametrize(("jid", "secret"), [(JID, "wrong"), ("other.example.org", SECRET)])
async def test_whoever_is_not_let_in_is_told_why(jid: str, secret: str) -> None:
    async with (
        FakeXmppServer({JID: SECRET}) as server,
        visiting(jid, secret, server.host, server.port, SystemClock(), granting=0) as wire,
    ):
        assert wire.own.state is LinkState.REFUSED
        assert wire.own.reason
        assert not wire.up
