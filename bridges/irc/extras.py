"""What a connection can do beyond plain lines: from the capabilities that are on, ISUPPORT and the operator's settings.

Everything that depends on the server's good will is read here once, after each change, and shared by all sessions of a
network that are told the same.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from gateway.bridge import Capabilities

MULTILINE = "draft/multiline"
REDACTION = "draft/message-redaction"
CHATHISTORY = "draft/chathistory"

#: Tags of both spellings: `+reply` is ratified, most peers still only know the draft.
REPLY_TAGS = ("+reply", "+draft/reply")
REACT, UNREACT, TYPING = "+draft/react", "+draft/unreact", "+typing"

#: A whole message leaves at once, past the pace at which lines do (see ``SendQueue.put_together``).
_MOST_LINES = 24
_MOST_BYTES = 16_384


class Confirms(IntEnum):
    """How we learn what became of a line."""

    NOT = 0  # not at all, unless there is an error
    ECHOES = 1  # echo-message: a copy comes back
    LABELS = 2  # labeled-response: an answer that names the line


class Multiline(NamedTuple):
    """Limits of one message in a batch: bytes of text, line breaks included, and lines."""

    max_bytes: int
    max_lines: int


@dataclass(frozen=True, slots=True)
class Extras:
    confirms: Confirms = Confirms.NOT
    reply: tuple[str, ...] = ()  # the tags to send for a reply
    react: bool = False
    typing: bool = False
    redaction: bool = False
    multiline: Multiline | None = None

    def abilities(self, plain: Capabilities) -> Capabilities:
        """What the core is told: ``plain`` is what the bridge can do without any of it."""
        return replace(
            plain,
            replies=plain.replies or bool(self.reply),
            reactions=self.react,
            retractions=self.redaction,
            moderation=self.redaction,
            typing=self.typing,
        )


PLAIN = Extras()


def read(enabled: Set[str], offered: Mapping[str, str], clienttagdeny: str, *, typing: bool) -> Extras:
    """``enabled`` are the capabilities that are on, ``offered`` the server's with their values; ``typing``: the operator
    lets people be told who is typing."""
    relevant = frozenset(enabled & _RELEVANT)
    if not relevant:
        return PLAIN
    return _read(relevant, offered.get(MULTILINE, "") if MULTILINE in relevant else "", clienttagdeny, typing)


_RELEVANT = frozenset(("labeled-response", "echo-message", "batch", "message-tags", MULTILINE, REDACTION))


@lru_cache(maxsize=256)
def _read(enabled: frozenset[str], multiline: str, clienttagdeny: str, typing: bool) -> Extras:
    tags = "message-tags" in enabled
    reply = tuple(tag for tag in REPLY_TAGS if tags and relayed(tag, clienttagdeny))
    confirms = Confirms.NOT
    # labeled-response, "Dependencies": without batch an answer may come in a form that we did not ask for.
    if "labeled-response" in enabled and "batch" in enabled:
        confirms = Confirms.LABELS
    elif "echo-message" in enabled:
        confirms = Confirms.ECHOES
    return Extras(
        confirms,
        reply,
        react=bool(reply) and relayed(REACT, clienttagdeny) and relayed(UNREACT, clienttagdeny),
        typing=typing and tags and relayed(TYPING, clienttagdeny),
        redaction=tags and REDACTION in enabled,
        multiline=_limits(multiline) if "batch" in enabled else None,
    )


def relayed(tag: str, clienttagdeny: str) -> bool:
    """Whether the server passes a client tag on (CLIENTTAGDENY: ``*`` blocks all, ``-name`` makes an exception)."""
    name = tag.removeprefix("+")
    denied = clienttagdeny.split(",")
    if "*" in denied:
        return f"-{name}" in denied
    return name not in denied


def _limits(value: str) -> Multiline | None:
    """``max-bytes=4096,max-lines=24``. None without the former, which is required, or with nonsense in it."""
    told = dict(_pairs(value.split(",")))
    most_bytes = _number(told.get("max-bytes", ""))
    most_lines = _number(told["max-lines"]) if "max-lines" in told else _MOST_LINES
    if most_bytes < 1 or most_lines < 2:
        return None
    return Multiline(min(most_bytes, _MOST_BYTES), min(most_lines, _MOST_LINES))


def _pairs(tokens: Iterable[str]) -> Iterable[tuple[str, str]]:
    for token in tokens:
        key, _, value = token.partition("=")
        yield key, value


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0
