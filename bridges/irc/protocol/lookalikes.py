"""Nicks that are easily taken for others: letters of other alphabets, digits for letters, characters that nobody sees. Pure.

Only what looks like a *plain* name is found, one of unaccented Latin letters: those are the ones that somebody would want
to be taken for. A small part of what Unicode's UTS #39 lists, for which Python has no tables.
"""

import re
import unicodedata

#: Nicks without any of these are plain.
_ODD = re.compile(r"[^!-/2-9:-HJ-{}~]")
_TWINS = str.maketrans(
    {
        **dict.fromkeys("1I|", "l"),
        "0": "o",
        **dict(zip("абвекмнорстухѕіјһԁԛԝ", "a6bekmhopctyxsijhdqw", strict=True)),
        **dict(zip("АВЕКМНОРСТУХЅІЈ", "ABEKMHOPCTYXSlJ", strict=True)),
        **dict(zip("αιορνυκ", "aiopvuk", strict=True)),
        **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHlKMNOPTYX", strict=True)),
    }
)


def taken_for(nick: str) -> str:
    """The plain name that ``nick`` looks like, in whatever case; empty if it is plain itself, or looks like none."""
    if _ODD.search(nick) is None:
        return ""
    if nick.isascii():
        return nick.translate(_TWINS)
    seen = unicodedata.normalize("NFKC", nick)
    seen = "".join(char for char in seen if unicodedata.category(char) != "Cf").translate(_TWINS)
    return seen if seen.isascii() else ""
