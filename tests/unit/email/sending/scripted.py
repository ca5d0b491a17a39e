"""A smarthost that does as it is told: answers, hangs up, keeps silent or talks nonsense at any command."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

HANG_UP = "hang up"
SILENCE = "silence"

_USUAL = {
    "GREETING": "220 scripted ESMTP",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 go on",
    "CONTENT": "250 2.0.0 Ok: queued as 1",
    "RSET": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
    "NOOP": "250 Ok",
}


@dataclass
class Received:
    mail: str
    rcpt: str
    content: bytes


Answer = str | Callable[[str], str]


@dataclass
class Scripted:
    """``answers`` by command, for ever; ``once`` answers that are used up first. HELO is never offered."""

    offers: tuple[str, ...] = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "DSN")
    answers: dict[str, Answer] = field(default_factory=dict)
    once: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    received: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0
    port: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _server: asyncio.Server | None = None
    _sessions: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> "Scripted":
        self._server = await asyncio.start_server(self._session, "127.0.0.1", self.port, limit=2**24)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._sessions:
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def until(self, happened: Callable[["Scripted"], bool]) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: happened(self))

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, EOFError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self.open -= 1
            writer.close()
            self._sessions.discard(task)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer("GREETING", "", writer)
        mail = rcpt = ""
        while True:
            line = (await reader.readuntil(b"\r\n")).decode("utf-8").strip()
            verb = line.split(" ")[0].upper()
            await self._noted(line)
            code = await self._answer(verb, line, writer)
            if verb == "MAIL":
                mail = line
            elif verb == "RCPT":
                rcpt = line
            elif verb == "QUIT":
                return
            elif verb == "DATA" and code.startswith("354"):
                content = await reader.readuntil(b"\r\n.\r\n")
                await self._noted("CONTENT")
                if (await self._answer("CONTENT", rcpt, writer)).startswith("250"):
                    self.received.append(Received(mail, rcpt, content[:-3]))
                    await self._noted("RECEIVED")

    async def _noted(self, command: str) -> None:
        async with self.changed:
            self.commands.append(command)
            self.changed.notify_all()

    async def _answer(self, verb: str, line: str, writer: asyncio.StreamWriter) -> str:
        scripted = self.once[verb].pop(0) if self.once[verb] else self.answers.get(verb)
        if callable(scripted):
            scripted = scripted(line)
        if scripted is None:
            scripted = self._ehlo() if verb == "EHLO" else _USUAL.get(verb, "502 5.5.1 no such command")
        if scripted == HANG_UP:
            raise ConnectionError
        if scripted == SILENCE:
            await asyncio.Event().wait()
        writer.write(scripted.encode("latin-1") + b"\r\n")
        await writer.drain()
        return scripted

    def _ehlo(self) -> str:
        lines = ["scripted", *self.offers]
        return "\r\n".join(
            f"250{' ' if number == len(lines) else '-'}{line}" for number, line in enumerate(lines, 1)
        )
