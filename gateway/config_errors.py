"""What is wrong with a configuration, in words: where it is written, which key, what it says, what is allowed.

Turns pydantic's findings into sentences. A secret's value never gets into them: a value is shown only for keys that the
models know and that hold no ``SecretStr``.
"""

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from gateway.config_file import Key, Source

_SHOWN = 60  # characters of a wrong value
_OF_KINDS = ("union_tag_invalid", "union_tag_not_found")
_SECRET_NAME = re.compile(r"secret|passw|token|credential|private", re.IGNORECASE)

# The first word of pydantic's ..._type and ..._parsing errors, and what it means in TOML
_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string": 'text in quotes, "..."',
    "path": 'text in quotes, "..."',
    "tuple": "a list, [...]",
    "list": "a list, [...]",
    "set": "a list, [...]",
    "frozen": "a list, [...]",
    "dict": "a table",
    "model": "a table",
}

_LIMITS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} items",
    "too_short": "must have at least {min_length} items",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. ``key`` is dotted as in the file, empty for the file as a whole; ``missing`` is a file that is not
    there, if that is all that is wrong."""

    where: str
    key: str
    text: str
    missing: Path | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.key}{' ' if self.key else ''}{self.text}"


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` are all that were found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def dotted(key: Iterable[str | int]) -> str:
    """A key as it is written in TOML; items of lists are counted from 1."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            bare = re.fullmatch(r"[\w-]+", part, re.ASCII)
            text += ("." if text else "") + (part if bare else f'"{shown(part)}"')
    return text


def shown(text: str) -> str:
    """What somebody wrote, on one line and not too long."""
    clean = "".join(char if char.isprintable() else "\ufffd" for char in text[:_SHOWN])
    return clean if len(text) <= _SHOWN else f"{clean}…"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean ...?``, or nothing."""
    matches = get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f" Did you mean {matches[0]}?" if matches else ""


def unknown_key(name: str, table: Iterable[str | int], known: Iterable[str]) -> str:
    names = list(known)
    path = dotted(table)
    place = f"[{path}]" if path else "the configuration"
    return f"is not known.{did_you_mean(name, names)} Known in {place}: {', '.join(names) or 'nothing'}."


def problems_of(
    error: ValidationError, source: Source, table: Key, model: type[BaseModel], also: Iterable[str] = ()
) -> list[Problem]:
    """The findings about ``table``, which was read as ``model``. ``also`` are known keys outside of the model."""
    found = []
    for finding in error.errors(include_url=False):
        path, place = _written_path(model, finding)
        key = (*table, *path)
        if finding["type"] == "extra_forbidden":
            text = unknown_key(str(path[-1]), key[:-1], _names(place, also if not path[:-1] else ()))
        else:
            text = _sentence(finding, _may_be_shown(model, path))
        found.append(Problem(source.where(key), dotted(key), text))
    return found


def field_at(model: type[BaseModel], path: Iterable[str | int]) -> Any:
    """The type of the value at ``path`` in a table of ``model``; None where the model knows no such key."""
    kind: Any = model
    for part in path:
        kind = _inside(kind, part)
        if kind is None:
            return None
    return kind


def takes_text(kind: Any) -> bool:
    """Whether a value of the type may be text."""
    return any(
        isinstance(each, str) or (isinstance(each, type) and issubclass(each, str | SecretStr | PurePath))
        for each in _members(kind)
    )


def _written_path(model: type[BaseModel], finding: ErrorDetails) -> tuple[tuple[str | int, ...], Any]:
    """Where it is in the file, and the type of what it is in."""
    path: list[str | int] = []
    place, kind = None, model
    for part in finding["loc"]:
        # Of tables of several kinds pydantic names the kind besides, which nobody wrote into the path.
        chosen = _of_kind(kind, part)
        if chosen is not None:
            kind = chosen
        elif part != "[key]":  # marks a finding about a table's key itself: the path names it already
            path.append(part)
            place, kind = kind, _inside(kind, part)
    if finding["type"] in _OF_KINDS:
        path.append(str(finding["ctx"]["discriminator"]).strip("'"))
    return tuple(path), place


def _of_kind(kind: Any, tag: str | int) -> Any:
    """Of several models that a field tells apart, the one for ``tag``."""
    named = _discriminator(kind)
    if named:
        for each in _members(kind):
            if _is_model(each) and tag in get_args(each.model_fields[named].annotation):
                return each
    return None


def _discriminator(kind: Any) -> str:
    if get_origin(kind) is not Annotated:
        return ""
    found = (getattr(each, "discriminator", None) for each in kind.__metadata__)
    return next((each for each in found if isinstance(each, str)), "")


def _sentence(finding: ErrorDetails, show: bool) -> str:
    kind, value = finding["type"], finding["input"]
    is_value = show and isinstance(value, str | int | float | bool)
    says = f"is {_toml(value)}, but " if is_value else ""
    if kind == "missing":
        return "is missing."
    if kind == "value_error":
        message = str(finding["ctx"]["error"]) if "ctx" in finding else finding["msg"]
        return f"{says}{message}{'' if message.endswith(('.', '?', '!')) else '.'}"
    if kind == "union_tag_not_found":
        return "is missing: it says of which kind the table is."
    if kind == "union_tag_invalid":
        context = finding["ctx"]
        names = str(context["expected_tags"]).replace("'", '"')
        return f'is "{shown(str(context["tag"]))}", but must be one of {names}.'
    if kind in _LIMITS:
        return f"{says}{_LIMITS[kind].format(**finding.get('ctx', {}))}."
    if kind.endswith(("_type", "_parsing", "_number")) and kind.partition("_")[0] in _KINDS:
        return f"{says}must be {_KINDS[kind.partition('_')[0]]}."
    message = finding["msg"].replace("Input should be", "must be")
    return f"{says}{message[:1].lower()}{message[1:]}."


def _toml(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{shown(value)}"' if isinstance(value, str) else shown(str(value))


def _may_be_shown(model: type[BaseModel], path: tuple[str | int, ...]) -> bool:
    if any(isinstance(part, str) and _SECRET_NAME.search(part) for part in path):
        return False
    kind = field_at(model, path)
    if kind is None or kind is model or SecretStr in list(_members(kind)):
        return False
    # What a model keeps out of its own repr is not for errors either (a database's URL holds a password).
    above = [each for each in _members(field_at(model, path[:-1])) if _is_model(each)]
    fields = [each.model_fields.get(str(path[-1])) for each in above]
    return all(field.repr for field in fields if field is not None)


def _names(kind: Any, also: Iterable[str]) -> list[str]:
    names = list(also)
    for each in _members(kind):
        if _is_model(each):
            names += each.model_fields
    return names


def _members(kind: Any) -> Iterator[Any]:
    """The types, and for ``Literal`` the values, that an annotation allows."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _members(get_args(kind)[0])
    elif origin in (Union, types.UnionType):
        for each in get_args(kind):
            yield from _members(each)
    elif origin is Literal:
        yield from get_args(kind)
    else:
        yield kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _inside(kind: Any, part: str | int) -> Any:
    for each in _members(kind):
        if isinstance(part, str) and _is_model(each):
            if (field := each.model_fields.get(part)) is not None:
                return field.annotation
            continue
        arguments = get_args(each)
        if isinstance(part, int) and arguments:
            return arguments[0]
        if len(arguments) == 2 and get_origin(each) in (dict, Mapping):
            return arguments[1]
    return None
