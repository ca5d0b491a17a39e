"""Postfix's own test tools as child processes: smtp-sink swallows mail and misbehaves on demand, smtp-source makes load."""

from collections.abc import Sequence
from pathlib import Path

from gateway.playground.peers import LOOPBACK
from gateway.playground.process import Child, free_ports, listening
from gateway.playground.unpacked import find


def _tool(name: str, arguments: Sequence[str], directory: Path) -> Child:
    files = find("postfix")
    return Child(
        name,
        [files.program(f"usr/sbin/{name}"), *arguments],
        directory,
        environment=files.libraries("usr/lib/postfix"),
        user="nobody",
    )


class SmtpSink:
    """A running smtp-sink(1) at ``port``."""

    name = "smtp-sink"

    def __init__(self, directory: Path, options: Sequence[str], host: str, port: int | None) -> None:
        self.host = host
        self.port = port or free_ports(1, host)[0]
        self.child = _tool("smtp-sink", [*options, f"inet:{host}:{self.port}", "100"], directory)

    @classmethod
    async def start(
        cls, directory: Path, *options: str, host: str = LOOPBACK, port: int | None = None
    ) -> "SmtpSink":
        """``options`` as its manual has them: ``-r RCPT`` (450 to RCPT), ``-f .`` (500 after the dot), ``-q .`` (hang up
        after the dot), ``-w 3`` (seconds before an answer to DATA), ``-L`` (LMTP). Raises ``Missing`` and ``NotReady``."""
        sink = cls(directory, options, host, port)
        await sink.restart()
        return sink

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.restart(listening(self.host, self.port))


async def smtp_source(directory: Path, target: str, *options: str, within: float = 60.0) -> str:
    """Run smtp-source(1) until it has sent its load; gives its output. ``target``: ``inet:127.0.0.1:2003``, ``unix:/path``.

    ``options``: ``-L`` (LMTP), ``-s 4`` (connections), ``-m 1000`` (mails), ``-l 4096`` (bytes each), ``-f``, ``-t``.
    Raises ``Missing``, ``NotReady`` if it takes too long, and ``RuntimeError`` with its words if it failed."""
    child = _tool("smtp-source", [*options, target], directory)
    child.start()
    try:
        status = await child.wait_ended(within)
    finally:
        await child.kill()
    if status:
        raise RuntimeError(f"smtp-source ended with status {status}: {child.output()}")
    return child.output()
