"""All that whoever runs the gateway can see and do, while it runs: the one seam for the page, the control socket, the admin
commands and the service manager.

``gateway.ops.operations`` is the desk of a running gateway. Nothing here is for users: what a door shows to whom is the
door's business. ``author`` is who did it, for the records: a JID, or a name such as "page" or "root on the console".
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.bridge import Finding
from gateway.ops.health import Health
from gateway.ops.status import FailureGroup, GatewayView, Point, Span, TraceView


class DeskError(Exception):
    """It cannot be done; the text is one sentence that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Login:
    """An account that the operator lends for what only an account can show. ``host`` empty: its server is looked for as
    clients do."""

    jid: str
    password: str = field(repr=False)
    host: str = ""
    port: int = 5222


@dataclass(frozen=True, slots=True)
class LimitView:
    """A limit of one bridge. ``configured`` is what the configuration says, ``value`` what holds."""

    name: str
    label: str
    value: int
    configured: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class RuleView:
    """Somebody (a bare JID or a domain) who was shut out, or let in, by command."""

    bridge: str
    subject: str
    allow: bool
    reason: str
    author: str
    time: float


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of reading the configuration again. ``problem``: it cannot be used, and the old one holds. ``changed``
    says in sentences what is different now, ``restart`` which keys need a restart, of a bridge
    ("bridges.irc.networks") or of the gateway ("storage.database"), ``failed`` in sentences what could not be put in force
    by a mistake of ours: there goes on what was before."""

    problem: str = ""
    changed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Desk(Protocol):
    """Everything raises ``DeskError`` where it cannot be done: an unknown bridge, a database that is gone."""

    @property
    def health(self) -> Health: ...

    def status(self, sessions: int = 0) -> GatewayView:
        """With so many sessions of each bridge."""

    def metrics(self) -> bytes:
        """The Prometheus text format."""

    def history(self, bridge: str, span: Span) -> Sequence[Point]:
        """Oldest first; the last one is not over yet."""

    def failures(self) -> Sequence[FailureGroup]:
        """Of the last day, the latest first."""

    async def trace(self, id_: str) -> Sequence[TraceView]:
        """A message by any id that somebody may have: the client's, the ledger's, the bridge's, the network's."""

    def doctor(self, bridge: str = "", login: Login | None = None) -> AsyncIterator[Finding]:
        """Try everything, of one bridge or all; ``Finding.subject`` begins with the bridge's name where it is about one.
        With a ``login``, also what only an account can show."""

    # -- what can be changed -----------------------------------------------------------------------------------

    def limits(self, bridge: str) -> Sequence[LimitView]: ...

    async def change_limits(self, bridge: str, values: Mapping[str, int | None], author: str) -> None:
        """None goes back to what the configuration says."""

    def rules(self) -> Sequence[RuleView]: ...

    async def decide(self, bridge: str, subject: str, allow: bool, reason: str, author: str) -> None:
        """Shut somebody out of a bridge, or let somebody in, at once."""

    async def lift(self, bridge: str, subject: str, author: str) -> None:
        """Take a rule back."""

    def set_log_level(self, level: str, author: str) -> None:
        """Until the next reload or start."""

    async def restart(self, bridge: str, author: str) -> None:
        """End one bridge politely and start it again; the others do not notice, and clients stay in their rooms."""

    async def reload(self, author: str) -> Reloaded:
        """Read the configuration again: access, limits, log level and bridges that came, went or changed."""
