"""The line to an SMSC of the rig: commands and answers, and what it tells, as JSON objects a line each."""

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

from gateway.playground.expect import Unmet

DEADLINE = 30.0  # seconds; generous, because two slow cores are shared and only failures wait so long
Event = dict[str, Any]

NAME = "line to an SMSC"  # of tasks that are the rig's


class Control:
    """``events`` are all that the SMSC told, oldest first."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()
        self.events: list[Event] = []
        self._reading = asyncio.create_task(self._read(reader), name=NAME)

    @classmethod
    async def open(cls, host: str, port: int) -> "Control":
        control = cls(*await asyncio.open_connection(host, port, limit=2**24))
        await control.ask("greet")  # from here on it tells us what happens
        return control

    async def close(self) -> None:
        self._writer.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def ask(self, do: str, **arguments: Any) -> Any:
        """Raises ``RuntimeError`` with what the SMSC has against it."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._writer.write(json.dumps({"id": number, "do": do, **arguments}).encode() + b"\n")
        async with asyncio.timeout(DEADLINE):
            return await answer

    async def until(self, look: Callable[[list[Event]], Any], what: str = "what was waited for") -> Any:
        """Wait until ``look(events)`` is true, and give that. Raises ``Unmet``."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not (found := look(self.events)):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise Unmet(f"{what} was not seen at the SMSC; it saw {self.events[-20:]}") from None
        return found

    async def pdus(self, command: str, count: int = 1, since: int = 0, **wanted: Any) -> list[Event]:
        """Wait for ``count`` PDUs of a kind (and with these fields) after the first ``since`` events."""

        def look(events: list[Event]) -> list[Event] | None:
            found = [each for each in events[since:] if _fits(each, {"command": command, **wanted})]
            return found if len(found) >= count else None

        found: list[Event] = await self.until(look, f"{count} x {command} {wanted or ''}")
        return found

    async def event(self, name: str, since: int = 0, **wanted: Any) -> Event:
        """Wait for one that is no PDU: ``connected``, ``closed``, ``error``."""
        found: Event = await self.until(
            lambda events: next(
                (each for each in events[since:] if each["event"] == name and _fits(each, wanted)), None
            ),
            name,
        )
        return found

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            said = json.loads(line)
            if "event" in said:
                self.events.append(said)
                self._news.set()
                continue
            answer = self._answers.pop(said["id"])
            if "error" in said:
                answer.set_exception(RuntimeError(said["error"]))
            elif not answer.done():
                answer.set_result(said["ok"])


def _fits(event: Event, wanted: Mapping[str, Any]) -> bool:
    return all(event.get(name) == value for name, value in wanted.items())
