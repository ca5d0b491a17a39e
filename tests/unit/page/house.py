"""The operator's page over a desk of the test's, through its real listener."""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from gateway.clock import SystemClock
from gateway.ops.settings import OperatorSettings
from gateway.ops.status import BridgeView, Direction, FilesView, GatewayView, LinkView, QueueView, TrafficView
from gateway.page import serving
from gateway.page.rendering import Renderer
from gateway.web.clients import Clients
from tests.fakes.desk import FakeDesk

TOKEN = "correct horse battery"
NOW = 1_763_740_000.0


def bridge(name: str = "irc", **parts: object) -> BridgeView:
    usual = BridgeView(
        name,
        name,
        name.upper(),
        f"{name}.example.org",
        LinkView("up", since=NOW - 7_300),
        {"connected": 3, "stopped": 1},
        queues=(QueueView("for users", 2, NOW - 70),),
        traffic={
            Direction.IN: TrafficView(1_234, 2, 0.5, 0.004, 0.02),
            Direction.OUT: TrafficView(77, 0, 0.02, 0.1, 1.5),
        },
        files={Direction.IN: FilesView(12, 34_000_000, 2, 1), Direction.OUT: FilesView()},
    )
    return BridgeView(**{**{each: getattr(usual, each) for each in usual.__slots__}, **parts})


def view(*bridges: BridgeView, **parts: object) -> GatewayView:
    usual: dict[str, object] = {
        "version": "0.1.0",
        "pid": 4242,
        "started": NOW - 90_000,
        "now": NOW,
        "ready": True,
        "log_level": "info",
        "database": "SQLite in /var/lib/causeway/causeway.db",
        "memory": 84_000_000,
    }
    return GatewayView(**{**usual, **parts, "bridges": bridges or (bridge(),)})


@dataclass
class House:
    desk: FakeDesk
    port: int
    session: aiohttp.ClientSession

    async def get(self, path: str, **more) -> tuple[int, str, aiohttp.ClientResponse]:
        more.setdefault("allow_redirects", False)
        async with self.session.get(path, **more) as response:
            return response.status, await response.text(), response

    async def post(self, path: str, data=None, **more) -> tuple[int, str, aiohttp.ClientResponse]:
        more.setdefault("allow_redirects", False)
        async with self.session.post(path, data=data or {}, **more) as response:
            return response.status, await response.text(), response

    async def sign_in(self) -> None:
        status, _, _ = await self.post("/login", {"token": TOKEN})
        assert status == 303

    def cookie(self) -> str:
        """What the browser sends now that it is signed in."""
        (morsel,) = self.session.cookie_jar
        return f"{morsel.key}={morsel.value}"


@functools.cache
def compiled() -> Renderer:
    return Renderer()


@asynccontextmanager
async def house(
    settings: dict[str, object] | None = None,
    *,
    trusted=("127.0.0.1",),
    clock=None,
    desk=None,
    listen="127.0.0.1:0",
    **bounds,
) -> AsyncIterator[House]:
    clock = clock or SystemClock()
    desk = desk or FakeDesk(clock, view())
    # Port 0 is for tests, not for configurations.
    chosen = OperatorSettings(listen="127.0.0.1:1", **{"token": TOKEN, **(settings or {})})
    chosen = chosen.model_copy(update={"listen": listen})
    async with (
        serving(chosen, Clients(trusted), desk, clock, renderer=compiled(), **bounds) as port,
        aiohttp.ClientSession(
            f"http://{chosen.address[0]}:{port}", cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as session,
    ):
        yield House(desk, port, session)
