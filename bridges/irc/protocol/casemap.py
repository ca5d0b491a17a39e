"""Which names are the same: CASEMAPPING (modern.ircdocs "CASEMAPPING parameter").

The classic rules fold ASCII letters, some also ``[]\\^``, and nothing above 0x7F: ``str.lower`` would take names for equal
that the server keeps apart, and words would reach the wrong room.
"""

import unicodedata
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase

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
