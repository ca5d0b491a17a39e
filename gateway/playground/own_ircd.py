"""Our own IRC server as a child process: what the playground uses where no other is installed."""

import sys
from pathlib import Path

from gateway.playground.peers import LOOPBACK
from gateway.playground.process import Child, answering, free_ports


class OwnIrcd:
    """``gateway.playground.ircd`` in a process of its own, plain clients at ``port``."""

    PACKAGES: tuple[str, ...] = ()
    name = "the playground's own IRC server"

    def __init__(self, directory: Path, host: str, port: int | None) -> None:
        self.host = host
        self.port = port or free_ports(1, host)[0]
        command = [sys.executable, "-m", "gateway.playground.ircd", "--host", host, "--port", str(self.port)]
        self.child = Child("ircd", command, directory)

    @staticmethod
    def installed() -> bool:
        return True

    @classmethod
    async def start(cls, directory: Path, *, host: str = LOOPBACK, port: int | None = None) -> "OwnIrcd":
        """Raises ``NotReady``."""
        server = cls(directory, host, port)
        await server.restart()
        return server

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.restart(answering(self.host, self.port, b"CAP LS\r\n", b"CAP"))
