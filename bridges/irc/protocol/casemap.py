"""Which names are the same: CASEMAPPING, and a mapping keyed by it."""

from collections.abc import Iterator, MutableMapping
from typing import TypeVar

V = TypeVar("V")


class Casemapping:
    """One of the server's rules for equal names. Compare by ``name``."""

    name: str

    def fold(self, text: str) -> str:
        raise NotImplementedError


def casemapping(name: str) -> Casemapping:
    """The rule of that name (``ascii``, ``rfc1459``, ``rfc1459-strict``, ``rfc7613``, ``rfc8265``); unknown ones: ascii."""
    raise NotImplementedError


class CaseMap(MutableMapping[str, V]):
    """A mapping whose keys are equal when the server takes them for equal. Iterates over names as first spelt."""

    def __init__(self, casemapping: Casemapping) -> None:
        raise NotImplementedError

    def refold(self, casemapping: Casemapping) -> list[tuple[str, V]]:
        """Use another rule from now on. Returns the entries lost because their names are now the same as a later one's."""
        raise NotImplementedError

    def __getitem__(self, name: str) -> V:
        raise NotImplementedError

    def __setitem__(self, name: str, value: V) -> None:
        raise NotImplementedError

    def __delitem__(self, name: str) -> None:
        raise NotImplementedError

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError
