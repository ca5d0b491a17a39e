"""How much goes through when there is always more waiting, and what each message costs.

CPU per message is the figure to trust: it hardly depends on what else the machine does.
"""

import time
from collections.abc import Callable, Sequence

from benchmarks.pacing import MARK, blocks, body
from benchmarks.rig import Rig, watching
from benchmarks.row import Measure, Row, Sample, Scale
from benchmarks.watching import Tally

_CHANNEL = "#flood"
_CROWD = 100
_BLOCK = 100  # lines
_AHEAD = 0.25  # seconds of work that wait for the gateway: more than it can lose to delayed acknowledgements
_LEAST_AHEAD, _MOST_AHEAD = 200, 20_000  # messages
_DRAIN_SECONDS = 20.0


async def _irc_to_xmpp(rig: Rig, scale: Scale, users: int, block: int) -> Sample:
    """``users`` hear every line; they get it in blocks of ``block`` lines, all in step."""
    channel = rig.ircd.channel(_CHANNEL)
    await rig.join(range(users), _CHANNEL)
    await rig.settle()
    said = blocks(
        lambda n: channel.privmsg(b"carol", body(n).encode()).decode(), scale.messages // users, block
    )
    arrived = Tally(MARK)
    with watching(rig.xmpp.watchers, arrived):
        return await _saturate(rig, scale, said, block * users, channel.say, [arrived])


async def _xmpp_to_irc(rig: Rig, scale: Scale, least_ahead: int = _LEAST_AHEAD) -> Sample:
    rig.ircd.channel(_CHANNEL)
    await rig.join([0], _CHANNEL)
    await rig.settle()
    said = blocks(
        lambda n: (
            f"<message from='{rig.user(0)}/r' to='{rig.room(_CHANNEL)}' type='groupchat' id='m{n}'>"
            f"<body>{body(n)}</body></message>"
        ),
        scale.messages // 2,
        _BLOCK,
    )
    on_irc, reflected = Tally(MARK), Tally(MARK)
    with watching(rig.ircd.watchers, on_irc), watching(rig.xmpp.watchers, reflected):
        return await _saturate(
            rig, scale, said, _BLOCK, rig.xmpp.link.write, [on_irc, reflected], least_ahead
        )


async def _saturate(
    rig: Rig,
    scale: Scale,
    said: Sequence[bytes],
    block: int,
    write: Callable[[bytes], None],
    tallies: Sequence[Tally],
    least_ahead: int = _LEAST_AHEAD,
) -> Sample:
    """Keep the gateway busy: about ``_AHEAD`` seconds of work always wait for it, at the rate it has shown so far.

    So a slow gateway is not left with a heap that it will not finish, and a fast one never waits. ``said`` are blocks
    that make ``block`` messages each on every tally.
    """
    began = time.monotonic()
    deadline = began + scale.flood_seconds
    sent = 0
    with rig.measuring() as window:
        while sent < len(said) and (left := deadline - time.monotonic()) > 0:
            through = min(tally.count for tally in tallies)
            ahead = through / (scale.flood_seconds - left + 1e-6) * _AHEAD
            allowed = int(max(min(ahead, _MOST_AHEAD), least_ahead) + through) // block
            write(b"".join(said[sent:allowed]))
            sent = max(sent, min(allowed, len(said)))
            for tally in tallies:
                await tally.reached(min(through + block, sent * block), left)
        for tally in tallies:
            await tally.reach(sent * block, _DRAIN_SECONDS, "the rest of a flood")
    seconds = max(tally.reached_at for tally in tallies) - began
    return Sample(
        {"rate": sent * block / seconds, "cpu": window.gateway / (sent * block) * 1e6}, window.load_share
    )


async def _one(rig: Rig, scale: Scale) -> Sample:
    return await _irc_to_xmpp(rig, scale, 1, _BLOCK)


async def _crowd(rig: Rig, scale: Scale) -> Sample:
    return await _irc_to_xmpp(rig, scale, _CROWD, 1)


async def _reflected(rig: Rig, scale: Scale) -> Sample:
    return await _xmpp_to_irc(rig, scale)


async def _heap(rig: Rig, scale: Scale) -> Sample:
    return await _xmpp_to_irc(rig, scale, least_ahead=scale.messages)


def _measures(unit: str) -> tuple[Measure, ...]:
    return (
        Measure("rate", f"{unit}/s", 0, more_is_better=True),
        Measure("cpu", f"CPU us per {unit[:-1]}", 1),
    )


ROWS = (
    Row("irc-one", "IRC to XMPP, one user", lambda _: 1, _measures("stanzas"), _one, (False, True)),
    Row(
        "irc-crowd",
        f"IRC to XMPP, {_CROWD} users in one channel",
        lambda _: _CROWD,
        _measures("stanzas"),
        _crowd,
        (False, True),
    ),
    Row(
        "xmpp-one",
        "XMPP to IRC with reflection, one user",
        lambda _: 1,
        _measures("lines"),
        _reflected,
        (False, True),
    ),
    Row(
        "xmpp-heap",
        "the same, all lines written at once",
        lambda _: 1,
        _measures("lines"),
        _heap,
    ),
)
