"""Finding values in what a provider sent, by short paths: ``data.payload.from.phone_number``, ``to[*].number``, ``[0].id``.

A path is names parted by dots, each followed by any number of ``[N]`` (the item at N) or ``[*]`` (all items). The empty
path is the whole. In forms, whose values are flat, names are the fields. Knows nothing of what values mean; nothing raises
for what was sent, only for a path that is none.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

Value = object
"""What JSON can hold, or of a form, fields with their text (or texts, where a field is repeated)."""

_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6}|\*)\]")
_LONGEST = 65_536  # characters of one value
_MOST = 1_000  # values of one path


@lru_cache(maxsize=1024)
def parsed(path: str) -> tuple[str | int | None, ...]:
    """The steps of a path: names, positions, and None for all items. Raises ``ValueError``."""
    steps: list[str | int | None] = []
    position = 0
    while position < len(path):
        if path[position] == "." and steps:
            position += 1
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f"{path!r} is no path; write one like data.to[0].number")
        name, index = match.groups()
        steps.append(name if name is not None else None if index == "*" else int(index))
        position = match.end()
    return tuple(steps)


def every(value: Value, path: str) -> list[Value]:
    """All values that ``path`` leads to."""
    found: list[Value] = [value]
    for step in parsed(path):
        if len(found) == 1 and isinstance(step, str):  # nearly always
            outer = found[0]
            found = [outer[step]] if isinstance(outer, dict) and step in outer else []
        else:
            found = [inner for outer in found for inner in _step(outer, step)][:_MOST]
    return found


def _step(value: Value, step: str | int | None) -> Iterator[Value]:
    if isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield value[step]
    elif isinstance(value, list):
        if step is None:
            yield from value
        elif step < len(value):
            yield value[step]
    elif step in (0, None) and value is not None:
        yield value  # where one may stand for a list of one


def one(value: Value, path: str) -> Value:
    """The first value, or None."""
    found = every(value, path)
    return found[0] if found else None


def text(value: Value, path: str) -> str:
    """The first value as text; empty where there is none, or something that has parts."""
    found = as_text(one(value, path))
    return found if found is not None else ""


def texts(value: Value, path: str) -> list[str]:
    """All values as texts, lists opened."""
    result: list[str] = []
    for each in every(value, path):
        inner = each if isinstance(each, list | tuple) else [each]
        result += [found for found in map(as_text, inner) if found]
    return result[:_MOST]


def as_text(value: Value) -> str | None:
    """What a person would write for it; None for what has parts, or is nothing. Lone surrogates (JSON can write them) become
    U+FFFD, NUL is left out."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -(10**40) < value < 10**40 else None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return None


def clean(value: str) -> str:
    """``value`` as databases and XML can hold it: pairs of surrogates joined, lone ones and NUL replaced, bounded."""
    value = value[:_LONGEST]
    if not value.isascii():
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value.replace("\0", "")


def blank(value: Value) -> bool:
    return value is None or value in ("", [], {}, ())
