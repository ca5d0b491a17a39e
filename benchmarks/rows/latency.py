"""How long one message takes when the gateway is not, or should not be, busy."""

import itertools

from benchmarks.pacing import MARK, PROSE, blocks, body, meanwhile, paced
from benchmarks.rig import Rig, Window, watching
from benchmarks.row import Measure, Row, Sample, Scale
from benchmarks.watching import Latencies, Marks, Tally

_CROWD = 100
_CROWD_STANZAS = 2_000  # a second
_NEIGHBOUR_MESSAGES = 100  # a second
_AFTER_FLOOD_SECONDS = 20.0  # a gateway may have taken in far more than it has given out
_ROUND_TRIPS = 10  # a second
_PERCENTILES = (Measure("p50", "p50 ms", 2), Measure("p99", "p99 ms", 1))


async def _crowd(rig: Rig, scale: Scale) -> Sample:
    channel = rig.ircd.channel("#paced")
    await rig.join(range(_CROWD), "#paced")
    await rig.settle()
    took = Latencies(copies=_CROWD)

    def say() -> None:
        channel.say(channel.privmsg(b"carol", f"=t{took.stamp()}= {PROSE}".encode()))

    with watching(rig.xmpp.watchers, Marks("t", took.arrived)), rig.measuring() as window:
        await paced(_CROWD_STANZAS / _CROWD, scale.paced_seconds, say)
        await took.settle(scale.straggle_seconds)
    return _percentiles(took, window)


async def _round_trip(rig: Rig, scale: Scale) -> Sample:
    channel = rig.ircd.channel("#trip")
    await rig.join([0], "#trip")
    await rig.settle()
    took = Latencies()

    def ask() -> None:
        number = took.stamp()
        rig.xmpp.send(
            f"<message from='{rig.user(0)}/r' to='{rig.room('#trip')}' type='groupchat' id='t{number}'>"
            f"<body>=t{number}= {PROSE}</body></message>"
        )

    def answer(number: int) -> None:
        channel.say(channel.privmsg(b"carol", f"=r{number}= {PROSE}".encode()))

    with (
        watching(rig.ircd.watchers, Marks("t", answer)),
        watching(rig.xmpp.watchers, Marks("r", took.arrived)),
        rig.measuring() as window,
    ):
        await paced(_ROUND_TRIPS, scale.paced_seconds, ask)
        await took.settle(scale.straggle_seconds)
    return _percentiles(took, window)


async def _neighbour(rig: Rig, scale: Scale) -> Sample:
    flooded, quiet = rig.ircd.channel("#flood"), rig.ircd.channel("#quiet")
    await rig.join([0], "#flood")
    await rig.join([1], "#quiet")
    await rig.settle()
    took, flood = Latencies(), Tally(MARK)
    endless = itertools.cycle(
        blocks(lambda n: flooded.privmsg(b"carol", body(n).encode()).decode(), 20_000, 200)
    )

    def say() -> None:
        quiet.say(quiet.privmsg(b"carol", f"=t{took.stamp()}= {PROSE}".encode()))

    with watching(rig.xmpp.watchers, Marks("t", took.arrived), flood):
        with rig.measuring() as window:
            async with meanwhile(flooded.flood(endless, scale.paced_seconds)):
                await paced(_NEIGHBOUR_MESSAGES, scale.paced_seconds, say)
            during = flood.count
        await took.settle(_AFTER_FLOOD_SECONDS)
    sample = _percentiles(took, window)
    return Sample({**sample.values, "flood": during / window.seconds}, sample.load_share)


def _percentiles(took: Latencies, window: Window) -> Sample:
    return Sample({"p50": took.milliseconds(0.5), "p99": took.milliseconds(0.99)}, window.load_share)


ROWS = (
    Row(
        "irc-paced",
        f"IRC to XMPP, {_CROWD} users in one channel, {_CROWD_STANZAS:,} stanzas/s",
        lambda _: _CROWD,
        _PERCENTILES,
        _crowd,
        (False, True),
    ),
    Row(
        "round-trip",
        f"XMPP to IRC and an answer back, {_ROUND_TRIPS}/s",
        lambda _: 1,
        _PERCENTILES,
        _round_trip,
        (False, True),
    ),
    Row(
        "neighbour",
        f"{_NEIGHBOUR_MESSAGES} messages/s to one user while IRC floods another",
        lambda _: 2,
        (*_PERCENTILES, Measure("flood", "stanzas/s of the flood meanwhile", 0, more_is_better=True)),
        _neighbour,
    ),
)
