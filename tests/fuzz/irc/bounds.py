"""How large a session has become: the containers it holds, found by walking from it."""

from collections import deque
from collections.abc import Iterator
from typing import Any

#: By attribute: what must never be exceeded. All others: ``OTHERS``.
BOUNDS = {
    "_channels": 2_000,
    "members": 200_000,
    "_members": 200_000,
    "ranked": 200_000,
    "_entries": 60_000,
    "_open": 10_000,
}
OTHERS = 5_000
_CONTAINERS = (dict, list, set, deque, tuple)
_OURS = "bridges.irc."


def containers(root: Any) -> Iterator[tuple[str, int]]:
    """Attribute and length of every container that ``root`` leads to by way of the bridge's own objects."""
    seen = {id(root)}
    waiting = [root]
    while waiting:
        here = waiting.pop()
        for name, value in _attributes(here):
            if isinstance(value, _CONTAINERS):
                yield f"{type(here).__name__}.{name}", len(value)
                inside = value.values() if isinstance(value, dict) else value
                children = [each for each in inside if type(each).__module__.startswith(_OURS)]
            else:
                children = [value] if type(value).__module__.startswith(_OURS) else []
            for child in children:
                if id(child) not in seen:
                    seen.add(id(child))
                    waiting.append(child)


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    names = {*getattr(thing, "__dict__", ())}
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names.update((slots,) if isinstance(slots, str) else slots)
    for name in names:
        try:
            yield name, getattr(thing, name)
        except AttributeError:
            continue


def largest(root: Any) -> dict[str, int]:
    """The longest container of each attribute."""
    found: dict[str, int] = {}
    for name, size in containers(root):
        if size > found.get(name, -1):
            found[name] = size
    return found


def check(root: Any, most: dict[str, int]) -> None:
    """Note what is larger than in ``most``; fails where a bound is broken."""
    for name, size in largest(root).items():
        assert size <= BOUNDS.get(name.rpartition(".")[2], OTHERS), f"{name} holds {size}"
        if size > most.get(name, 0):
            most[name] = size
