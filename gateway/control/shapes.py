"""What is said on the control socket: the desk's values as JSON, and back. Both ends use exactly these."""

from dataclasses import dataclass, field

from pydantic import TypeAdapter

from gateway.bridge import Finding
from gateway.ops.desk import LimitView, Login, Reloaded, RuleView
from gateway.ops.health import Ailment
from gateway.ops.status import FailureGroup, GatewayView, Point, TraceView

#: Tells the gateway's version, in every answer; without it, it is not a gateway that answers.
VERSION_HEADER = "Causeway-Version"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something cannot be done."""

    error: str


@dataclass(frozen=True, slots=True)
class Readiness:
    ready: bool
    ailments: tuple[Ailment, ...] = ()


@dataclass(frozen=True, slots=True)
class Level:
    level: str


@dataclass(frozen=True, slots=True)
class NewLimits:
    """None goes back to what the configuration says."""

    values: dict[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """``allow`` None takes a rule back."""

    bridge: str
    subject: str
    allow: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Examine:
    """What ``doctor`` may use besides."""

    login: Login | None = None


TROUBLE = TypeAdapter(Trouble)
STATUS = TypeAdapter(GatewayView)
READINESS = TypeAdapter(Readiness)
HISTORY = TypeAdapter(tuple[Point, ...])
FAILURES = TypeAdapter(tuple[FailureGroup, ...])
TRACES = TypeAdapter(tuple[TraceView, ...])
LIMITS = TypeAdapter(tuple[LimitView, ...])
NEW_LIMITS = TypeAdapter(NewLimits)
RULES = TypeAdapter(tuple[RuleView, ...])
DECISION = TypeAdapter(Decision)
EXAMINE = TypeAdapter(Examine)
LEVEL = TypeAdapter(Level)
RELOADED = TypeAdapter(Reloaded)
FINDING = TypeAdapter(Finding)
