"""A desk that says what the tests put on it, its control socket, and the client at the other end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from gateway.control.client import Client
from gateway.control.server import serving
from gateway.ops.health import Ailment
from gateway.ops.status import (
    BridgeView,
    Direction,
    GatewayView,
    LinkView,
    QueueView,
    SessionView,
    TrafficView,
)
from tests.fakes.clock import ManualClock
from tests.fakes.desk import FakeDesk

T = TypeVar("T")


def view() -> GatewayView:
    """A gateway with one bridge that has troubles."""
    ailment = Ailment("smarthost", "The smarthost refuses us. Ask it why.", "irc", hard=False, since=900.0)
    return GatewayView(
        version="1.2.3",
        pid=77,
        started=0.0,
        now=1000.0,
        ready=True,
        log_level="info",
        database="The database /srv/causeway.db",
        memory=123_456_789,
        ailments=(ailment,),
        bridges=(
            BridgeView(
                name="irc",
                kind="irc",
                title="IRC",
                jid="irc.example.org",
                link=LinkView("up", since=10.0),
                states={"connected": 2, "failed": 1},
                sessions=(SessionView("ann@example.org", "libera", "failed", "No such host", 1060.0, 3),),
                queues=(QueueView("to the network", 4, 950.0),),
                traffic={Direction.OUT: TrafficView(5, 1, 0.5, 0.01, 0.2)},
                ailments=(ailment,),
            ),
        ),
    )


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk(ManualClock(), view())


@pytest.fixture
async def path(desk: FakeDesk, tmp_path: Path) -> AsyncIterator[Path]:
    """Where the desk is served."""
    place = tmp_path / "causeway.sock"
    async with serving(place, desk):
        yield place


@pytest.fixture
def client(path: Path) -> Client:
    return Client(path)


async def asked(ask: Callable[[], T]) -> T:
    """The client blocks, and the server is on our loop."""
    return await asyncio.to_thread(ask)
