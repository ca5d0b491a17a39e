"""A ``Desk`` that shows what a test puts on it, and remembers what it was told to do."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.bridge import Clock, Finding
from gateway.ops.desk import DeskError, LimitView, Login, Reloaded, RuleView
from gateway.ops.health import Health
from gateway.ops.status import FailureGroup, GatewayView, Point, Span, TraceView


def nothing() -> GatewayView:
    """A gateway without bridges."""
    return GatewayView("1.0", 1, 0.0, 0.0, True, "info", "The database in memory", 0)


@dataclass
class FakeDesk:
    clock: Clock
    view: GatewayView
    findings: list[Finding] = field(default_factory=list)
    groups: list[FailureGroup] = field(default_factory=list)
    points: dict[Span, list[Point]] = field(default_factory=dict)
    traces: dict[str, list[TraceView]] = field(default_factory=dict)
    known_limits: dict[str, list[LimitView]] = field(default_factory=dict)
    known_rules: list[RuleView] = field(default_factory=list)
    reloaded: Reloaded = field(default_factory=Reloaded)
    exposition: bytes = b""
    done: list[tuple[object, ...]] = field(default_factory=list)
    broken: str = ""  # why nothing can be done

    def __post_init__(self) -> None:
        self.health = Health(self.clock)

    def _do(self, *what: object) -> None:
        if self.broken:
            raise DeskError(self.broken)
        self.done.append(what)

    def status(self, sessions: int = 0) -> GatewayView:
        return self.view

    def metrics(self) -> bytes:
        return self.exposition

    def history(self, bridge: str, span: Span) -> Sequence[Point]:
        return self.points.get(span, [])

    def failures(self) -> Sequence[FailureGroup]:
        return self.groups

    async def trace(self, id_: str) -> Sequence[TraceView]:
        self._do("trace", id_)
        return self.traces.get(id_, [])

    async def doctor(self, bridge: str = "", login: Login | None = None) -> AsyncIterator[Finding]:
        self._do("doctor", bridge, *((login,) if login is not None else ()))
        for finding in self.findings:
            yield finding

    def limits(self, bridge: str) -> Sequence[LimitView]:
        return self.known_limits.get(bridge, [])

    async def change_limits(self, bridge: str, values: Mapping[str, int | None], author: str) -> None:
        self._do("limits", bridge, dict(values), author)

    def rules(self) -> Sequence[RuleView]:
        return self.known_rules

    async def decide(self, bridge: str, subject: str, allow: bool, reason: str, author: str) -> None:
        self._do("decide", bridge, subject, allow, reason, author)

    async def lift(self, bridge: str, subject: str, author: str) -> None:
        self._do("lift", bridge, subject, author)

    def set_log_level(self, level: str, author: str) -> None:
        self._do("log level", level, author)

    async def restart(self, bridge: str, author: str) -> None:
        self._do("restart", bridge, author)

    async def reload(self, author: str) -> Reloaded:
        self._do("reload", author)
        return self.reloaded
