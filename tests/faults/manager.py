"""A service manager as far as a service sees one: a socket that it is told things by."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import DEADLINE, eventually

_OVER = b"OVER"


class Manager:
    """What was said so far, oldest first; a datagram is one text."""

    def __init__(self, address: Path) -> None:
        self.address = address
        self.said: list[str] = []

    def listen(self, listening: socket.socket) -> None:
        """Until it is over. At once, whatever the test does: the kernel keeps a few datagrams only."""
        while (heard := listening.recv(8192)) != _OVER:
            self.said.append(heard.decode())

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
    one = Manager(directory / "notify")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last,
    ):
        listening.bind(str(one.address))
        thread = threading.Thread(target=one.listen, args=(listening,))
        thread.start()
        try:
            yield one
        finally:
            last.sendto(_OVER, str(one.address))
            thread.join()
