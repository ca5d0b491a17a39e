"""Connections over loopback sockets, on the loop of the tests and on the one that the gateway runs on."""

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

from bridges.sms.smpp.dialling import Endpoint, reached, tcp
from gateway.playground.process import free_ports


class Greeted(asyncio.Protocol):
    def __init__(self) -> None:
        self.heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.heard.set_result(data)


async def _greeted(host: str, port: int) -> bytes:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", port):
        protocols: list[Greeted] = []

        def protocol() -> Greeted:
            protocols.append(Greeted())
            return protocols[-1]

        async with asyncio.timeout(30):
            await tcp(Endpoint(host, port), protocol)
            (only,) = protocols
            return await only.heard


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_connects(run: Callable[..., bytes], host: str) -> None:
    """``localhost`` may be ::1 first, where nobody listens."""
    assert run(_greeted(host, free_ports(1)[0])) == b"hello"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    ("host", "error"),
    [("127.0.0.1", ConnectionRefusedError), ("no-such-host.invalid", socket.gaierror), ("a..b", ValueError)],
)
def test_why_not_is_said(run: Callable[..., None], host: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        run(tcp(Endpoint(host, free_ports(1)[0]), asyncio.Protocol))


async def test_an_address_that_swallows_everything_keeps_nobody_from_the_next() -> None:
    tried: list[str] = []

    async def connect(sock: socket.socket, address: tuple[str, int]) -> None:
        tried.append(address[0])
        if address[0] == "192.0.2.1":
            await asyncio.get_running_loop().create_future()

    addresses = [(socket.AF_INET, (address, 2775)) for address in ("192.0.2.1", "192.0.2.2")]
    with await reached(addresses, 0.2, connect):
        assert tried == ["192.0.2.1", "192.0.2.2"]
