"""``python -m benchmarks.turns``: for how long the gateway's loop is busy with one thing. The longest turn of the loop, in
CPU time, while big things happen to one user: a channel of 10,000, half of a network that goes and returns, floods.

The gateway is a process of its own, on the loop of asyncio (not uvloop, which cannot be watched), whose selector notes
every turn that took long; the two fakes are those of the other benchmarks.
"""

import asyncio
import os
import selectors
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from benchmarks.gateways import COMPONENT, NETWORK, Causeway, Place
from benchmarks.ircd import ghost_mask
from benchmarks.machine import choose_cores
from benchmarks.rig import SELF_PRESENCE, SUBJECT, Rig, running, watching
from benchmarks.watching import Tally
from gateway import logs
from gateway.app import serve
from gateway.config import load
from gateway.settings import Settings

OCCUPANTS, SPLIT, NICKS = 10_000, 3_000, 3_000
_NOTED = 0.002  # seconds of CPU of a turn that is noted
_SECONDS = 30.0
_GATEWAY = "--gateway"


class WatchedSelector(selectors.EpollSelector):
    """Notes how long the loop was busy between two waits: monotonic time and seconds of CPU, a line each."""

    def __init__(self, notes: Path) -> None:
        super().__init__()
        self._notes = notes.open("a", buffering=1, encoding="ascii")
        self._since = time.thread_time()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        busy = time.thread_time() - self._since
        if busy > _NOTED:
            self._notes.write(f"{time.monotonic():.6f} {busy:.6f}\n")
        ready = super().select(timeout)
        self._since = time.thread_time()
        return ready

    def close(self) -> None:
        super().close()
        self._notes.close()


class Watched(Causeway):
    """Causeway on a loop that is watched."""

    def configure(self, place: Place) -> Sequence[str]:
        *_, config = super().configure(place)
        return [sys.executable, "-m", "benchmarks.turns", _GATEWAY, config, str(notes_of(place))]


def notes_of(place: Place) -> Path:
    return place.directory / "turns"


def be_gateway(config: str, notes: str) -> int:
    def settings() -> Settings:
        return load(Path(config), os.environ)

    def watched() -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(WatchedSelector(Path(notes)))

    logs.set_up(settings().log.level, settings().log.format)
    with asyncio.Runner(loop_factory=watched) as runner:
        return runner.run(serve(settings(), settings))


async def turns(rig: Rig, work: Callable[[], Awaitable[None]]) -> tuple[float, float, int]:
    """The longest turn and all CPU time while ``work`` is done (ms), and how many turns were noted."""
    await rig.settle()
    began = time.monotonic()
    with rig.measuring() as window:
        await work()
        await rig.settle()
    notes = (line.split() for line in notes_of(rig.place).read_text(encoding="ascii").splitlines())
    took = [float(busy) for at, busy in notes if float(at) >= began]
    return max(took, default=0.0) * 1000, window.gateway * 1000, len(took)


async def measure(rig: Rig) -> None:
    ghosts = [f"ghost{number:05}" for number in range(OCCUPANTS)]
    rig.ircd.channel("#small")
    big = rig.ircd.channel("#big", ghosts)
    await rig.join([0], "#small")

    async def told(what: str, work: Callable[[], Awaitable[None]]) -> None:
        longest, cpu, many = await turns(rig, work)
        print(f"| {what} | {longest:.1f} | {cpu:.0f} | {many} |", flush=True)

    async def joined(resource: str) -> None:
        inside, subject = Tally(*SELF_PRESENCE), Tally(*SUBJECT)
        with watching(rig.xmpp.watchers, inside, subject):
            rig.send_join(0, "#big", resource)
            await inside.reach(1, _SECONDS, "self-presence")
            await subject.reach(1, _SECONDS, "the subject")

    async def said(*blocks: bytes) -> None:
        """All of it at once; it is over when somebody who speaks last is heard."""
        heard = Tally(b"<body>over")
        with watching(rig.xmpp.watchers, heard):
            big.say(b"".join(blocks) + big.privmsg(ghosts[-1].encode(), b"over"))
            await heard.reach(2, _SECONDS, "the last words")

    async def who() -> None:
        ended = Tally(b"End of WHO")
        with watching(rig.xmpp.watchers, ended):
            rig.xmpp.send(
                f"<message type='chat' from='{rig.user(0)}/r' to='{NETWORK}@{COMPONENT}'><body>WHO #big</body></message>"
            )
            await ended.reach(1, _SECONDS, "the end of WHO")

    async def again() -> None:
        """The connection is lost, and comes back."""
        back = Tally(b"again.")
        with watching(rig.xmpp.watchers, back):
            for each in list(rig.ircd.clients):
                each.close()
            await back.reach(1, _SECONDS, "being in again")

    away = [ghost.encode() for ghost in ghosts[:SPLIT]]
    print("| work | longest turn, CPU ms | CPU ms in all | turns over 2 ms |\n| --- | --- | --- | --- |")
    await told("join of 10,000", lambda: joined("r"))
    await told("second client", lambda: joined("other"))
    await told(
        "3,000 quit in a split", lambda: said(*(_line(nick, b"QUIT :a.bench b.bench") for nick in away))
    )
    await told("and come back", lambda: said(*(_line(nick, b"JOIN #big") for nick in away)))
    await told("3,000 quit, each for themselves", lambda: said(*(_line(nick, b"QUIT :bye") for nick in away)))
    await told("and come back", lambda: said(*(_line(nick, b"JOIN #big") for nick in away)))
    nicks = [ghost.encode() for ghost in ghosts[-NICKS - 1 : -1]]
    await told("3,000 change their nicks", lambda: said(*(_line(nick, b"NICK :x" + nick) for nick in nicks)))
    await told("10,000 lines of WHO", who)
    await told("connection lost, and in again", again)


def _line(nick: bytes, words: bytes) -> bytes:
    return b":%b %b\r\n" % (ghost_mask(nick), words)


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-bytecode-") as bytecode:
        cores = choose_cores()
        os.sched_setaffinity(0, {cores.load})
        async with running(Watched(Path(bytecode)), cores, users=1, archive=True) as rig:
            await measure(rig)


if __name__ == "__main__":
    if sys.argv[1:2] == [_GATEWAY]:
        sys.exit(be_gateway(*sys.argv[2:]))
    asyncio.run(main())
