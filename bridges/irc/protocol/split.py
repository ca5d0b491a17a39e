"""What fits into one line: bodies parted by the bytes that are really available.

A server relays ``:nick!user@host PRIVMSG target :text`` within 512 bytes (or LINELEN) and cuts off the rest, so the room
depends on our own mask as others see it.
"""

import re
import unicodedata
from functools import lru_cache

from bridges.irc.protocol.formatting import CODES, RESET, in_force, strip

_LINE_BREAK = re.compile("\r\n|[\r\n\u2028\u2029]")

#: What our mask may grow by without our knowing: a cloak set by services, for instance.
RESERVE = 10

#: Assumed until we know our mask: nick 30, user 10 and a tilde, host 63 (RFC 1459 §1.2), and the two signs between.
UNKNOWN_MASK = 106

#: Bytes of text beside its codes, without which these are left out.
_LEAST_WORDS = 16
_LONGEST_CODE = 14

#: Whatever the server says, some text goes into every line: progress before perfection.
LEAST_ROOM = 64


@lru_cache(maxsize=4096)
def room_for(own_mask: str | None, target: str, linelen: int = 512, command: str = "PRIVMSG") -> int:
    """Bytes of text that arrive whole when the server relays our message. ``own_mask`` is our ``nick!user@host``, None as
    long as it is not known; ``target`` as sent, with its STATUSMSG prefix; ``linelen`` counts CR LF but no tags."""
    mask = UNKNOWN_MASK if own_mask is None else len(own_mask.encode("utf-8", "replace"))
    around = (
        len(":")
        + mask
        + len(" ")
        + len(command)
        + len(" ")
        + len(target.encode("utf-8", "replace"))
        + len(" :\r\n")
    )
    return max(LEAST_ROOM, linelen - around - RESERVE)


def pieces(text: str, *, limit_bytes: int, encoding: str = "utf-8") -> list[str]:
    """``text`` in pieces of at most ``limit_bytes`` bytes of ``encoding``, none empty, none with a line break.

    Line breaks part lines, empty lines are left out. A line too long is cut behind a space, which stays with the piece
    before it, else between what people take for characters, else between code points: joined, the pieces of a line are
    that line. Formatting goes on in the next piece. A limit below four bytes is taken for four.
    """
    limit_bytes = max(4, limit_bytes)
    found = []
    for line in _LINE_BREAK.split(text):
        if (len(line) * 4 <= limit_bytes and encoding == "utf-8") or len(
            line.encode(encoding, "replace")
        ) <= limit_bytes:
            if line:
                found.append(line)
        elif CODES.search(line) is None:
            _cut(line, limit_bytes, found, encoding)
        else:
            _cut_formatted(line, limit_bytes, found, encoding)
    return found


def one_character(text: str) -> bool:
    """Whether people take ``text`` for one character; an empty one is none."""
    return text != "" and all(_joined(text, index) for index in range(1, len(text)))


def _cut(line: str, limit: int, found: list[str], encoding: str) -> None:
    start = 0
    while start < len(line):
        end = _end(line, start, limit, encoding)
        found.append(line[start:end])
        start = end


def _cut_formatted(line: str, limit: int, found: list[str], encoding: str) -> None:
    """Every piece but the first opens again what was open, and every one but the last closes it: those who join the pieces
    and those who do not read the same."""
    start, opening = 0, ""
    while start < len(line):
        room = limit - len(opening) - len(RESET)
        if room < _LEAST_WORDS:  # then text is what counts
            line, opening, room = line[:start] + CODES.sub("", line[start:]), "", limit
        end = _end(line, start, room, encoding)
        for code in CODES.finditer(line, max(start, end - _LONGEST_CODE), end + _LONGEST_CODE):
            if code.start() < end < code.end():
                end = code.start() if code.start() > start else code.end()
                break
        said = line[start:end]
        after = in_force(opening + said)
        if strip(said):
            found.append(opening + said + (RESET if after and end < len(line) else ""))
        start = end
        # A comma and digits behind a colour would be its background.
        opening = f"{after}\x02\x02" if after and line[end : end + 1] == "," else after


def _end(line: str, start: int, limit: int, encoding: str) -> int:
    """Where the piece that begins at ``start`` ends."""
    end = _reach(line, start, limit) if encoding == "utf-8" else _reach_in(line, start, limit, encoding)
    if end < len(line):
        space = line.rfind(" ", start, end)
        end = space + 1 if space > start else _boundary(line, start, end)
    return end


def _reach(line: str, start: int, limit: int) -> int:
    """The index behind the last code point that fits."""
    data = line[start : start + limit].encode("utf-8", "replace")
    return start + len(data[:limit].decode("utf-8", "ignore"))


def _reach_in(line: str, start: int, limit: int, encoding: str) -> int:
    """The same in any encoding: bytes cannot be cut where escape sequences switch between tables. At least one."""
    least, most = start + 1, min(len(line), start + limit)
    while least < most:
        middle = (least + most + 1) // 2
        if len(line[start:middle].encode(encoding, "replace")) <= limit:
            least = middle
        else:
            most = middle - 1
    return least


def _boundary(line: str, start: int, end: int) -> int:
    """The last index up to ``end`` that is not inside a grapheme cluster; ``end`` if a single one fills the piece."""
    for index in range(end, start, -1):
        if not _joined(line, index):
            return index
    return end


def _joined(line: str, index: int) -> bool:
    """Whether the code points around ``index`` belong together: UAX #29 GB6-GB13, near enough for chat (marks, joiner
    sequences, variation selectors, skin tones, flags, Hangul syllables)."""
    before, after = line[index - 1], line[index]
    if before == "\u200d" or after in "\u200c\u200d":
        return True
    if unicodedata.category(after)[0] == "M" or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    if "\U000e0020" <= after <= "\U000e007f":  # tags: the flags of regions
        return True
    if "\u1160" <= after <= "\u11ff":  # Hangul vowels and trailing consonants
        return True
    if _is_regional(before) and _is_regional(after):
        run = index
        while run > 0 and _is_regional(line[run - 1]):
            run -= 1
        return (index - run) % 2 == 1
    return False


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
