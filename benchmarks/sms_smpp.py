"""How many texts a second go through a route over SMPP: ``python -m benchmarks.sms_smpp``.

The message centre is npm's ``smpp`` in a process of its own. Texts are sent through the route (turns, window, segments,
answers), and brought to it and acknowledged; nothing is committed. aiosmpplib does the same work in the same run.
"""

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bridges.sms.smpp.route import Centre
from bridges.sms.smpp.settings import SmppRoute
from bridges.sms.traffic import Accepted, Inbound, OptOut, Report, Submission
from gateway.clock import SystemClock
from tests.rig.smsc import NodeSmsc
from tests.rig.smsc.steered import fetched

_YARDSTICK = Path(__file__).with_name("sms_yardstick.py")
_BROUGHT = {"destination_addr": "15559990000", "dest_addr_ton": 1, "source_addr_ton": 1}


@dataclass(frozen=True, slots=True)
class Figure:
    """Of ``count`` PDUs: seconds on the clock, and of the client's processor."""

    count: int
    seconds: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.count / self.seconds:6.0f} a second, {self.cpu / self.count * 1e6:4.0f} us of CPU each"


class Counting:
    """An intake that keeps nothing."""

    def __init__(self) -> None:
        self.messages = 0
        self.reports = 0
        self.wanted = 0
        self.enough = asyncio.Event()

    async def received(self, inbound: Inbound) -> None:
        self.messages += 1

    async def reported(self, report: Report) -> None:
        self.reports += 1
        if self.reports >= self.wanted:
            self.enough.set()

    async def opted(self, optout: OptOut) -> None:
        pass

    def trouble(self, route: str, text: str) -> None:
        raise RuntimeError(text)


async def _sent(route: Centre, count: int, conversations: int) -> Figure:
    numbers = iter(range(count))

    async def conversation() -> None:
        for number in numbers:
            text = f"Message {number}: see you at eight."
            submission = Submission(f"r{number}", "+15559990000", (f"+1555{number % 1000:07}",), text)
            if route.pieces(submission) != 1:
                raise RuntimeError("a text of one segment was expected")
            async with route.turn() as turn:
                outcome = await turn.send(submission, 0)
            if not isinstance(outcome, Accepted):
                raise RuntimeError(f"message {number}: {outcome}")

    begun, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(conversations):
            group.create_task(conversation())
    return Figure(count, time.perf_counter() - begun, time.process_time() - cpu)


async def _ours(smsc: NodeSmsc, count: int, window: int) -> list[tuple[str, Figure]]:
    settings = SmppRoute(
        kind="smpp", host=smsc.host, port=smsc.port, system_id="test", password="pw", window=window
    )
    route = Centre("test", settings, SystemClock(), random.Random())
    intake = Counting()
    running = asyncio.create_task(route.run(intake))
    try:
        session = await smsc.session()
        figures = [("submit_sm, ours", await _sent(route, count, 2 * window))]
        await smsc.set(style="std", receipt_after=0)
        intake.wanted = count
        begun, cpu = time.perf_counter(), time.process_time()
        await _sent(route, count, 2 * window)
        await intake.enough.wait()
        both = Figure(count, time.perf_counter() - begun, time.process_time() - cpu)
        figures.append(("submit_sm with its receipt, ours", both))
        await smsc.set(style="none")
        cpu = time.process_time()
        done = await smsc.control.ask("flood", session=session, count=count, window=window, options=_BROUGHT)
        if done["statuses"] != {"0": count} or intake.messages != count:
            raise RuntimeError(f"not all messages were taken: {done}")
        figures.append(
            ("deliver_sm acknowledged, ours", Figure(count, done["seconds"], time.process_time() - cpu))
        )
        return figures
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def theirs(smsc: NodeSmsc, what: str, count: int, window: int) -> Figure:
    """aiosmpplib ``send``s or ``receive``s; it keeps nothing."""
    interpreter = str(fetched("aiosmpplib") / "bin/python")
    child = await asyncio.create_subprocess_exec(
        interpreter,
        str(_YARDSTICK),
        *(what, str(smsc.port), str(count), str(window)),
        stdout=asyncio.subprocess.PIPE,
    )
    if child.stdout is None:
        raise RuntimeError("a child without output")
    seconds = 0.0
    try:
        await child.stdout.readuntil(b"ready\n")
        if what == "receive":
            session = await smsc.session()
            done = await smsc.control.ask(
                "flood", session=session, count=count, window=window, options=_BROUGHT
            )
            seconds = done["seconds"]
            if done["statuses"] != {"0": count}:
                print(f"  (its answers by status: {done['statuses']})")
        said = json.loads(await child.stdout.readline())
    finally:
        child.kill()
        await child.wait()
    return Figure(count, seconds or said["seconds"], said["cpu"])


async def _measure(directory: Path, count: int, yardstick: int, window: int, runs: int) -> None:
    smsc = await NodeSmsc.start(directory)
    try:
        await smsc.set(quiet=True, style="none")
        for run in range(1, runs + 1):
            print(f"run {run}: {count} PDUs, window {window}, load {os.getloadavg()[0]:.1f}")
            for name, figure in await _ours(smsc, count, window):
                print(f"  {name:<40} {figure}")
            for what, name in (("send", "submit_sm"), ("receive", "deliver_sm acknowledged")):
                print(f"  {name + ', aiosmpplib':<40} {await theirs(smsc, what, yardstick, window)}")
    finally:
        await smsc.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="PDUs of each kind")
    parser.add_argument("--yardstick", type=int, default=2000, help="the same for aiosmpplib, which is slow")
    parser.add_argument("--window", type=int, default=50, help="PDUs without an answer")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        uvloop.run(_measure(Path(directory), options.count, options.yardstick, options.window, options.runs))


if __name__ == "__main__":
    main()
