"""A form as a conversation: each field as a question in words, and what a person writes as the field's values.

Text in, values out; who asks whom, and when, is the bot's business.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from gateway.model import Field, FieldKind
from gateway.texts import Text, joined
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import check

Say = Callable[[str], str]
Answers = Mapping[str, tuple[str, ...]]

#: What can be written instead of an answer. One of them, or anything that begins with the sign, is meant as an answer
#: when the sign is put before it.
LITERALLY = "="

_KEEP = frozenset({"keep", "skip", "-"})
_EMPTY = frozenset({"none"})
_END = "."

_YES = frozenset({"yes", "y", "true", "1", "on"})
_NO = frozenset({"no", "n", "false", "0", "off"})
_LISTED_MOST = 100  # options that one message shows

_SPLIT = re.compile(r"[\s,;]+")


class Unclear(ValueError):
    """An answer that is none to its question; one sentence for whoever wrote it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Keep(Exception):
    """Whoever answers wants the value to stay as it is."""


def asked(form_fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields that want an answer."""
    return tuple(field for field in form_fields if field.kind is not FieldKind.FIXED)


def question(field: Field, number: int, total: int, current: tuple[str, ...]) -> str:
    """The question in full. ``current`` is what stays if the answer is "keep"; of a secret only whether there is one."""
    head = Text("Question {number} of {total}", number=number, total=total) if total > 1 else ""
    label = field.label or field.name
    title = Text("{head}: {label}", head=head, label=label) if head else label
    parts = [title, field.help, _choices(field), _how(field), _state(field, current)]
    if field.kind is FieldKind.SECRET:
        parts.append(
            Text(
                "Careful: what you write here stays in the history of this chat, on your devices and perhaps on your "
                "server. Delete your message afterwards if you can; the gateway will not show or log it."
            )
        )
    return joined("\n", [part for part in parts if part])


def _choices(field: Field) -> str:
    if field.kind not in (FieldKind.CHOICE, FieldKind.CHOICES):
        return ""
    shown = field.options[:_LISTED_MOST]
    lines: list[str] = [
        Text("{number}. {label}", number=at, label=label or value)
        for at, (value, label) in enumerate(shown, 1)
    ]
    left = len(field.options) - len(shown)
    if left:
        lines.append(Text("and {count} more", count=left))
    return joined("\n", lines)


_HOW: Mapping[FieldKind, Text] = {
    FieldKind.BOOLEAN: Text("Answer yes or no."),
    FieldKind.CHOICE: Text("Answer with a number."),
    FieldKind.CHOICES: Text("Answer with one or more numbers, such as: 1, 3"),
    FieldKind.LINES: Text(
        "Several lines and messages are possible; write a single full stop when you are done."
    ),
    FieldKind.JIDS: Text("Several addresses can be given, with spaces between them."),
}


def _how(field: Field) -> str:
    return _HOW.get(field.kind, "")


def _state(field: Field, current: tuple[str, ...]) -> str:
    if not any(current):
        return "" if field.required else Text("You may also write “skip”.")
    if field.kind is FieldKind.SECRET:
        return Text("One is set; write “keep” to leave it as it is.")
    value = joined(", ", [_shown(field, each) for each in current])
    if field.required or field.kind is FieldKind.BOOLEAN:
        return Text("Now: {value}. Write “keep” to leave it so.", value=value)
    return Text("Now: {value}. Write “keep” to leave it so, “none” to have none.", value=value)


def _shown(field: Field, value: str) -> str:
    if field.kind is FieldKind.BOOLEAN:
        return Text("yes") if value == "true" else Text("no")
    return next((label for option, label in field.options if option == value and label), value)


def leaves_or_empties(text: str, say: Say) -> bool:
    """Whether ``text`` is one of the words for a value as it is, or for none."""
    word = text.strip().casefold()
    return _means(word, _KEEP, ("keep", "skip"), say) or _means(word, _EMPTY, ("none",), say)


def answer(field: Field, text: str, say: Say) -> tuple[str, ...]:
    """The values that ``text`` gives to ``field``. Raises ``Unclear``, or ``Keep``. ``say`` knows the writer's language, for
    yes and no; the English words are always understood."""
    word = text.strip().casefold()
    if _means(word, _KEEP, ("keep", "skip"), say):
        raise Keep
    if _means(word, _EMPTY, ("none",), say):
        if field.required:
            raise Unclear(Text("This one has to be given."))
        return ()
    if field.kind is not FieldKind.LINES:
        text = text.strip().removeprefix(LITERALLY)
    try:
        return check([field], {field.name: _READERS[field.kind](field, text, say)}).get(field.name, ())
    except RefusedError as refusal:
        raise Unclear(refusal.refused.text) from refusal


def ended(text: str) -> tuple[list[str], bool]:
    """The lines of one message of a longer answer, and whether it ends with it: by a line with a full stop, or an empty
    last one."""
    lines = text.replace("\r\n", "\n").split("\n")
    for at, line in enumerate(lines):
        if line.strip() == _END:
            return lines[:at], True
    if len(lines) > 1 and not lines[-1].strip():
        return lines[:-1], True
    return lines, False


def _means(word: str, english: frozenset[str], templates: Sequence[str], say: Say) -> bool:
    return word in english or word in {say(_WORDS[each]).casefold() for each in templates}


_WORDS: Mapping[str, Text] = {
    "keep": Text("keep"),
    "skip": Text("skip"),
    "none": Text("none"),
    "yes": Text("yes"),
    "no": Text("no"),
}


def _line(field: Field, text: str, say: Say) -> tuple[str, ...]:
    return (text,)


def _lines(field: Field, text: str, say: Say) -> tuple[str, ...]:
    return tuple(text.split("\n"))


def _jids(field: Field, text: str, say: Say) -> tuple[str, ...]:
    return tuple(_SPLIT.split(text))


def _boolean(field: Field, text: str, say: Say) -> tuple[str, ...]:
    word = text.casefold()
    if _means(word, _YES, ("yes",), say):
        return ("true",)
    if _means(word, _NO, ("no",), say):
        return ("false",)
    raise Unclear(Text("That is neither yes nor no."))


def _choice(field: Field, text: str, say: Say) -> tuple[str, ...]:
    return (_option(field, text, say),)


def _several(field: Field, text: str, say: Say) -> tuple[str, ...]:
    return tuple(_option(field, each, say) for each in _SPLIT.split(text) if each)


def _option(field: Field, text: str, say: Say) -> str:
    """By the number shown, else by what the option is called."""
    if text.isdecimal() and 0 < len(text) < 6 and 0 < int(text) <= len(field.options):
        return field.options[int(text) - 1][0]
    word = text.casefold()
    for value, label in field.options:
        if word in (value.casefold(), label.casefold(), say(label).casefold()):
            return value
    raise Unclear(Text("That is not on the list. Please write the number of what you want."))


_READERS: Mapping[FieldKind, Callable[[Field, str, Say], tuple[str, ...]]] = {
    FieldKind.TEXT: _line,
    FieldKind.SECRET: _line,
    FieldKind.LINES: _lines,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.CHOICE: _choice,
    FieldKind.CHOICES: _several,
    FieldKind.JIDS: _jids,
}
