"""Everything around one gateway for one measurement: both fakes, the gateway's process, its users, its clock.

A rig is made anew for every measurement, in its own directory, and leaves nothing behind.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.gateways import COMPONENT, NETWORK, SECRET, Gateway, Place
from benchmarks.ircd import Ircd
from benchmarks.machine import Cores
from benchmarks.process import GatewayProcess
from benchmarks.watching import Tally, Watcher
from benchmarks.xmpp import ComponentServer

START_SECONDS = 20.0
SELF_PRESENCE = (b"<status code='110'", b'<status code="110"')
SUBJECT = (b"<subject",)


class NotMeasured(Exception):
    """A measurement that failed; the argument says at what, and ends in what the gateway logged last."""


@dataclass(slots=True)
class Window:
    """What was used between two moments: seconds of wall clock, of the gateway's processor, of the load's own."""

    seconds: float = 0.0
    gateway: float = 0.0
    load: float = 0.0

    @property
    def load_share(self) -> float:
        """Share of its core that the load itself used, 0 to 1."""
        return self.load / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Rig:
    """One gateway at work."""

    gateway: Gateway
    place: Place
    cores: Cores
    xmpp: ComponentServer
    ircd: Ircd
    _process: GatewayProcess | None = field(default=None)

    @property
    def process(self) -> GatewayProcess:
        assert self._process is not None
        return self._process

    async def start_gateway(self) -> float:
        """Seconds from the start of the process to an accepted handshake."""
        began = time.monotonic()
        command = self.gateway.configure(self.place)
        self._process = await GatewayProcess.start(command, self.cores.gateway, self.place.directory)
        ready = asyncio.create_task(self.xmpp.ready(START_SECONDS))
        ended = asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait((ready, ended), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise NotMeasured(f"the gateway ended with status {ended.result()}")
            await ready
        finally:
            ready.cancel()
            ended.cancel()
        return time.monotonic() - began

    async def stop_gateway(self) -> None:
        if self._process is not None:
            await self._process.kill()
            await self.xmpp.lost()

    def last_words(self) -> str:
        """The end of what the gateway wrote to its output, for a failure's explanation."""
        return self._process.log_tail() if self._process is not None else ""

    def user(self, number: int) -> str:
        return self.place.users[number]

    @staticmethod
    def room(channel: str) -> str:
        return f"{channel}%{NETWORK}@{COMPONENT}"

    def send_join(self, number: int, channel: str, resource: str = "r") -> None:
        """User ``number`` (as nick ``uNUMBER``) asks to join."""
        self.xmpp.send(
            f"<presence from='{self.user(number)}/{resource}' to='{self.room(channel)}/u{number}'>"
            "<x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )

    async def join(self, users: Sequence[int], channel: str, timeout: float = 30.0) -> None:
        """Users join a channel, all at once, and are in: each has its self-presence and the subject."""
        inside, subject = Tally(*SELF_PRESENCE), Tally(*SUBJECT)
        with watching(self.xmpp.watchers, inside, subject):
            for number in users:
                self.send_join(number, channel)
            await inside.reach(len(users), timeout, "joins to be answered with self-presence")
            await subject.reach(len(users), timeout, "joins to end with the subject")

    async def settle(self, quiet: float = 0.15, longest: float = 5.0) -> None:
        """Wait until the gateway rests: less than a tenth of a core used for ``quiet`` seconds."""
        deadline = time.monotonic() + longest
        while time.monotonic() < deadline:
            before = self.process.cpu_seconds()
            await asyncio.sleep(quiet)
            if self.process.cpu_seconds() - before < quiet / 10:
                return

    @contextmanager
    def measuring(self) -> Iterator[Window]:
        """Figures are in the window when the block ends."""
        window = Window()
        began, gateway, load = time.monotonic(), self.process.cpu_seconds(), time.process_time()
        yield window
        window.seconds = time.monotonic() - began
        window.gateway = self.process.cpu_seconds() - gateway
        window.load = time.process_time() - load


@contextmanager
def watching(watchers: list[Watcher], *added: Watcher) -> Iterator[None]:
    """Watchers of one side for the length of a block."""
    watchers.extend(added)
    try:
        yield
    finally:
        for watcher in added:
            watchers.remove(watcher)


@asynccontextmanager
async def running(gateway: Gateway, cores: Cores, *, users: int, archive: bool) -> AsyncIterator[Rig]:
    """A rig with its gateway connected and idle; everything is gone afterwards. Failures become ``NotMeasured``."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        xmpp, ircd = ComponentServer(COMPONENT, SECRET), Ircd()
        await xmpp.start()
        await ircd.start()
        names = [f"u{number}@users.bench" for number in range(users)]
        place = Place(Path(directory), xmpp.port, ircd.port, archive, names)
        rig = Rig(gateway, place, cores, xmpp, ircd)
        try:
            await rig.start_gateway()
            gateway.connected(place)
            yield rig
        except (TimeoutError, ConnectionError, NotMeasured) as error:
            raise NotMeasured(f"{error}\n{rig.last_words()}") from error
        finally:
            await rig.stop_gateway()
            await xmpp.stop()
            await ircd.stop()
