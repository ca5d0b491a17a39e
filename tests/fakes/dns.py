"""A name server of our own on loopback, so that nobody's real one is asked: it answers what a test has put into its zone."""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address

_KINDS = {"A": 1, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
_SERVER_FAILURE = 2
_NO_SUCH_NAME = 3

#: By name, and then by kind, what ``dig`` would show: addresses, "10 mail.example.org", a text, or several strings of one.
Zone = Mapping[str, Mapping[str, Sequence[str | Sequence[str]]]]


class NameServer(asyncio.DatagramProtocol):
    """``asked`` has every question, as (name, kind); of names in ``silent`` it says nothing, of those in ``failing`` that it
    failed."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.asked: list[tuple[str, str]] = []
        self.silent: set[str] = set()
        self.failing: set[str] = set()
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        assert self._transport is not None
        return self._transport.get_extra_info("sockname")[1]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        assert self._transport is not None
        name, end = _name(data, 12)
        (number,) = struct.unpack_from(">H", data, end)
        kind = next((word for word, value in _KINDS.items() if value == number), "?")
        self.asked.append((name, kind))
        if name in self.silent:
            return
        answers = [_record(kind, each) for each in self.zone.get(name, {}).get(kind, ())]
        below = any(each == name or each.endswith(f".{name}") for each in self.zone)
        flags = 0x8180 if below else 0x8180 | _NO_SUCH_NAME
        if name in self.failing:
            flags = 0x8180 | _SERVER_FAILURE
        header = data[:2] + struct.pack(">HHHHH", flags, 1, len(answers), 0, 0)
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 60, len(each)) + each for each in answers
        )
        self._transport.sendto(header + data[12 : end + 4] + records, address)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    _, server = await loop.create_datagram_endpoint(lambda: NameServer(zone), ("127.0.0.1", 0))
    try:
        yield server
    finally:
        server.close()


def _name(data: bytes, at: int) -> tuple[str, int]:
    labels = []
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _wire(name: str) -> bytes:
    labels = [each.encode("ascii") for each in name.split(".") if each]
    return b"".join(bytes([len(each)]) + each for each in labels) + b"\0"


def _record(kind: str, value: str | Sequence[str]) -> bytes:
    if kind == "TXT":
        strings = [value] if isinstance(value, str) else value
        return b"".join(bytes([len(each)]) + each.encode() for each in strings)
    assert isinstance(value, str)
    if kind == "MX":
        priority, _, host = value.partition(" ")
        return struct.pack(">H", int(priority)) + _wire(host)
    if kind == "SRV":
        *numbers, host = value.split()
        return struct.pack(">HHH", *map(int, numbers)) + _wire(host)
    return _wire(value) if kind == "PTR" else ip_address(value).packed
