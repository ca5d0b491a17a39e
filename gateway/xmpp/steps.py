"""What a command is made of: its step function, what a step is told, and what it can return.

Values only, and the one definition behind every door: ``gateway.xmpp.commands`` runs them as ad-hoc commands (XEP-0050),
``gateway.doors`` in a chat. Texts may be ``gateway.texts.Text``; the doors say them in the requester's language.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from gateway.model import Condition, ErrorType, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import Form, Values
from gateway.xmpp.stanza import Jid

COMMANDS = "http://jabber.org/protocol/commands"


class NoteType(StrEnum):
    """How serious a note is (XEP-0050 §4.3)."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Execution:
    """One step of a running command. ``values`` are those of all pages filled in so far, checked against
    their fields; of two pages with one field the later counts."""

    requester: Jid
    target: Jid
    node: str
    stage: int = 0  # how many pages were filled in
    values: Values = field(default_factory=lambda: MappingProxyType({}))
    memo: str = ""  # what the last page left for this step

    def text(self, name: str) -> str:
        """The value of a field, several parted by ``\\n``; empty where absent."""
        return "\n".join(self.values.get(name, ()))


@dataclass(frozen=True, slots=True)
class Page:
    """Ask this next. After the ``last`` page the command ends, unless the step finds that it needs
    another."""

    form: Form
    last: bool = True
    note: str = ""
    note_type: NoteType = NoteType.INFO
    memo: str = ""  # for the next step, and not shown to anybody


@dataclass(frozen=True, slots=True)
class Again:
    """Ask the same page again, with what was filled in, and say what was wrong with it."""

    note: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end. A command that failed says so with type ``error`` (XEP-0050 §3.6). ``then`` is called after
    the answer was sent."""

    note: str = ""
    note_type: NoteType = NoteType.INFO
    then: Callable[[], None] | None = None
    result: str = ""  # longer text, shown below the note


Outcome = Page | Again | Done
Step = Callable[[Execution], Outcome | Awaitable[Outcome]]


def everybody(requester: Jid) -> bool:
    return True


class Category(StrEnum):
    """What a command is about; long lists are shown in these parts, in this order."""

    GENERAL = "general"
    ACCOUNT = "account"
    DATA = "data"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Command:
    """A command. ``run`` is called once at the start and once for every page filled in. It may raise
    ``RefusedError``: the requester gets the error, and may send the same page again. ``help`` is a sentence or two."""

    node: str
    name: str
    run: Step
    allowed: Callable[[Jid], bool] = everybody
    help: str = ""
    category: Category = Category.GENERAL


#: XEP-0050 §4.4: the specific conditions with their general ones.
_PROBLEMS: Mapping[str, tuple[Condition, ErrorType]] = MappingProxyType(
    {
        "malformed-action": (Condition.BAD_REQUEST, ErrorType.MODIFY),
        "bad-action": (Condition.BAD_REQUEST, ErrorType.MODIFY),
        "bad-payload": (Condition.BAD_REQUEST, ErrorType.MODIFY),
        "bad-sessionid": (Condition.BAD_REQUEST, ErrorType.MODIFY),
        "session-expired": (Condition.NOT_ALLOWED, ErrorType.CANCEL),
    }
)


def problem(name: str, text: str) -> RefusedError:
    """The error with the specific condition ``name`` of XEP-0050 §4.4."""
    condition, type_ = _PROBLEMS[name]
    return RefusedError(Refused(condition, text, type_), detail=f"<{name} xmlns='{COMMANDS}'/>")
