"""Which names are the same: CASEMAPPING (modern.ircdocs "CASEMAPPING parameter"), and a mapping keyed by it.

The classic rules fold ASCII letters, some also ``[]\\^``, and nothing above 0x7F: ``str.lower`` would take names for equal
that the server keeps apart, and words would reach the wrong room.
"""

import unicodedata
from collections.abc import Callable, Iterator, MutableMapping
from string import ascii_lowercase, ascii_uppercase
from typing import Generic, TypeVar

V = TypeVar("V")

_ASCII = str.maketrans(ascii_uppercase, ascii_lowercase)
_RFC1459_STRICT = str.maketrans(ascii_uppercase + "[]\\", ascii_lowercase + "{}|")
_RFC1459 = str.maketrans(ascii_uppercase + "[]\\^", ascii_lowercase + "{}|~")


def _width_mapped(text: str) -> str:
    """RFC 8265 §3.3.1: fullwidth and halfwidth code points as their usual forms."""
    return "".join(
        unicodedata.normalize("NFKC", char) if unicodedata.east_asian_width(char) in "FH" else char
        for char in text
    )


def _precis(lower: Callable[[str], str]) -> Callable[[str], str]:
    """The case-mapped username profile of PRECIS, as near as can be: width, case, NFC. The server's tables may be of
    another Unicode version and it may know further names (UTF8MAPPING), so its spelling of a name goes before ours."""

    def fold(text: str) -> str:
        if text.isascii():
            return text.lower()
        folded = unicodedata.normalize("NFC", lower(unicodedata.normalize("NFC", _width_mapped(text))))
        # A few code points need a second time to come to rest, and a fold must be stable under itself.
        return unicodedata.normalize("NFC", lower(folded))

    return fold


class Casemapping:
    """One rule for equal names: ``fold`` gives equal text for names that are the same. Compare rules by ``name``."""

    __slots__ = ("fold", "name")

    def __init__(self, name: str, fold: Callable[[str], str]) -> None:
        self.name = name
        self.fold = fold

    def __repr__(self) -> str:
        return f"Casemapping({self.name!r})"


def _by_table(name: str, table: dict[int, int]) -> Casemapping:
    def fold(text: str) -> str:
        # Hot: where nothing but ASCII letters and digits stand, all tables agree, and this is a fifth of the work.
        return text.lower() if text.isascii() and text.isalnum() else text.translate(table)

    return Casemapping(name, fold)


ASCII = _by_table("ascii", _ASCII)
RFC1459 = _by_table("rfc1459", _RFC1459)
RFC1459_STRICT = _by_table("rfc1459-strict", _RFC1459_STRICT)
RFC7613 = Casemapping(
    "rfc7613", _precis(str.casefold)
)  # RFC 7613 §3.2.2 prefers Unicode default case folding
RFC8265 = Casemapping("rfc8265", _precis(str.lower))  # RFC 8265 §3.3.1 uses toLowerCase

_KNOWN = {
    "ascii": ASCII,
    "rfc1459": RFC1459,
    "rfc1459-strict": RFC1459_STRICT,
    "strict-rfc1459": RFC1459_STRICT,
    "rfc7613": RFC7613,
    "rfc8265": RFC8265,
    "precis": RFC8265,
}


def casemapping(name: str) -> Casemapping:
    """The rule of that name. An unknown one is taken for ``ascii``, which all known rules contain: to keep two spellings of
    one room apart is a nuisance, to take two rooms for one would carry words to people they were not meant for."""
    return _KNOWN.get(name.lower(), ASCII)


class CaseMap(MutableMapping[str, V], Generic[V]):
    """A mapping whose keys are the same when the server takes them for the same, so that folding cannot be forgotten.

    Iterates over the names as they were last set. ``fold`` is the rule's own function, for callers that need keys.
    """

    __slots__ = ("_entries", "fold")

    def __init__(self, casemapping: Casemapping = RFC1459) -> None:
        self.fold = casemapping.fold
        self._entries: dict[str, tuple[str, V]] = {}

    def __getitem__(self, name: str) -> V:
        return self._entries[self.fold(name)][1]

    def __setitem__(self, name: str, value: V) -> None:
        self._entries[self.fold(name)] = (name, value)

    def __delitem__(self, name: str) -> None:
        del self._entries[self.fold(name)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.fold(name) in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._entries.values()])

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"CaseMap({dict(self._entries.values())!r})"

    def spelling(self, name: str) -> str:
        """``name`` as it was set; as given if it is not here."""
        entry = self._entries.get(self.fold(name))
        return name if entry is None else entry[0]

    def refold(self, casemapping: Casemapping) -> list[tuple[str, V]]:
        """Use another rule from now on (bouncers tell theirs after state exists). Returns the entries that are gone because
        a later name is now the same as theirs."""
        self.fold = casemapping.fold
        entries: dict[str, tuple[str, V]] = {}
        lost = []
        for entry in self._entries.values():
            key = self.fold(entry[0])
            if key in entries:
                lost.append(entries[key])
            entries[key] = entry
        self._entries = entries
        return lost
