"""Text that a stream of XML can carry and a reader can trust: what has no business in it removed. Linear."""

import re

#: XML 1.0 §2.2 forbids most of C0, lone surrogates and two noncharacters: one of them ends the component's stream. DEL, C1
#: and the byte order mark say nothing either. Overrides, embeddings and isolates let a text look like another one.
_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
_BREAKS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
#: Marks of direction, and characters of no width, have no place in what tells people apart.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2060-\u2064\U000e0000-\U000e007f]"
)
_SPACES = re.compile(r"[\s\u00a0]+")
#: Of ASCII, what neither ``text`` nor ``line`` leaves as it is; for one look that takes a thirtieth of the time.
_ODD = bytes({*range(0x20), 0x7F} - {0x09, 0x0A})


def text(raw: str) -> str:
    """Several lines, parted by LF."""
    if "\r" in raw:
        raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    if raw.isascii() and len(raw.encode("ascii").translate(None, _ODD)) == len(raw):
        return raw
    if _BREAKS.search(raw) is not None:
        raw = _BREAKS.sub("\n", raw)
    return _UNFIT.sub("", raw)


def line(raw: str, limit: int = 998) -> str:
    """One line of at most ``limit`` code points, without white space at its ends or runs of it within."""
    raw = raw[: 4 * limit]
    if raw.isascii() and raw.isprintable() and "  " not in raw:
        return raw.strip()[:limit].rstrip()
    # White space first: a line break is one, and must not join the words beside it.
    joined = _SPACES.sub(" ", raw)
    return _UNSEEN.sub("", _UNFIT.sub("", joined)).strip()[:limit].rstrip()
