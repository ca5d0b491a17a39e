"""A gateway killed with -9 while messages flow, and started again: what is lost, and who is back by himself."""

import asyncio
import time
from collections import Counter

from benchmarks.ircd import Channel
from benchmarks.pacing import PROSE, paced
from benchmarks.rig import Rig, watching
from benchmarks.row import Measure, Row, Sample, Scale
from benchmarks.watching import Marks

_USERS = 10
_LINES = 500  # a second, each to all users
_REJOIN_SECONDS = 5.0
_CHANNEL = "#flood"


class _Heard:
    """Lines of one letter that were said, and to how many users each came; a second copy for the same user, from a room's
    history, is no second delivery."""

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self.said = 0
        self._copies: Counter[int] = Counter()

    def line(self, channel: Channel) -> bytes:
        self.said += 1
        return channel.privmsg(b"carol", f"={self.letter}{self.said}= {PROSE}".encode())

    def arrived(self, number: int) -> None:
        self._copies[number] += 1

    @property
    def lost_percent(self) -> float:
        delivered = sum(min(copies, _USERS) for copies in self._copies.values())
        return 100 * (1 - delivered / (self.said * _USERS))


async def _crash(rig: Rig, scale: Scale) -> Sample:
    channel = rig.ircd.channel(_CHANNEL)
    await rig.join(range(_USERS), _CHANNEL)
    await rig.settle()
    before, after = _Heard("b"), _Heard("a")
    long_before, long_after = scale.crash_seconds
    started, load = time.monotonic(), time.process_time()
    with watching(rig.xmpp.watchers, Marks("b", before.arrived), Marks("a", after.arrived)):
        await paced(_LINES, long_before, lambda: channel.say(before.line(channel)))
        async with asyncio.TaskGroup() as group:
            group.create_task(paced(_LINES, long_after, lambda: channel.say(after.line(channel))))
            killed = time.monotonic()
            await rig.stop_gateway()
            back = await rig.start_gateway()
            rejoined = await _rejoined(channel, killed)
        await rig.settle()
    values = {
        "back": back,
        "rejoined": float(len(channel.members)),
        "seconds": rejoined,
        "before": before.lost_percent,
        "after": after.lost_percent,
    }
    if rig.place.archive:
        values["archived"] = 100 * rig.gateway.archived(rig.place, "=b") / (before.said * _USERS)
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
        f"kill -9 amid lines to {_USERS} users, restart at once",
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
