"""An IMAP server of one mailbox with one mail that does as it is told: it ends, is silent or talks nonsense at any step."""

import asyncio
from dataclasses import dataclass, field

from bridges.email.imap.client import Security, Server

MAIL = b"From: a@x.example\r\nSubject: x\r\n\r\nhello\r\n"
#: The dialogue of a watch that finds one mail, by command; ``{tag}`` is the client's.
DIALOGUE: dict[str, bytes] = {
    "GREETING": b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR IDLE] hello\r\n",
    "AUTHENTICATE": b"{tag} OK [CAPABILITY IMAP4rev1 IDLE] in\r\n",
    "SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 6] x\r\n{tag} OK done\r\n",
    "UID SEARCH": b"* SEARCH 5\r\n{tag} OK done\r\n",
    "UID FETCH SIZE": b"* 1 FETCH (UID 5 RFC822.SIZE %d)\r\n{tag} OK done\r\n" % len(MAIL),
    "UID FETCH BODY": b"* 1 FETCH (UID 5 FLAGS () RFC822.SIZE %d BODY[] {%d}\r\n%s)\r\n{tag} OK done\r\n"
    % (len(MAIL), len(MAIL), MAIL),
    "IDLE": b"+ waiting\r\n",
    "DONE": b"{tag} OK done\r\n",
}


@dataclass
class ScriptedImap:
    """``answers`` replace those of the dialogue; None: it never answers. ``cut``: it hangs up after so many octets."""

    answers: dict[str, bytes | None] = field(default_factory=dict)
    cut: int | None = None
    commands: list[str] = field(default_factory=list)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> "ScriptedImap":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    @property
    def server(self) -> Server:
        return Server("localhost", self.port, Security.NONE, at="127.0.0.1")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        left = self.cut
        step, tag = "GREETING", b"*"
        try:
            while True:
                answer = self.answers.get(step, DIALOGUE.get(step, b"{tag} BAD what?\r\n"))
                if answer is not None:
                    data = answer.replace(b"{tag}", tag)
                    if left is not None:
                        data, left = data[:left], left - len(data)
                    writer.write(data)
                    await writer.drain()
                    if left is not None and left < 0:
                        return
                if step == "IDLE":
                    self.idle.set()
                line = (await reader.readline()).strip()
                if not line:
                    return
                step, tag = _step(line, tag)
                self.commands.append(step)
        except ConnectionError:
            return
        finally:
            self._open.discard(writer)
            writer.close()


def _step(line: bytes, before: bytes) -> tuple[str, bytes]:
    if line == b"DONE":
        return "DONE", before
    tag, _, rest = line.partition(b" ")
    words = rest.decode("ascii", "replace").upper()
    if words.startswith("UID FETCH"):
        return ("UID FETCH BODY" if "BODY" in words else "UID FETCH SIZE"), tag
    known = next((each for each in DIALOGUE if words.startswith(each)), words.partition(" ")[0])
    return known, tag
