"""The benchmarks' two fake servers, spoken to as a gateway does."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from benchmarks.ircd import Ircd
from benchmarks.watching import Tally
from benchmarks.xmpp import ComponentServer

_SECRET = "s3cret"
_HEADER = b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='gw.x'>"


@pytest.fixture
async def xmpp() -> AsyncIterator[ComponentServer]:
    server = ComponentServer("gw.x", _SECRET)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def ircd() -> AsyncIterator[Ircd]:
    server = Ircd()
    await server.start()
    yield server
    await server.stop()


async def _linked(
    server: ComponentServer, secret: str = _SECRET
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(_HEADER)
    await reader.readuntil(b"id='bench'>")
    writer.write(
        b"<handshake>" + hashlib.sha1(("bench" + secret).encode()).hexdigest().encode() + b"</handshake>"
    )
    return reader, writer


async def test_a_component_with_the_secret_is_let_in(xmpp: ComponentServer) -> None:
    reader, writer = await _linked(xmpp)
    assert await reader.readuntil(b"/>") == b"<handshake/>"
    await xmpp.ready(5)
    writer.close()
    await asyncio.wait_for(xmpp.lost(), 5)


async def test_a_component_with_another_secret_is_not(xmpp: ComponentServer) -> None:
    reader, writer = await _linked(xmpp, "wrong")
    assert b"not-authorized" in await reader.read()
    writer.close()


async def test_iqs_are_answered_and_looped_back_among_a_flood(xmpp: ComponentServer) -> None:
    counted = Tally(b"<message")
    xmpp.watchers.append(counted)
    reader, writer = await _linked(xmpp)
    await reader.readuntil(b"/>")
    own = b"<iq type='get' id='n1' from='gw.x' to='gw.x'><ping xmlns='urn:xmpp:ping'/></iq>"
    users = b"<iq type='get' id='p2' from='gw.x' to='u@users.bench/r'><ping xmlns='urn:xmpp:ping'/></iq>"
    for piece in (
        b"<message to='a'><body>x</body></message>" * 50,
        own[:20],
        own[20:],
        users,
        b"<message to='b'/>",
    ):
        writer.write(piece)
        await writer.drain()
    assert await reader.readuntil(b"</iq>") == own
    assert await reader.readuntil(b"/>") == b"<iq type='result' from='u@users.bench/r' to='gw.x' id='p2'/>"
    await counted.reach(51, timeout=5)
    writer.close()


async def test_a_client_logs_in_joins_and_hears_the_channel(ircd: Ircd) -> None:
    channel = ircd.channel("#c", ["carol"])
    reader, writer = await asyncio.open_connection("127.0.0.1", ircd.port)
    writer.write(b"CAP LS 302\r\nNICK ann\r\nUSER ann 0 * :Ann\r\nCAP END\r\n")
    assert b" 001 ann " in await reader.readuntil(b" 422 ann :No message of the day\r\n")
    writer.write(b"JOIN #c\r\n")
    answer = await reader.readuntil(b"End of NAMES\r\n")
    assert b":ann!ann@user.bench JOIN #c\r\n" in answer
    assert b" 353 ann = #c :carol\r\n" in answer
    channel.say(channel.privmsg(b"carol", b"hello"))
    assert await reader.readuntil(b"\r\n") == b":carol!carol@ghost.bench PRIVMSG #c :hello\r\n"
    writer.close()


async def test_a_huge_channel_is_named_in_lines_of_legal_length(ircd: Ircd) -> None:
    channel = ircd.channel("#big", (f"ghost{n:05}" for n in range(10_000)))
    lines = channel.names(b"ann").split(b"\r\n")
    assert max(map(len, lines)) <= 510
    assert sum(line.count(b"ghost") for line in lines) == 10_000
