"""Many at once: a huge channel, a thousand sessions, half a network that leaves and returns."""

import asyncio
import time

from benchmarks.ircd import ghost_mask
from benchmarks.pacing import MARK, PROSE, paced
from benchmarks.rig import SELF_PRESENCE, SUBJECT, NotMeasured, Rig, watching
from benchmarks.row import Measure, Row, Sample, Scale
from benchmarks.watching import Tally

_JOIN_SECONDS = 30.0
_LOGIN_SECONDS = 60.0
_PER_CHANNEL = 50
_QUIET = 2.0  # seconds: a gateway may have a second's patience before it asks for what is not urgent (modes of channels)
_SPREAD_LINES = 500  # a second, over all sessions
_SPLIT_USERS = 20
_SPLIT_SECONDS = 30.0


async def _join_big(rig: Rig, scale: Scale) -> Sample:
    rig.ircd.channel("#small")
    rig.ircd.channel("#big", (f"ghost{n:05}" for n in range(scale.occupants)))
    await rig.join([0], "#small")
    await rig.settle()
    memory = rig.process.resident_bytes()
    with rig.measuring() as window:
        first = await _join_seconds(rig, scale, "r")
    memory = rig.process.resident_bytes() - memory
    await rig.settle()
    second = await _join_seconds(rig, scale, "other")
    return Sample(
        {"first": first, "second": second, "cpu": window.gateway * 1000, "memory": memory / 2**20},
        window.load_share,
    )


async def _join_seconds(rig: Rig, scale: Scale, resource: str) -> float:
    """From the join to the subject, which comes last (XEP-0045 §7.2.2); every occupant has to have come."""
    presences, inside, subject = Tally(b"<presence"), Tally(*SELF_PRESENCE), Tally(*SUBJECT)
    with watching(rig.xmpp.watchers, presences, inside, subject):
        began = time.monotonic()
        rig.send_join(0, "#big", resource)
        await inside.reach(1, _JOIN_SECONDS, "self-presence in a big channel")
        await subject.reach(1, _JOIN_SECONDS, "the subject of a big channel")
    if presences.count <= scale.occupants:
        raise NotMeasured(f"only {presences.count} presences came of {scale.occupants} occupants and oneself")
    return subject.reached_at - began


async def _sessions(rig: Rig, scale: Scale) -> Sample:
    channels = [f"#room{n}" for n in range(-(-scale.sessions // _PER_CHANNEL))]
    for channel in channels:
        rig.ircd.channel(channel)
    await rig.settle(quiet=0.5)  # what a gateway still does after its start is no session's
    memory = rig.process.resident_bytes()
    inside, subject = Tally(*SELF_PRESENCE), Tally(*SUBJECT)
    with watching(rig.xmpp.watchers, inside, subject), rig.measuring() as login:
        for number in range(scale.sessions):
            rig.send_join(number, channels[number // _PER_CHANNEL])
        await inside.reach(scale.sessions, _LOGIN_SECONDS, "logins to end in self-presence")
        await subject.reach(scale.sessions, _LOGIN_SECONDS, "logins to end with the subject")
    await rig.settle(quiet=_QUIET)
    memory = rig.process.resident_bytes() - memory
    with rig.measuring() as idle:
        await asyncio.sleep(scale.idle_seconds)
    spread = await _spread(rig, scale)
    return Sample(
        {
            "seconds": login.seconds,
            "login": login.gateway / scale.sessions * 1000,
            "memory": memory / scale.sessions / 1024,
            "idle": idle.gateway / idle.seconds * 100,
            "spread": spread,
        },
        login.load_share,
    )


async def _spread(rig: Rig, scale: Scale) -> float:
    """Microseconds of CPU per line when few lines come, each to another session."""
    seats = [
        (member, channel.privmsg(b"carol", MARK + b" " + PROSE.encode()))
        for channel in rig.ircd.channels.values()
        for member in channel.members.values()
    ]
    turn = iter(range(10**9))

    def say() -> None:
        member, line = seats[next(turn) * 7 % len(seats)]
        member.write(line)

    arrived = Tally(MARK)
    expected = round(_SPREAD_LINES * scale.idle_seconds)
    with watching(rig.xmpp.watchers, arrived), rig.measuring() as window:
        await paced(_SPREAD_LINES, scale.idle_seconds, say)
        await arrived.reach(expected, scale.straggle_seconds, "lines spread over all sessions")
    return window.gateway / expected * 1e6


async def _netsplit(rig: Rig, scale: Scale) -> Sample:
    ghosts = [f"ghost{n:03}".encode() for n in range(scale.split)]
    channel = rig.ircd.channel("#split", ["carol", *(nick.decode() for nick in ghosts)])
    await rig.join(range(_SPLIT_USERS), "#split")
    await rig.settle()
    quits = b"".join(b":%b QUIT :one.bench two.bench\r\n" % ghost_mask(nick) for nick in ghosts)
    joins = b"".join(b":%b JOIN #split\r\n" % ghost_mask(nick) for nick in ghosts)
    after = channel.privmsg(b"carol", MARK + b" all back")
    arrived, presences = Tally(MARK), Tally(b"<presence")
    began = time.monotonic()
    with watching(rig.xmpp.watchers, arrived, presences), rig.measuring() as window:
        for done in range(scale.split_rounds):
            channel.say(quits)
            channel.say(joins)
            channel.say(after)
            await arrived.reach(
                _SPLIT_USERS * (done + 1), _SPLIT_SECONDS, "users to see the end of a netsplit"
            )
        await rig.settle()
    news = _SPLIT_USERS * 2 * scale.split * scale.split_rounds
    return Sample(
        {
            "cpu": window.gateway / news * 1e6,
            "seconds": (max(arrived.reached_at, presences.reached_at) - began) / scale.split_rounds,
            "presences": presences.count / news,
        },
        window.load_share,
    )


ROWS = (
    Row(
        "join-big",
        "join of a channel of 10,000",
        lambda _: 1,
        (
            Measure("first", "seconds to the subject", 3),
            Measure("second", "seconds, second client of the same user", 3),
            Measure("cpu", "CPU ms of the first join", 0),
            Measure("memory", "MiB more after it", 1),
        ),
        _join_big,
    ),
    Row(
        "sessions",
        f"1,000 users log in, channels of {_PER_CHANNEL}",
        lambda scale: scale.sessions,
        (
            Measure("seconds", "seconds until all are in", 2),
            Measure("login", "CPU ms per login", 2),
            Measure("memory", "KiB of memory per session", 1),
            Measure("idle", "% of a core when all are idle", 2),
            Measure("spread", f"CPU us per line, {_SPREAD_LINES} lines/s spread over all", 0),
        ),
        _sessions,
    ),
    Row(
        "netsplit",
        f"500 leave and return, seen by {_SPLIT_USERS} users",
        lambda _: _SPLIT_USERS,
        (
            Measure("cpu", "CPU us per leave or return seen", 1),
            Measure("seconds", "seconds until all is told", 2),
            Measure("presences", "presences per leave or return", 2),
        ),
        _netsplit,
    ),
)
