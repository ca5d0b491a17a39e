"""Filling in the templates of requests: ``{recipient}`` in texts, tables and lists.

``{name}`` is a value, ``{name.0}`` the first of several, ``{name|,}`` all of them with commas between. A text that is
nothing but one of these becomes the value itself (numbers, lists). A field that begins with an empty value is left out.
``{name:other}`` is the other value where the first is empty; a text with ``{name*}`` becomes as many texts as there are
values. ``{{`` and ``}}`` are braces.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Values = Mapping[str, str | int | tuple[str, ...]]

_PLACE = re.compile(r"\{\{|\}\}|\{([a-z_0-9]+)(?:\.(\d{1,3})|\|([^{}]*)|:([a-z_0-9]+)|(\*))?\}")
_EACH = re.compile(r"\{([a-z_0-9]+)\*\}")


class Unfilled(ValueError):
    """A template that names what there is not, or is none."""


def names(template: Any) -> Iterator[str]:
    """The names in a template, to be checked when it is read. Raises ``Unfilled`` for a brace too many."""
    if isinstance(template, str):
        if "{" in (rest := _PLACE.sub("", template)) or "}" in rest:
            raise Unfilled(f"{template!r} has a brace that belongs to nothing; write {{{{ for a brace")
        for found in _PLACE.finditer(template):
            yield from (name for name in (found[1], found[4]) if name)
    elif isinstance(template, Mapping):
        for each in template.values():
            yield from names(each)
    elif isinstance(template, list | tuple):
        for each in template:
            yield from names(each)


def text(template: str, values: Values, quote: Callable[[str], str] = str) -> str:
    """Filled, with ``quote`` applied to what is filled in."""

    def fill(match: re.Match[str]) -> str:
        if not match[1]:
            return match[0][0]
        found = _value(match, values)
        return quote("".join(found) if isinstance(found, tuple) else str(found))

    return _PLACE.sub(fill, template)


def value(template: Any, values: Values) -> Any:
    """Filled; None where all of it is empty. Tables become ``dict``, lists ``list``."""
    if isinstance(template, str):
        if (each := _EACH.search(template)) is not None:
            several = values.get(each[1])
            known = several if isinstance(several, tuple) else ()
            return [text(template, {**values, each[1]: one}) for one in known] or None
        match = _PLACE.match(template)
        if match is None or not match[1]:
            return text(template, values) or None
        found = _value(match, values)
        if match.end() < len(template):
            return text(template, values) if found else None
        return (list(found) if isinstance(found, tuple) else found) or None
    if isinstance(template, Mapping):
        filled = {key: inner for key, each in template.items() if (inner := value(each, values)) is not None}
        return filled or None
    if isinstance(template, list | tuple):
        filled_in = [value(each, values) for each in template]
        several_of = [isinstance(each, str) and _EACH.search(each) is not None for each in template]
        return [
            one
            for inner, many in zip(filled_in, several_of, strict=True)
            if inner is not None
            for one in (inner if many else [inner])
        ] or None
    return template


def fields(template: Mapping[str, Any], values: Values) -> list[tuple[str, str]]:
    """Of a form or a query: one pair for each value, empty ones left out."""
    result: list[tuple[str, str]] = []
    for key, each in template.items():
        filled = value(each, values)
        if isinstance(filled, list):
            result += [(key, str(inner)) for inner in filled]
        elif filled is not None:
            result.append((key, str(filled)))
    return result


def _value(match: re.Match[str], values: Values) -> str | int | tuple[str, ...]:
    name, index, separator, other, _ = match.groups()
    try:
        found = values[name] or (values[other] if other else "")
    except KeyError:
        raise Unfilled(f"there is no {match[0]} to fill in") from None
    if index is not None:
        several = found if isinstance(found, tuple) else (str(found),)
        return several[int(index)] if int(index) < len(several) else ""
    if separator is not None:
        return separator.join(found) if isinstance(found, tuple) else found
    return found
