"""Connections that are made again for ever, over wires in memory and with a clock of the test's."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bridges.sms.smpp.binds import Binds, Login, Pauses
from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.dialling import Endpoint
from bridges.sms.smpp.link import Failed
from bridges.sms.smpp.pdu import Bind
from bridges.sms.smpp.session import Mode, Timing
from bridges.sms.smpp.turns import Turns
from tests.unit.clock import ManualClock, settle
from tests.unit.sms.smpp.peer import BINDS, Centre, Wire
from tests.unit.sms.smpp.test_link import Listening


class Highest(random.Random):
    """Draws no shorter pause than there can be."""

    def random(self) -> float:
        return 1.0


@dataclass
class Rig:
    centre: Centre = field(default_factory=Centre)
    clock: ManualClock = field(default_factory=ManualClock)
    told: list[str] = field(default_factory=list)
    unreadable: str = ""
    binds: Binds = field(init=False)

    @asynccontextmanager
    async def running(self, modes: Sequence[Mode] = (Mode.TRANSCEIVER,)) -> AsyncIterator[None]:
        turns = Turns(self.clock, rate=0, lane_rate=0, patience=5)
        self.binds = Binds(
            "test",
            modes,
            self.login,
            timing=Timing(unbind=1),
            window=10,
            listener=Listening(),
            turns=turns,
            trouble=self.told.append,
            clock=self.clock,
            rng=Highest(),
            connector=self.centre.connect,
            pauses=Pauses(),
        )
        task = asyncio.create_task(self.binds.run())
        await settle()
        try:
            yield
        finally:
            task.cancel()
            await settle()
            await self.clock.advance(1.0)
            await asyncio.gather(task, return_exceptions=True)

    async def login(self) -> Login:
        if self.unreadable:
            raise Failed(self.unreadable, lasting=True)
        return Login(Endpoint("smsc.example", 2775), Bind("me", "pw"))

    @property
    def attempts(self) -> int:
        return len(self.centre.endpoints)


def refusing(status: int) -> Callable[[Wire], None]:
    def refuse(wire: Wire) -> None:
        (request,) = wire.of(*BINDS)
        wire.says(request.command | 0x80000000, request.sequence, status=status)

    return refuse


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_it_tries_later_and_later_for_ever(rig: Rig) -> None:
    rig.centre.refusals = [ConnectionRefusedError(111, "refused") for _ in range(100)]
    pauses = []
    async with rig.running():
        for _ in range(10):
            pauses.append(rig.clock.pending[0])
            await rig.clock.advance(rig.clock.pending[0])
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert "cannot be reached" in rig.told[0]
    assert len(rig.told) == 2  # of eleven attempts


async def test_a_connection_that_stood_is_made_again_at_once(rig: Rig) -> None:
    async with rig.running():
        await rig.clock.advance(31)
        rig.centre.wire.breaks()
        await settle()
        await rig.clock.advance(0)
        assert rig.attempts == 2
        assert rig.binds.links[0].transmits


async def test_a_connection_that_breaks_at_once_is_not_made_again_at_once(rig: Rig) -> None:
    async with rig.running():
        rig.centre.wire.breaks()
        await settle()
        assert rig.attempts == 1
        assert min(rig.clock.pending) == 1
        await rig.clock.advance(1.0)
        assert rig.attempts == 2


@pytest.mark.parametrize(
    ("status", "setting"), [(0x0E, "`password`"), (0x0F, "`system_id`"), (0x53, "`system_type`")]
)
async def test_a_login_refused_for_good_is_tried_rarely_and_the_operator_told(
    rig: Rig, status: int, setting: str
) -> None:
    rig.centre.on_login = refusing(status)
    async with rig.running():
        assert 300 in rig.clock.pending
        (told,) = rig.told
        assert setting in told
        assert "smsc.example:2775" in told
        await rig.clock.advance(299.0)
        assert rig.attempts == 1
        rig.centre.on_login = Wire.accepts_login
        await rig.clock.advance(1.0)
        assert rig.binds.links


async def test_a_bind_that_fails_for_some_reason_is_tried_slowly(rig: Rig) -> None:
    rig.centre.on_login = refusing(0x0D)
    async with rig.running():
        assert 30 in rig.clock.pending
        assert "`binds`" in rig.told[0]


async def test_a_refusal_with_a_status_of_the_provider_is_named_by_it(rig: Rig) -> None:
    rig.centre.on_login = refusing(0x4AB)
    async with rig.running():
        with pytest.raises(Failed, match="0x000004ab"):
            await rig.binds.open("test/x", Mode.TRANSCEIVER)


async def test_a_port_that_says_nothing_in_smpp_is_doubted(rig: Rig) -> None:
    rig.centre.on_login = Wire.breaks
    async with rig.running():
        with pytest.raises(Failed, match=r"smsc\.example:2775: it closed .* `tls = true`"):
            await rig.binds.open("test/x", Mode.TRANSCEIVER)


async def test_a_password_that_cannot_be_read_is_told_and_tried_again(rig: Rig) -> None:
    rig.unreadable = "/etc/pw cannot be read"
    async with rig.running():
        assert rig.told == ["/etc/pw cannot be read."]
        rig.unreadable = ""
        await rig.clock.advance(300.0)
        assert rig.binds.links


async def test_every_connection_is_held_for_itself(rig: Rig) -> None:
    async with rig.running([Mode.TRANSMITTER, Mode.RECEIVER] * 2):
        commands = sorted(pdu.command for wire in rig.centre.wires for pdu in wire.heard)
        assert commands == sorted([Command.BIND_TRANSMITTER, Command.BIND_RECEIVER] * 2)
        rig.centre.wires[0].breaks()
        await settle()
        assert len(rig.binds.links) == 3
        await rig.clock.advance(1.0)
        assert len(rig.binds.links) == 4


async def test_it_says_goodbye_on_all_connections_and_leaves_nothing(rig: Rig) -> None:
    before = asyncio.all_tasks()
    async with rig.running([Mode.TRANSCEIVER] * 3):
        pass
    assert all(wire.of(Command.UNBIND) for wire in rig.centre.wires)
    assert all(wire.closing for wire in rig.centre.wires)
    assert asyncio.all_tasks() == before
    assert not rig.clock.pending


async def test_it_ends_during_a_login_that_is_not_answered(rig: Rig) -> None:
    rig.centre.on_login = None
    async with rig.running():
        assert not rig.binds.links
    assert rig.centre.wire.closing
    assert not rig.clock.pending
