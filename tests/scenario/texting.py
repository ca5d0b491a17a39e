"""A route over SMPP between a real message centre and lists, for the scenarios of it."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridges.sms.smpp.binds import Pauses
from bridges.sms.smpp.route import Centre
from bridges.sms.smpp.settings import SmppRoute
from bridges.sms.text.decoding import decode
from bridges.sms.traffic import Inbound, Outcome, Report, Submission
from gateway.clock import SystemClock
from tests.rig.smsc.control import NAME
from tests.unit.sms.smpp.intake import Kept

OURS, THEIRS = "+15559990000", "+15551110001"
PAUSES = Pauses(first=0.05, longest=0.2, slow=0.05, lasting=0.2, stable=0.0)


@dataclass
class Texting:
    """``intake`` is what came, ``route`` what sends."""

    route: Centre
    intake: Kept = field(default_factory=Kept)
    _references: int = 0

    def submission(self, text: str, to: str = THEIRS, sender: str = OURS) -> Submission:
        self._references += 1
        return Submission(f"r{self._references}", sender, (to,), text, concatenation=200 + self._references)

    async def send(self, submission: Submission) -> list[Outcome]:
        """All pieces, one after the other."""
        return [await self.piece(submission, piece) for piece in range(self.route.pieces(submission))]

    async def piece(self, submission: Submission, piece: int = 0) -> Outcome:
        async with asyncio.timeout(30), self.route.turn() as turn:
            return await turn.send(submission, piece)

    async def text(self, text: str, **where: str) -> list[Outcome]:
        return await self.send(self.submission(text, **where))

    async def messages(self, count: int = 1) -> Sequence[Inbound]:
        await self.intake.until(messages=count)
        return self.intake.messages

    async def reports(self, count: int = 1) -> Sequence[Report]:
        await self.intake.until(reports=count)
        return self.intake.reports


@contextlib.asynccontextmanager
async def texting(port: int, **settings: Any) -> AsyncIterator[Texting]:
    """Runs a route to the message centre on this machine, and sees that it leaves no task behind."""
    wanted = {
        "kind": "smpp",
        "host": "127.0.0.1",
        "port": port,
        "system_id": "test",
        "password": "pw",
        "timeout": 30,
        **settings,
    }
    route = Centre("test", SmppRoute(**wanted), SystemClock(), random.Random(1), pauses=PAUSES)
    stage = Texting(route)
    before = asyncio.all_tasks()
    running = asyncio.create_task(route.run(stage.intake))
    try:
        yield stage
    finally:
        running.cancel()
        done = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError), done[0]
    rest = asyncio.all_tasks() - before - {asyncio.current_task()}
    left = [each for each in rest if each is not None and each.get_name() != NAME]
    assert not left, left


def read(pieces: Iterable[Inbound]) -> str:
    """The text of the pieces of one message: put in order, joined as octets, and decoded once."""
    found = sorted(pieces, key=lambda each: each.concatenation.number if each.concatenation else 0)
    first = found[0]
    return decode(b"".join(each.data for each in found), first.alphabet, first.locking, first.single)


def sets(pieces: Iterable[Inbound]) -> dict[tuple[str, str, str, int, int], list[Inbound]]:
    """The pieces of each message, as they belong together."""
    found: dict[tuple[str, str, str, int, int], list[Inbound]] = {}
    for each in pieces:
        assert each.concatenation is not None
        joined = each.concatenation
        key = (each.sender, each.recipient, joined.reference, joined.width, joined.total)
        found.setdefault(key, []).append(each)
    return found
