"""What all parts of one session share: how they take in lines, what they hold in common, what a connection is to them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from bridges.irc.alarm import Alarm
from bridges.irc.channels import Channels
from bridges.irc.dial import Endpoint
from bridges.irc.protocol.line import Line
from bridges.irc.sendqueue import SendQueue
from bridges.irc.standing import Standing
from bridges.irc.tally import Tally
from gateway.bridge import Clock, Sink, Verbosity

Part = TypeVar("Part")

# By command: a part's method, and the number of parameters without which a line is not looked at. One table for each class,
# not for each session: bound methods would cost every session some kilobytes.
Handlers = dict[str, tuple[Callable[[Part, Line], None], int]]


@dataclass(frozen=True, slots=True)
class Common:
    network: str  # as users write it
    sink: Sink
    clock: Clock
    standing: Standing
    channels: Channels
    queue: SendQueue
    alarm: Alarm
    tally: Tally = field(default_factory=Tally)
    verbosity: Verbosity = field(default_factory=Verbosity)
    bridge: str = ""  # as the log names it


class Connection(Protocol):
    """What a session needs of ``link.IrcConnection``."""

    fallback_encoding: str
    decoder: Callable[[bytes], str] | None
    encoder: Callable[[str], bytes] | None
    linelen: int
    writable: bool

    @property
    def cipher(self) -> str: ...

    async def open(self, endpoint: Endpoint, *, timeout: float = 30.0) -> None: ...

    def send(self, line: str) -> None: ...

    def close(self, cause: str = "") -> None: ...

    def abort(self, cause: str = "") -> None: ...


#: Makes a connection of (on_line, on_closed, on_writable).
Connect = Callable[[Callable[[Line], None], Callable[[str], None], Callable[[], None]], Connection]


def by_command(
    parts: Sequence[tuple[str, Handlers[Any]]],
) -> dict[str, tuple[str, Callable[[Any, Line], None], int]]:
    """For every command: which part of a session (its attribute), the part's method, and the least number of parameters."""
    return {
        command: (part, method, least)
        for part, handlers in parts
        for command, (method, least) in handlers.items()
    }
