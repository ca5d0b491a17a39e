"""What a user sets: which number to write from, and how texts are made."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.bridge import BadAddress
from gateway.model import Field, FieldKind

_NAME_MOST = 60


@dataclass(frozen=True, slots=True)
class Personal:
    """``name`` is what members of a team call the user, ``number`` the one to write from where several would do, ``plain``:
    typographic marks are replaced where that saves segments."""

    name: str = ""
    number: str = ""
    plain: bool = False

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> "Personal":
        """As ``fields`` are filled in; what makes no sense counts as not set."""
        return cls(
            " ".join(settings.get("nick", "").split())[:_NAME_MOST],
            settings.get("number", "").strip(),
            settings.get("plain", "") in ("true", "1"),
        )


def fields() -> tuple[Field, ...]:
    return (
        Field("nick", "My name, for colleagues who share a number with me"),
        Field(
            "number",
            "Number that I write from, if I have several",
            help="Answers come from the number that was written to, whatever stands here.",
        ),
        Field(
            "plain",
            "Replace typographic quotes, dashes and the like where that makes a text shorter",
            FieldKind.BOOLEAN,
            "false",
        ),
    )


def check(values: Mapping[str, str]) -> None:
    """Raises ``BadAddress`` with one sentence."""
    name = values.get("nick", "")
    if not name.isprintable() or len(name) > _NAME_MOST:
        raise BadAddress(f"Your name is one line of at most {_NAME_MOST} characters.")
