"""Who asks whose a connection is: only the other end is told, whatever is asked and however often."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.bridge import IrcBridge
from bridges.irc.claims import Claims, plain
from bridges.irc.config import IrcSettings
from bridges.irc.dial import Endpoint, LoopDialer, Origin
from bridges.irc.identd import MAX_ASKERS, MAX_QUERY, TIMEOUT, Identd, read, reply
from bridges.irc.link import IrcReactor
from bridges.irc.network_config import NetworkSettings
from gateway.bridge import Services
from gateway.playground.process import free_ports
from tests.fakes.clock import ManualClock, settle
from tests.waiting import eventually

HERE, THERE = ("192.0.2.1", 40000), ("198.51.100.7", 6697)
TOKEN = "abcdefghij234567abcdefghij"


@pytest.fixture
def claims() -> Claims:
    found = Claims()
    found.hold(HERE, THERE, TOKEN)
    return found


# -- what is asked -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "ports"),
    [
        (b"6193, 23", (6193, 23)),
        (b"6193,23", (6193, 23)),
        (b" 6193 ,\t23 ", (6193, 23)),
        (b"65535,1", (65535, 1)),
        (b"0,1", None),
        (b"1,65536", None),
        (b"-1,5", None),
        (b"1", None),
        (b"", None),
        (b"1,2,3", None),
        (b"1.5,2", None),
        (b"1,2 : USERID", None),
        ("٣,٤".encode(), None),
        (b"000006193,23", None),
    ],
)
def test_a_query_is_two_ports(line: bytes, ports: tuple[int, int] | None) -> None:
    assert read(line) == ports


@given(st.binary(max_size=200) | st.from_regex(rb"[0-9 ]{0,7},[0-9\t]{0,7}", fullmatch=True))
def test_whatever_is_asked_is_answered_in_one_clean_line(line: bytes) -> None:
    claims = Claims()
    claims.hold(HERE, THERE, TOKEN)
    answer = reply(line, claims, HERE[0], THERE[0])
    assert answer.isascii()
    assert answer.isprintable()
    assert len(answer) < 60


def test_the_other_end_is_told_ten_characters(claims: Claims) -> None:
    assert reply(b"40000, 6697", claims, HERE[0], THERE[0]) == "40000 , 6697 : USERID : UNIX : abcdefghij"


@pytest.mark.parametrize(
    ("line", "asker"),
    [(b"40001, 6697", THERE[0]), (b"40000, 6667", THERE[0]), (b"40000, 6697", "198.51.100.8")],
)
def test_others_are_told_that_there_is_nobody(claims: Claims, line: bytes, asker: str) -> None:
    assert reply(line, claims, HERE[0], asker).endswith(": ERROR : NO-USER")


def test_a_connection_without_a_user_of_ours_is_hidden() -> None:
    claims = Claims()
    claims.hold(HERE, THERE, "")
    assert reply(b"40000,6697", claims, HERE[0], THERE[0]) == "40000 , 6697 : ERROR : HIDDEN-USER"


# -- whose connections there are ---------------------------------------------------------------------------------------


def test_the_same_ports_on_two_of_our_addresses_are_two_users(claims: Claims) -> None:
    claims.hold(("192.0.2.2", 40000), THERE, "other")
    assert claims.whose(HERE, THERE) == TOKEN
    assert claims.whose(("192.0.2.2", 40000), THERE) == "other"
    assert claims.whose(("10.0.0.1", 40000), THERE) is None  # it could be either
    claims.release(("192.0.2.2", 40000), THERE)
    assert claims.whose(("10.0.0.1", 40000), THERE) == TOKEN
    claims.release(HERE, THERE)
    claims.release(HERE, THERE)
    assert claims.whose(HERE, THERE) is None


def test_ipv4_is_the_same_on_a_socket_for_both(claims: Claims) -> None:
    assert claims.whose(("::ffff:192.0.2.1", 40000), ("::ffff:198.51.100.7", 6697)) == TOKEN
    assert plain("fe80::1%eth0") == "fe80::1"


async def test_a_connection_under_way_is_known_and_forgotten_with_its_end() -> None:
    """The server asks before it says a word, as servers do; encryption would begin only later."""
    claims = Claims()
    asked: list[str | None] = []
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(claims.whose(writer.get_extra_info("peername"), writer.get_extra_info("sockname")))
        await reader.read()
        writer.close()
        gone.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    closed = asyncio.Event()
    reactor = IrcReactor(claims=claims)
    connection = reactor.connection(print, lambda _: closed.set(), print)
    await connection.open(Endpoint("127.0.0.1", port, origin=Origin(v4="127.0.0.3", owner=TOKEN)))
    assert connection.transport is not None
    here, there = (connection.transport.get_extra_info(name) for name in ("sockname", "peername"))
    assert here[0] == "127.0.0.3"
    assert claims.whose(here, there) == TOKEN
    connection.close()
    await asyncio.wait_for(closed.wait(), 10)
    await asyncio.wait_for(gone.wait(), 10)
    server.close()
    assert asked == [TOKEN]
    assert claims.whose(here, there) is None


async def test_attempts_that_fail_leave_no_claim() -> None:
    claims = Claims()
    dialer = LoopDialer(claims=claims)
    with pytest.raises(ConnectionRefusedError):
        await dialer.dial(Endpoint("127.0.0.1", free_ports(1)[0]), None, asyncio.Protocol)
    assert not claims._expected


# -- the server --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(identd: Identd) -> AsyncIterator[None]:
    task = asyncio.create_task(identd.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def called(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect once it listens."""

    async def answered() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return None

    return await eventually(answered, "a listener")


