"""A service manager as far as a service sees one: a socket that it is told things by."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import DEADLINE, eventually


class Manager:
    """What was said so far, oldest first; a datagram is one text."""

    def __init__(self, listening: socket.socket, address: Path) -> None:
        self.address = address
        self._listening = listening
        self._said: list[str] = []

    @property
    def said(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._said.append(self._listening.recv(8192).decode())
        return self._said

    @property
    def status(self) -> str:
        """The last line."""
        lines = [line for text in self.said for line in text.splitlines() if line.startswith("STATUS=")]
        return lines[-1].removeprefix("STATUS=") if lines else ""

    def times(self, word: str) -> int:
        return sum(text.splitlines()[0] == word for text in self.said)

    async def hears(self, word: str, within: float = DEADLINE) -> None:
        """In the status, by and by."""
        await eventually(lambda: word in self.status, f"the status to hold {word!r}", within)


@contextmanager
def manager(directory: Path) -> Iterator[Manager]:
    address = directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as listening:
        listening.bind(str(address))
        yield Manager(listening, address)
