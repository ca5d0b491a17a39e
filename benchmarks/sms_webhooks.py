"""How many callbacks of SMS providers are taken a second: ``python -m benchmarks.sms_webhooks``.

They come over HTTP from a process of its own, signed as each provider signs; each is verified, read and committed to SQLite
by the gateway's writer before it is answered. What becomes of the messages after that is measured in ``sms_receiving``.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.sms.http.route import HttpWay
from bridges.sms.http.settings import HttpRoute
from bridges.sms.http.webhooks import Webhooks
from bridges.sms.receiving.intake import Intake, IntakeLimits
from bridges.sms.receiving.store import Store
from bridges.sms.schema import METADATA
from bridges.sms.traffic import OptOut, Report
from gateway import logs
from gateway.bridge import Migration, Schema, Services, WebRequest, WebResponse
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from gateway.web.bridges import bridge_routes
from gateway.web.clients import Clients
from gateway.web.server import serving
from tests.fakes.sms_providers import FAMILIES, THEIRS
from tests.fakes.sms_signing import Post

BASE = "https://gw.example/bridge/sms"
_IDS = {"twilio": "SM9", "telnyx": "t-9", "sinch": "s-9", "plivo": "p-9", "46elks": "e-9", "bandwidth": "b-9"}


class _Nobody:
    """What an intake has around it besides its tables: here only messages come."""

    async def reported(self, report: Report) -> None:
        raise AssertionError("there are no reports here")

    async def opted(self, optout: OptOut) -> None:
        raise AssertionError("nobody opts out here")


class _Bridge:
    """``gateway.bridge.Serving``; notes how long each callback took in the bridge."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self.waits: list[float] = []

    async def answer(self, request: WebRequest) -> WebResponse:
        begun = time.perf_counter()
        answer = await self._webhooks.answer(request)
        self.waits.append(time.perf_counter() - begun)
        return answer


async def _make(connection: AsyncConnection) -> None:
    await connection.run_sync(METADATA.create_all, checkfirst=False)


def _trouble(route: str, text: str) -> None:
    raise AssertionError(text)


def _wire(name: str, number: int, url: str, now: float) -> bytes:
    """Callback ``number``, as it is on the wire: another message than all others, from one of a thousand senders."""
    family = FAMILIES[name]
    post = family.message(url)
    known, new = _IDS[name].encode(), f"{_IDS[name]}x{number}".encode()
    body = post.body.replace(known, new, 1)
    if body == post.body:
        raise AssertionError(f"the callback of {name} has not the id {_IDS[name]}")
    body = body.replace(THEIRS[1:].encode(), f"1555111{number % 1000:04}".encode())
    post = family.prepare(Post(post.url, body, post.kind), now)
    headers = {"Content-Type": post.kind, **family.sign(post, now, str(number))}
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    path = url.removeprefix("https://gw.example")
    head = f"POST {path} HTTP/1.1\r\nHost: gw.example\r\n{lines}Content-Length: {len(post.body)}\r\n\r\n"
    return head.encode() + post.body


async def _bring(name: str, url: str, port: int, count: int, connections: int) -> None:
    """The other process: writes what it has made before, and says how long that took."""
    now = time.time()
    wires = iter([_wire(name, number, url, now) for number in range(count)])
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    statuses: dict[str, int] = {}

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for wire in wires:
            writer.write(wire)
            head = await reader.readuntil(b"\r\n\r\n")
            status = head[9:12].decode()
            statuses[status] = statuses.get(status, 0) + 1
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    print(json.dumps({"seconds": time.perf_counter() - begun, "statuses": statuses}), flush=True)


async def _measure(directory: Path, name: str, count: int, connections: int) -> None:
    clock, family = SystemClock(), FAMILIES[name]
    async with opened(f"sqlite:///{directory / f'{name}.db'}", clock=clock) as database:
        await database.adopt("sms", Schema(METADATA, (Migration(1, "all", _make),)), clock)
        tables = BridgeTables(database)
        services = Services(clock, random.Random(2), "bench", name="sms", tables=tables, web=BASE)
        nobody = _Nobody()
        intake = Intake(
            Store(tables, "sms"),
            nobody,
            nobody,
            _trouble,
            clock,
            services.random,
            taken=lambda rows: None,
            doubtful=lambda: None,
            waiting=lambda: 0,
            limits=IntakeLimits(waiting=10**9, rate=10**9),
        )
        webhooks = Webhooks(services)
        settings = {"values": family.values, "secrets": family.secrets, "sources": ["127.0.0.0/8"]}
        route = HttpRoute.model_validate({"kind": "http", "preset": name, **settings})
        way = HttpWay("main", route, services, webhooks)
        running = asyncio.create_task(way.run(intake))
        url = await way.opened()
        bridge = _Bridge(webhooks)
        try:
            async with serving("127.0.0.1", 0, bridge_routes({"sms": bridge}, Clients())) as port:
                await _asked(bridge, intake, name, url, port, count, connections)
        finally:
            running.cancel()
            await asyncio.wait([running])
            await intake.close()


async def load(name: str, url: str, port: int, count: int, connections: int) -> dict[str, Any]:
    """Callbacks from a process of its own; its ``seconds``, and the ``statuses`` of their answers."""
    arguments = ("--load", name, url, str(port), "--count", str(count), "--connections", str(connections))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.sms_webhooks", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if child.stdout is None or child.stdin is None:
        raise RuntimeError("a child without input or output")
    await child.stdout.readuntil(b"ready\n")
    child.stdin.write(b"go\n")
    done: dict[str, Any] = json.loads(await child.stdout.readline())
    await child.wait()
    return done


async def _asked(
    bridge: _Bridge, intake: Intake, name: str, url: str, port: int, count: int, connections: int
) -> None:
    cpu = time.process_time()
    done = await load(name, url, port, count, connections)
    cpu = time.process_time() - cpu
    if intake.counts.taken != count:
        raise RuntimeError(f"{intake.counts.taken} of {count} were taken: {done['statuses']}")
    waits = sorted(bridge.waits)
    print(
        f"{name}: {count / done['seconds']:.0f} a second verified and committed, {connections} at a time; in the bridge p50 "
        f"{waits[len(waits) // 2] * 1e3:.1f} ms, p99 {waits[len(waits) * 99 // 100] * 1e3:.1f} ms; "
        f"{cpu / count * 1e6:.0f} us of CPU each"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", choices=sorted(_IDS), help="one provider; default: all that are here")
    parser.add_argument("--load", nargs=3, metavar=("PROVIDER", "URL", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.load:
        name, url, port = given.load
        asyncio.run(_bring(name, url, int(port), given.count, given.connections))
        return
    logs.set_up("error")
    with tempfile.TemporaryDirectory() as directory:
        for name in [given.only] if given.only else sorted(_IDS):
            uvloop.run(_measure(Path(directory), name, given.count, given.connections))


if __name__ == "__main__":
    main()