async def test_one_query_gets_one_answer() -> None:
    claims, port = Claims(), free_ports(1)[0]
    claims.hold(("127.0.0.1", 40000), ("127.0.0.1", 6667), TOKEN)
    async with running(Identd(claims, ManualClock(), "127.0.0.1", port)):
        reader, writer = await called(port)
        writer.write(b"40000")
        await writer.drain()
        writer.write(b" , 6667\r\n40000,6667\r\n")
        assert await asyncio.wait_for(reader.read(), 10) == b"40000 , 6667 : USERID : UNIX : abcdefghij\r\n"
        writer.close()


async def test_who_says_too_much_is_not_listened_to() -> None:
    port = free_ports(1)[0]
    async with running(Identd(Claims(), ManualClock(), "127.0.0.1", port)):
        reader, writer = await called(port)
        writer.write(b"1" * (MAX_QUERY + 1))
        assert await asyncio.wait_for(reader.read(), 10) == b"0 , 0 : ERROR : INVALID-PORT\r\n"
        writer.close()


async def test_who_says_nothing_is_hung_up_on_and_the_end_ends_everybody() -> None:
    clock, port = ManualClock(), free_ports(1)[0]
    async with running(Identd(Claims(), clock, "127.0.0.1", port)):
        reader, writer = await called(port)
        await eventually(lambda: clock.waiting)
        await clock.advance(TIMEOUT)
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        other, other_writer = await called(port)
        await eventually(lambda: clock.waiting)
    with suppress(ConnectionResetError):
        assert await asyncio.wait_for(other.read(), 10) == b""
    writer.close()
    other_writer.close()


async def test_only_so_many_are_listened_to() -> None:
    clock, port = ManualClock(), free_ports(1)[0]
    async with running(Identd(Claims(), clock, "127.0.0.1", port)):
        askers = [await called(port) for _ in range(MAX_ASKERS)]
        await eventually(lambda: len(clock.waiting) >= MAX_ASKERS)
        reader, writer = await called(port)
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        assert len(clock.waiting) == MAX_ASKERS
        for _, each in [*askers, (reader, writer)]:
            each.close()


async def test_a_port_that_cannot_be_had_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = IrcSettings(identd_port=port, identd_host="127.0.0.1")
        bridge = IrcBridge(settings, Services(ManualClock(), random.Random(1), "1"))
        assert bridge.capabilities.background
        (sentence,) = await bridge.trial()
        assert sentence.startswith(f"identd cannot listen on 127.0.0.1 port {port}: ")
        assert "another identd_port" in sentence
        with structlog.testing.capture_logs() as logs:
            await asyncio.wait_for(bridge.run(), 10)
        assert [(each["event"], each["reason"]) for each in logs] == [("identd does not run", sentence)]
    assert await bridge.trial() == ()
    await settle()


async def test_an_address_to_connect_from_that_this_machine_has_not_is_one_sentence() -> None:
    here = IrcSettings(source_address="127.0.0.1")
    assert await IrcBridge(here, Services(ManualClock(), random.Random(1), "1")).trial() == ()
    networks = {"irc.example.org": NetworkSettings(source_address="192.0.2.1")}
    bridge = IrcBridge(
        IrcSettings(source_address="127.0.0.1", networks=networks),
        Services(ManualClock(), random.Random(1), "1"),
    )
    assert bridge.capabilities.background
    assert await bridge.trial() == (
        "nobody can connect from 192.0.2.1: this machine has no such address. Correct "
        'networks."irc.example.org".source_address, or give the machine that address.',
    )
    await asyncio.wait_for(bridge.run(), 10)  # has nothing to do
