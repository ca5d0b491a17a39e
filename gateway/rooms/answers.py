"""What becomes of questions to the network: for a task that waits, and for an iq that is answered from a callback."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.model import Refused

Value = TypeVar("Value")


class Awaited(Generic[Value]):
    """``gateway.bridge.Ticket`` and ``Answer`` for a task that waits.

    ``nothing`` is the outcome of a ticket that is done."""

    reference = ""

    def __init__(self, nothing: Value) -> None:
        self._nothing = nothing
        self._outcome: asyncio.Future[Value | Refused] = asyncio.get_running_loop().create_future()

    async def outcome(self) -> Value | Refused:
        return await self._outcome

    def told(self, value: Value) -> None:
        self._end(value)

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self._end(self._nothing)

    def refused(self, why: Refused) -> None:
        self._end(why)

    def _end(self, outcome: Value | Refused) -> None:
        if not self._outcome.done():  # whoever waited may have been told to stop
            self._outcome.set_result(outcome)


@dataclass(slots=True)
class Told(Generic[Value]):
    """``gateway.bridge.Answer`` to a question that an iq waits for."""

    on_told: Callable[[Value], None]
    on_refused: Callable[[Refused], None]

    def told(self, value: Value) -> None:
        self.on_told(value)

    def refused(self, why: Refused) -> None:
        self.on_refused(why)
