"""A message centre in memory: what a test says is heard at once, and what it hears is kept."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.dialling import Endpoint
from bridges.sms.smpp.pdu import Bare, BindReply, Body, Framer, Message, Pdu, Reply, decode, encode
from tests.unit.clock import settle

BINDS = (Command.BIND_TRANSCEIVER, Command.BIND_TRANSMITTER, Command.BIND_RECEIVER)


class Wire(asyncio.Transport):
    """One connection, from the side of the message centre."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.heard: list[Pdu] = []
        self.closing = False
        self.unread = 0  # octets that we claim to have not read yet
        self._framer = Framer()
        self._sequence = 1000

    # -- asyncio.Transport ---------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.heard += [decode(frame) for frame in self._framer.feed(bytes(data))]

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def is_closing(self) -> bool:
        return self.closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.unread

    # -- the message centre --------------------------------------------------------------------------------------------

    def octets(self, data: bytes) -> None:
        self.protocol.data_received(data)

    def says(self, command: int, sequence: int, body: Body | None = None, status: int = 0) -> None:
        self.octets(encode(Pdu(command, status, sequence, body or Bare())))

    def brings(self, message: Message, command: int = Command.DELIVER_SM) -> int:
        """The sequence number of it."""
        self._sequence += 1
        self.says(command, self._sequence, message)
        return self._sequence

    def of(self, *commands: int) -> list[Pdu]:
        return [each for each in self.heard if each.command in commands]

    def answers(self, pdu: Pdu, message_id: str = "1", status: int = 0) -> None:
        self.says(pdu.command | 0x80000000, pdu.sequence, Reply(message_id), status)

    def accepts_login(self) -> None:
        (request,) = self.of(*BINDS)
        self.says(request.command | 0x80000000, request.sequence, BindReply("SMSC"))

    def breaks(self, error: Exception | None = None) -> None:
        """The connection ends."""
        self.closing = True
        self.protocol.connection_lost(error)


@dataclass
class Centre:
    """``connect`` is a ``Connector``. ``on_login`` answers logins (None: they wait), ``refusals`` are raised by attempts."""

    wires: list[Wire] = field(default_factory=list)
    on_login: Callable[[Wire], None] | None = Wire.accepts_login
    refusals: list[Exception] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)

    async def connect(self, endpoint: Endpoint, protocol: Callable[[], asyncio.Protocol]) -> None:
        self.endpoints.append(endpoint)
        if self.refusals:
            raise self.refusals.pop(0)
        wire = Wire(protocol())
        self.wires.append(wire)
        wire.protocol.connection_made(wire)
        if self.on_login is not None:
            self.on_login(wire)

    @property
    def wire(self) -> Wire:
        return self.wires[-1]

    async def submitted(self, count: int = 1) -> list[Pdu]:
        """All that were submitted, once there are so many."""
        for _ in range(50):
            found = [pdu for wire in self.wires for pdu in wire.of(Command.SUBMIT_SM)]
            if len(found) >= count:
                return found
            await settle()
        raise AssertionError(f"{count} messages were expected, {len(found)} came")
