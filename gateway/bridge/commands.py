"""Commands of a bridge's own: what people can run at its addresses besides what the core offers everywhere.

Declared without knowing how they are run: the core offers them as ad-hoc commands and in the chat with the gateway.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from gateway.bridge.session import Session
from gateway.model import Address, Field


@dataclass(frozen=True, slots=True)
class Invocation:
    """One step of a running command. ``values`` are those of all pages filled in so far, checked against their fields."""

    user: str  # as ``Account.user``
    address: Address  # what it is about; never the NETWORK "" of ``Commanding.commands``
    session: Session | None = None  # the user's on that network, while it is connected
    stage: int = 0  # how many pages were filled in
    values: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    memo: str = ""  # what the last page left for this step

    def text(self, name: str) -> str:
        """The value of a field, several parted by ``\\n``; empty where absent."""
        return "\n".join(self.values.get(name, ()))


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask this next. After the ``last`` page the command ends, unless the step finds that it needs another."""

    title: str
    fields: tuple[Field, ...] = ()
    instructions: str = ""
    last: bool = True
    memo: str = ""  # for the next step, and not shown to anybody


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Ask the same page again, with what was filled in, and say what was wrong with it."""

    note: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The end. ``result`` is longer text, shown below the note; ``then`` is called after the answer was sent."""

    note: str
    failed: bool = False
    result: str = ""
    then: Callable[[], None] | None = None


NextStep = Ask | AskAgain | Finish


@dataclass(frozen=True, slots=True)
class BridgeCommand:
    """A command. ``run`` is called once at the start and once for every page filled in. ``node`` is readable, and the same
    at all addresses; ``help`` is a sentence or two."""

    node: str
    name: str
    run: Callable[[Invocation], NextStep | Awaitable[NextStep]]
    help: str = ""
    admins_only: bool = False


class Commanding(Protocol):
    """What a bridge with ``Capabilities.commands`` has besides."""

    def commands(self, address: Address) -> Sequence[BridgeCommand]:
        """Those for GATEWAY, a NETWORK or a ROOM. A NETWORK without a name stands for whichever one the user will be asked
        for: people who can only write to the gateway itself run a network's commands there."""
