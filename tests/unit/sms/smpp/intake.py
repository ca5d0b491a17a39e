"""What routes bring, kept in lists; and whether it can be kept is what a test says."""

import asyncio
from dataclasses import dataclass, field

from bridges.sms.traffic import Inbound, NotTaken, OptOut, Report


@dataclass
class Kept:
    """``traffic.Intake``. ``refusals``: raised for the next ones. ``gate``: while it is closed, nothing is kept."""

    messages: list[Inbound] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    most_waiting: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def received(self, inbound: Inbound) -> None:
        await self._keep()
        self.messages.append(inbound)
        self.news.set()

    async def reported(self, report: Report) -> None:
        await self._keep()
        self.reports.append(report)
        self.news.set()

    async def opted(self, optout: OptOut) -> None:
        raise NotTaken("SMPP knows no opting out", never=True)

    def trouble(self, route: str, text: str) -> None:
        self.troubles.append(f"{route}: {text}")
        self.news.set()

    async def until(self, *, messages: int = 0, reports: int = 0, troubles: int = 0) -> None:
        """Wait until so many are kept."""
        async with asyncio.timeout(30):
            while (
                len(self.messages) < messages or len(self.reports) < reports or len(self.troubles) < troubles
            ):
                self.news.clear()
                await self.news.wait()

    async def _keep(self) -> None:
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        try:
            await self.gate.wait()
        finally:
            self.waiting -= 1
        if self.refusals:
            raise self.refusals.pop(0)
