"""The configuration as it is written: TOML with the line of every key, and what the environment overrides in it.

Knows no setting by name; what the values mean is told by a function that finds the type of a key.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Key = tuple[str, ...]
#: A key of which some parts count the tables of a list, from 0.
Place = tuple[str | int, ...]

PREFIX = "CAUSEWAY_"
_MAX_BYTES = 1024 * 1024
_HEADER = re.compile(r"\s*(\[\[?)([^\]]*(?:\"[^\"]*\"[^\]]*)*)\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_POSITION = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")
_TWICE = re.compile(r"Cannot declare \((.+)\) twice")
_NAME = re.compile(r"'([^']*)'")


class Unreadable(Exception):
    """The file cannot be read or is no TOML; the argument is one sentence. ``line`` is 0 where it is not known."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Source:
    """A configuration and where each part of it was written."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[Place, int] = field(default_factory=dict)
    variables: Mapping[Place, str] = field(default_factory=dict)

    def where(self, key: Place) -> str:
        """The place of ``key``, or of the nearest table around it, for people."""
        for size in range(len(key), 0, -1):
            part = key[:size]
            if part in self.variables:
                return f"environment variable {self.variables[part]}"
            if part in self.lines:
                return f"{self.path}, line {self.lines[part]}"
        return str(self.path)


def read(path: Path) -> Source:
    """Raises ``Unreadable``."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(_why_not(error)) from error
    if len(raw) > _MAX_BYTES:
        raise Unreadable(f"is larger than {_MAX_BYTES // 1024} KiB; this is no configuration file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Unreadable("is not UTF-8; save it again in this encoding", line) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        position = _POSITION.search(str(error))
        line = int(position[1]) if position and position[1] else text.count("\n") + 1
        reason = _POSITION.sub("", str(error))
        twice = _TWICE.match(reason)
        if twice:
            table = ".".join(_NAME.findall(twice[1]))
            raise Unreadable(
                f"has the table [{table}] for the second time; put all its keys below the first", line
            ) from error
        raise Unreadable(f"is not valid TOML: {reason[:1].lower()}{reason[1:]}", line) from error
    except RecursionError as error:
        raise Unreadable("is nested too deeply for a configuration") from error
    return Source(path, data, line_numbers(text))


def _why_not(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist; `causeway init` writes one"
    if isinstance(error, PermissionError):
        return f"may not be read by user {os.getuid()}; give that user read permission"
    return f"cannot be read: {error.strerror}"


def line_numbers(text: str) -> dict[Place, int]:
    """Where tables and keys are written, as far as a look at single lines can tell."""
    found: dict[Place, int] = {}
    table: Place = ()
    lists: dict[Place, int] = {}  # of tables: the number of the newest one
    inside = ""  # the quotes that end the multi-line string we are in
    for number, line in enumerate(text.splitlines(), 1):
        if not inside:
            if header := _HEADER.match(line):
                table = _placed(_key(header[2]), lists, further=header[1] == "[[")
                if table and isinstance(table[-1], int):
                    found.setdefault(table[:-1], number)
                found.setdefault(table, number)
            elif assignment := _ASSIGNMENT.match(line):
                key = table + _key(assignment[1])
                for size in range(len(table) + 1, len(key) + 1):
                    found.setdefault(key[:size], number)
        for quotes in ('"""', "'''"):
            if inside in ("", quotes) and line.count(quotes) % 2:
                inside = "" if inside else quotes
    found.pop((), None)
    return found


def _placed(key: Key, lists: dict[Place, int], *, further: bool) -> Place:
    """A header's key with the numbers of the lists that it leads through; ``further``: one more table of the last one."""
    place: Place = ()
    for number, part in enumerate(key, 1):
        place = (*place, part)
        if further and number == len(key):
            lists[place] = lists.get(place, -1) + 1
        if place in lists:
            place = (*place, lists[place])
    return place


def _key(written: str) -> Key:
    """The parts of a dotted key as TOML reads it."""
    try:
        value: Any = tomllib.loads(f"{written} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    parts = []
    while isinstance(value, dict):
        name, value = next(iter(value.items()))
        parts.append(name)
    return tuple(parts)


def overlay(
    source: Source, environ: Mapping[str, str], is_text: Callable[[Key, Mapping[str, Any]], bool]
) -> Source:
    """``source`` with every ``CAUSEWAY_TABLE__KEY`` of the environment in it.

    Names are matched without regard to case, and ``_`` matches any sign, so that ``CAUSEWAY_BRIDGES__MY_IRC__SECRET`` finds
    ``[bridges.my-irc]``. Values are TOML (``5347``, ``true``, ``["a", "b"]``) unless ``is_text``, given the key and the
    table so far, says that it takes text.
    """
    data = _copy(source.data)
    variables: dict[Place, str] = {}
    # A bridge's kind first: it decides what its other keys take.
    for variable in sorted(environ, key=lambda name: (not name.endswith("__KIND"), name)):
        name = variable.removeprefix(PREFIX)
        if name == variable or "__" not in name or not all(name.split("__")):
            continue
        table = data
        key: Key = ()
        *tables, last = name.split("__")
        for part in tables:
            found = _named(table, part)
            key = (*key, found)
            if found not in table:
                variables[key] = variable  # a table that the file does not have
            inner = table.setdefault(found, {})
            if not isinstance(inner, dict):
                break
            table = inner
        else:
            key = (*key, _named(table, last))
            table[key[-1]] = environ[variable] if is_text(key, data) else _value(environ[variable])
        variables[key] = variable
    return Source(source.path, data, source.lines, variables)


def _copy(table: dict[str, Any]) -> dict[str, Any]:
    return {name: _copy(value) if isinstance(value, dict) else value for name, value in table.items()}


def _named(table: Mapping[str, Any], part: str) -> str:
    wanted = part.lower()
    return next((name for name in table if re.sub(r"\W", "_", name.lower()) == wanted), wanted)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text
