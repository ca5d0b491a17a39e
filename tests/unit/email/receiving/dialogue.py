"""A server that brings mail, as bytes: says what the test says, reads what comes."""

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Self


class Dialogue:
    """``async with Dialogue(port)``: greeted, and with ``LHLO`` said."""

    def __init__(self, port: int, *, hello: bool = True) -> None:
        self._port = port
        self._hello = hello

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self.answer()
        if self._hello:
            await self.ask("LHLO mx.example")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def send(self, data: str | bytes) -> None:
        self.writer.write(data if isinstance(data, bytes) else data.encode())

    async def answer(self) -> str:
        """One reply, all of its lines."""
        lines = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), 10)).decode()
            if not line:
                raise EOFError(lines)
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    async def ask(self, command: str) -> str:
        self.send(command + "\r\n")
        return await self.answer()

    async def bring(
        self, recipients: Sequence[str], mail: str | bytes, sender: str = "carol@far.example"
    ) -> list[str]:
        """The answers to a mail: one for each recipient that was accepted, after those to the others."""
        self.send(
            f"MAIL FROM:<{sender}>\r\n" + "".join(f"RCPT TO:<{each}>\r\n" for each in recipients) + "DATA\r\n"
        )
        first = await self.answer()
        if not first.startswith("250"):
            raise AssertionError(first)
        answers = [await self.answer() for _ in recipients]
        go = await self.answer()
        if not go.startswith("354"):
            return answers
        data = mail.encode() if isinstance(mail, str) else mail
        self.send(data.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return [await self.answer() if each.startswith("250") else each for each in answers]


def mail(
    text: str = "Hello.",
    *,
    sender: str = "Carol <carol@far.example>",
    to: str = "alice@gw.example",
    subject: str = "Tea",
    message_id: str = "<1@far.example>",
    fields: str = "",
) -> str:
    head = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Tue, 14 Nov 2023 22:13:00 +0000\r\n{fields}"
    if message_id:
        head += f"Message-ID: {message_id}\r\n"
    return f"{head}\r\n{text}\r\n"
