"""Requests for bridges through the real listener: bounded, told apart, answered."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest

from gateway.bridge.web import BODY_LIMIT, WebRequest, WebResponse
from gateway.web.bridges import bridge_routes
from gateway.web.clients import Clients
from gateway.web.server import Bounds, serving
from gateway.web.tally import OTHER, Cut, WebTally
from tests.waiting import eventually


class Desk:
    """A bridge that keeps what it is asked, and answers as it is told."""

    def __init__(self):
        self.asked: list[WebRequest] = []
        self.reply = WebResponse(200, b"fine", "text/plain")
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Semaphore(0)

    async def answer(self, request):
        self.asked.append(request)
        self.arrived.release()
        await self.gate.wait()
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@asynccontextmanager
async def house(trusted=("127.0.0.1",), head_seconds=15.0, connections=100, tally=None, **more):
    desk = Desk()
    routes = bridge_routes({"sms": desk}, Clients(trusted), lambda name: f"kind of {name}", **more)
    bounds = Bounds(head_seconds, connections=connections, farewell_seconds=0.1)
    async with (
        serving("127.0.0.1", 0, routes, bounds, tally) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield desk, session, port


async def raw(port, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    except asyncio.IncompleteReadError as end:
        return end.partial
    finally:
        writer.close()


async def test_requests_are_counted_by_the_kind_of_bridge_and_what_is_nobodys_together():
    tally = WebTally(OTHER)
    async with house(tally=tally) as (desk, session, port):
        for path, status in (
            ("/bridge/sms/1", 200),
            ("/bridge/sms/2", 200),
            ("/bridge/x/1", 404),
            ("/", 404),
        ):
            async with session.post(path, data=b"x") as response:
                assert response.status == status
        assert tally.open == 1
        await session.close()
        await eventually(lambda: tally.open == 0)
        desk.reply = ValueError("ours")
        await raw(port, b"GET /bridge/sms/3 HTTP/1.1\r\nHost: x\r\n\r\n")
        await raw(port, b"no HTTP\r\n\r\n")
        await eventually(lambda: sum(tally.answered.values()) == 6)
    part = "kind of sms"
    assert {key: count for key, count in tally.answered.items() if count} == {
        (part, "2xx"): 2,
        (part, "5xx"): 1,
        (OTHER, "4xx"): 3,
    }
    assert tally.took[part].count == 3
    assert tally.octets[part] == 2 * len("fine") + len("Try again later.")
    assert not any(tally.cut.values())


async def test_a_bridge_sees_path_query_headers_and_body_as_they_were_on_the_wire():
    async with house() as (desk, _, port):
        await raw(
            port,
            b"POST /bridge/sms/a%2Fb/c?x=%41+1&x=2 HTTP/1.1\r\nHost: evil.example\r\nX-Two: 1\r\nx-two: 2\r\n"
            b"X-Odd: \xff\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\x00\xffz",
        )
        (request,) = desk.asked
        assert (request.method, request.path, request.query) == ("POST", "a%2Fb/c", "x=%41+1&x=2")
        assert (request.body, request.remote) == (b"\x00\xffz", "127.0.0.1")
        assert (request.all("X-TWO"), request.header("x-odd"), request.header("none")) == (
            ("1", "2"),
            "\udcff",
            "",
        )


async def test_the_answer_is_given_with_its_type():
    async with house() as (desk, session, _):
        async with session.get("/bridge/sms/a") as response:
            assert (response.status, await response.read()) == (200, b"fine")
            assert response.headers["Content-Type"] == "text/plain"
        desk.reply = WebResponse(202, b"<Response/>", "text/xml")
        async with session.post("/bridge/sms/a") as response:
            assert (response.status, response.headers["Content-Type"]) == (202, "text/xml")
        desk.reply = WebResponse(204)
        async with session.get("/bridge/sms/a") as response:
            assert (response.status, await response.read()) == (204, b"")
        async with session.head("/bridge/sms/a") as response:
            assert response.status == 204


async def test_other_methods_bridges_and_places_do_not_exist():
    async with house() as (desk, session, _):
        async with session.delete("/bridge/sms/a") as response:
            assert response.status == 405
        for path in ("/bridge/irc/a", "/bridge/sms", "/", "/bridge/"):
            async with session.get(path) as response:
                assert response.status == 404
        assert not desk.asked


@pytest.mark.parametrize("length", [BODY_LIMIT + 1, 1 << 20, 1 << 40])
async def test_a_body_that_says_it_is_too_large_is_not_read(length):
    async with house() as (desk, _, port):
        head = (
            f"POST /bridge/sms/a HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )
        assert b" 413 " in await raw(port, head.encode())
        assert not desk.asked


async def test_a_body_that_grows_too_large_is_left():
    async def endless():
        for _ in range(64):
            yield bytes(16_384)

    async with house() as (desk, session, _):
        async with session.post("/bridge/sms/a", data=endless()) as response:
            assert response.status == 413
        async with session.post("/bridge/sms/a", data=bytes(BODY_LIMIT)) as response:
            assert response.status == 200
        assert [len(each.body) for each in desk.asked] == [BODY_LIMIT]


async def test_a_body_that_does_not_come_is_not_waited_for():
    async with house(body_seconds=0.05) as (desk, _, port):
        head = b"POST /bridge/sms/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"
        assert b" 408 " in await raw(port, head)
        assert not desk.asked


async def test_a_head_that_does_not_come_ends_the_connection():
    tally = WebTally(OTHER)
    async with house(head_seconds=0.05, tally=tally) as (_, _, port):
        assert await raw(port, b"POST /bridge/sms/a HTTP/1.1\r\nHost: x\r\n") == b""
        assert tally.cut[Cut.SILENT] == 1


async def test_a_client_that_takes_nothing_of_the_answer_is_dropped():
    bounds = Bounds(stalled_seconds=0.1, farewell_seconds=0.1)
    desk = Desk()
    # More than all buffers in between can hold.
    desk.reply = WebResponse(200, bytes(30_000_000))
    tally = WebTally(OTHER)
    async with serving("127.0.0.1", 0, bridge_routes({"sms": desk}, Clients()), bounds, tally) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(b"GET /bridge/sms/a HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(write_on(writer), 30)
        assert tally.cut[Cut.STALLED] == 1
        writer.close()
        reader.feed_eof()


async def write_on(writer: asyncio.StreamWriter) -> None:
    """Who reads nothing finds out only so whether there is somebody at the other end."""
    while True:
        writer.write(b"\r")
        await writer.drain()
        await asyncio.sleep(0)


async def test_connections_beyond_the_limit_are_closed():
    tally = WebTally(OTHER)
    async with (
        house(connections=1, tally=tally) as (_, session, port),
        session.get("/bridge/sms/a") as response,
    ):
        await response.read()
        assert await raw(port, b"") == b""
        assert tally.cut[Cut.TOO_MANY] == tally.open == 1


async def test_requests_beyond_the_limit_are_asked_to_come_again():
    async with house(at_once=1) as (desk, session, _):
        desk.gate.clear()
        first = asyncio.create_task(session.get("/bridge/sms/a"))
        await asyncio.wait_for(desk.arrived.acquire(), 10)
        async with session.get("/bridge/sms/b") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
        desk.gate.set()
        async with await first as response:
            assert response.status == 200


async def test_a_bridge_that_fails_or_is_slow_is_our_own_fault():
    async with house(answer_seconds=0.05) as (desk, session, _):
        desk.reply = ValueError("no")
        async with session.get("/bridge/sms/a") as response:
            assert response.status == 500
            assert "no" not in await response.text()
        desk.gate.clear()
        async with session.get("/bridge/sms/a") as response:
            assert response.status == 503


async def test_what_is_packed_reaches_the_bridge_as_it_was_sent():
    async with house() as (desk, session, _):
        async with session.post(
            "/bridge/sms/a", data=b"\x1f\x8bnot gzip", headers={"Content-Encoding": "gzip"}
        ):
            pass
        assert desk.asked[0].body == b"\x1f\x8bnot gzip"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),  # no proxy of ours
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["203.0.113.9, 198.51.100.7", "10.0.0.2"], "198.51.100.7"),
        ("127.0.0.1", ["10.0.0.3,10.0.0.2"], "10.0.0.3"),
        ("127.0.0.1", ["unknown"], ""),
        ("127.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("127.0.0.1", ["198.51.100.7:80"], "198.51.100.7"),
        ("::ffff:127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("", ["198.51.100.7"], ""),
    ],
)
def test_the_client_is_whom_trusted_proxies_name(peer, forwarded, client):
    assert Clients(["127.0.0.0/8", "10.0.0.0/8"]).address(peer, forwarded) == client
