"""A gateway killed with -9 while messages flow, and started again: what is lost, and who is back by himself."""

import asyncio
import itertools
import time

from benchmarks.ircd import Channel
from benchmarks.pacing import body, paced
from benchmarks.rig import Rig, watching
from benchmarks.row import Measure, Row, Sample, Scale
from benchmarks.watching import Tally

_USERS = 10
_LINES = 500  # a second, each to all users
_REJOIN_SECONDS = 8.0
_CHANNEL = "#flood"
_BEFORE, _AFTER = b"~before~", b"~after~"


async def _crash(rig: Rig, scale: Scale) -> Sample:
    channel = rig.ircd.channel(_CHANNEL)
    await rig.join(range(_USERS), _CHANNEL)
    await rig.settle()
    numbers = itertools.count()
    mark = _BEFORE

    def say() -> None:
        channel.say(channel.privmsg(b"carol", body(next(numbers), mark).encode()))

    before, after = Tally(_BEFORE), Tally(_AFTER)
    seconds = scale.crash_lines / 2 / _LINES
    started, load = time.monotonic(), time.process_time()
    with watching(rig.xmpp.watchers, before, after):
        await paced(_LINES, seconds, say)
        mark = _AFTER
        async with asyncio.TaskGroup() as group:
            group.create_task(paced(_LINES, seconds, say))
            killed = time.monotonic()
            await rig.stop_gateway()
            back = await rig.start_gateway()
            rejoined = await _rejoined(channel, killed)
        await rig.settle()
    half = scale.crash_lines // 2 * _USERS
    values = {
        "back": back,
        "rejoined": float(len(channel.members)),
        "seconds": rejoined,
        "before": 100 * (1 - before.count / half),
        "after": 100 * (1 - after.count / half),
    }
    if rig.place.archive:
        values["archived"] = 100 * rig.gateway.archived(rig.place, _BEFORE.decode()) / half
    return Sample(values, (time.process_time() - load) / (time.monotonic() - started))


async def _rejoined(channel: Channel, began: float) -> float:
    """Seconds until all users are back in the channel; infinite if they do not come back by themselves."""
    while time.monotonic() < began + _REJOIN_SECONDS:
        if len(channel.members) == _USERS:
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    return float("inf")


ROWS = (
    Row(
        "crash",
        f"kill -9 half-way through lines to {_USERS} users, restart at once",
        lambda _: _USERS,
        (
            Measure("back", "seconds until the stream is back", 2),
            Measure("rejoined", f"of {_USERS} users rejoined by themselves", 0, more_is_better=True),
            Measure("seconds", "seconds until they were", 2),
            Measure("before", "% lost of the messages before the kill", 1),
            Measure("after", "% lost of those after it", 1),
            Measure("archived", "% of the messages before the kill in the archive", 1, more_is_better=True),
        ),
        _crash,
        (False, True),
    ),
)
