"""Letters as JSON, between a worker and who asked it. No pickles: a worker has read what strangers wrote, and nothing that
comes out of it may do more than be looked at.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from bridges.email.mime.letter import Letter

_Build = Callable[[Any], Any]


class Garbled(ValueError):
    """What came is no letter."""


def encode(letter: Letter) -> bytes:
    """Attachments go by their path: none may have its bytes in memory."""
    return json.dumps(asdict(letter), ensure_ascii=False, default=_plain).encode("utf-8", "replace")


def _plain(value: object) -> str:
    if isinstance(value, bytes) and not value:
        return ""
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not go over the wire")


def decode(data: bytes) -> Letter:
    """Raises ``Garbled``."""
    try:
        letter = _builder(Letter)(json.loads(data))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Garbled(f"no letter: {error}") from error
    assert isinstance(letter, Letter)
    return letter


@cache
def _builder(kind: Any) -> _Build:
    """How a value of that type is made of its JSON. Checks types, since JSON has others."""
    if get_origin(kind) is UnionType:
        inner = next(each for each in get_args(kind) if each is not NoneType)
        build = _builder(inner)
        return lambda value: None if value is None else build(value)
    if get_origin(kind) is tuple:
        return _of_tuple(get_args(kind))
    if is_dataclass(kind) and isinstance(kind, type):
        return _of_dataclass(kind)
    if kind is bytes:
        return _empty
    if kind is float:
        return lambda value: float(value) if isinstance(value, int | float) else _refuse(kind, value)
    if kind is Path or issubclass(kind, Enum):
        return lambda value: kind(value) if isinstance(value, str) else _refuse(kind, value)
    return lambda value: value if type(value) is kind else _refuse(kind, value)


def _of_tuple(kinds: tuple[Any, ...]) -> _Build:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        build = _builder(kinds[0])
        return lambda value: tuple([build(each) for each in value])
    builds = [_builder(each) for each in kinds]
    return lambda value: tuple(build(each) for build, each in zip(builds, value, strict=True))


def _of_dataclass(kind: type[Any]) -> _Build:
    hints = get_type_hints(kind)
    builds = [(each.name, _builder(hints[each.name])) for each in fields(kind)]
    return lambda value: kind(**{name: build(value[name]) for name, build in builds})


def _empty(value: Any) -> bytes:
    if value:
        raise Garbled("bytes do not go over the wire")
    return b""


def _refuse(kind: Any, value: object) -> Any:
    raise Garbled(f"{type(value).__name__} instead of {kind.__name__}")
