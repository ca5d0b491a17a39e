"""Foreign text in JIDs and back: XEP-0106 for local parts, a readable escape for resources, aliases for the rest.

It knows the rules of JIDs, not what the text means: which characters an IRC nick or a mailbox may have is the bridges'
business. Everything here works on text; no JID object is ever built, because libraries refuse what other software sends.

What decides is what servers do (measured with Prosody 0.12 and ejabberd 23.01): both run stringprep over every address
of a component's stanzas. Prosody rewrites what the profiles map, ejabberd refuses every code point that Unicode 3.2 did
not have, nearly all emoji, and both refuse text that mixes writing directions. *Stable* below means: left alone by both.
"""

import re
import stringprep
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Protocol
from unicodedata import normalize, ucd_3_2_0

MAX_PART = 1023
"""The most bytes of UTF-8 in a local part or a resource (RFC 7622 §3.3, §3.4)."""

# XEP-0106 §4.2: the ten characters, and the backslash only where it would read as one of the ten escapes
_SEQUENCES = "20|22|26|27|2f|3a|3c|3e|40|5c"
_TO_ESCAPE = re.compile(rf"[ \"&'/:<>@]|\\(?={_SEQUENCES})")
_TO_UNESCAPE = re.compile(rf"\\({_SEQUENCES})")

# Printable ASCII that every profile leaves alone and no escape touches: nearly everything there is.
_PLAIN_LOCAL = re.compile(r"[!#$%()*+,\-.0-9;=?\[\]^_`a-z{|}~]{1,1023}")
_PRINTABLE = re.compile(r"[ -~]{1,1023}")
_FORBIDDEN_IN_LOCAL = re.compile("[ \"&'/:<>@]")  # RFC 7622 §3.3.1

_ALIAS = re.compile(r"\\h[0-9a-f]{40}")

_BYTES = re.compile(r"(?:\\x[0-9a-f]{2})+")
_READS_AS_BYTE = re.compile(r"\\(?=x[0-9a-f]{2})")
_EMPTY, _CUT = r"\xff", r"\xfe"  # bytes that UTF-8 never has (RFC 3629 §1)

Table = Callable[[str], bool]

# RFC 3920 appendix A.5 and B.5; both refuse what Unicode 3.2 leaves unassigned, as stored strings do (RFC 3454 §7)
_REFUSED: tuple[Table, ...] = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class Unescapable(ValueError):
    """Text that XEP-0106 cannot write: its §4.1 forbids ``\\20`` at either end, and nothing else reads as a space."""


def escape(text: str) -> str:
    """``text`` as a local part (XEP-0106 §4.2). ``unescape`` gives ``text`` back, whatever it is.

    Raises ``Unescapable`` for a space at either end. Says nothing about length and letter case; see ``Aliases``.
    """
    if text[:1] == " " or text[-1:] == " ":
        raise Unescapable("a local part can neither begin nor end with a space (XEP-0106 §4.1)")
    return _TO_ESCAPE.sub(_hex_of, text)


def unescape(local: str) -> str:
    """What a local part says (XEP-0106 §3.3, §4.3). Total, in one pass: ``\\5c20`` says ``\\20``, ``abc\\4`` says itself."""
    return _TO_UNESCAPE.sub(_char_of, local) if "\\" in local else local


def stable_local(local: str) -> bool:
    """Whether ``local`` is a valid local part that nodeprep (RFC 3920 appendix A) changes nowhere."""
    if _PLAIN_LOCAL.fullmatch(local):
        return True
    return _fits(local) and _FORBIDDEN_IN_LOCAL.search(local) is None and _survives(local, fold=True)


def stable_resource(resource: str) -> bool:
    """Whether ``resource`` is valid and resourceprep (RFC 3920 appendix B) changes nothing in it."""
    if _PRINTABLE.fullmatch(resource):
        return True
    return _fits(resource) and _survives(resource, fold=False)


def resource_for(nick: str) -> str:
    """The resource under which a nick is shown: itself where that is stable, else escaped. Total, never empty.

    What does not survive is written as ``\\xhh`` for each byte of its UTF-8 form, and a backslash that would read so as
    ``\\x5c``; different nicks have different resources, and ``nick_for`` gives the nick back. Only a nick too long for a
    resource is cut and marked with a hash: whoever shows it has to remember it.
    """
    if _PRINTABLE.fullmatch(nick) and "\\x" not in nick:
        return nick
    if not nick:
        return _EMPTY
    resource = _spell(nick)
    return resource if len(resource.encode()) <= MAX_PART else _cut(nick)


def nick_for(resource: str) -> str:
    """The nick of which ``resource_for`` made ``resource``, but for nicks that were cut. Total: other text is itself."""
    if "\\x" not in resource:
        return resource
    return "" if resource == _EMPTY else _BYTES.sub(_text_of, resource)


class AliasLog(Protocol):
    """Where aliases outlive a restart. Both calls return at once; the writing may happen later, in order."""

    def remember(self, alias: str, text: str) -> None: ...

    def forget(self, alias: str) -> None: ...


class Aliases:
    """Local parts for every text: ``escape`` where the result is stable, else an alias, which this table can reverse.

    An alias (``\\h`` and 40 hexadecimal digits of the text's SHA-256) stands for what XEP-0106 cannot carry: the empty text,
    spaces at the ends, more than 1023 bytes, capital letters and all else that servers would change or refuse. One
    text has one alias for ever, so a forgotten one works again as soon as its text is met again.

    Holds at most ``capacity`` texts and forgets the one that was not used for longest. ``known`` are pairs of alias and
    text from an earlier run, the most recently used last.
    """

    __slots__ = ("_capacity", "_log", "_texts")

    def __init__(
        self, log: AliasLog | None = None, known: Iterable[tuple[str, str]] = (), *, capacity: int = 10_000
    ) -> None:
        self._log = log
        self._capacity = capacity
        self._texts: OrderedDict[str, str] = OrderedDict()
        for alias, text in known:
            if alias == _alias_of(text):
                self._keep(alias, text)

    def __len__(self) -> int:
        return len(self._texts)

    def local(self, text: str) -> str:
        """The local part for ``text``: always a valid and stable one, the same one for the same text."""
        if _PLAIN_LOCAL.fullmatch(text):
            return text
        if text[:1] != " " and text[-1:] != " " and _ALIAS.fullmatch(text) is None:
            escaped = escape(text)
            if stable_local(escaped):
                return escaped
        alias = _alias_of(text)
        if alias in self._texts:
            self._texts.move_to_end(alias)
        else:
            if self._log is not None:
                self._log.remember(alias, text)
            self._keep(alias, text)
        return alias

    def text(self, local: str) -> str | None:
        """What a local part stands for; None for an alias that is not known (any more)."""
        if _ALIAS.fullmatch(local) is None:
            return unescape(local)
        if local in self._texts:
            self._texts.move_to_end(local)
        return self._texts.get(local)

    def _keep(self, alias: str, text: str) -> None:
        self._texts[alias] = text
        self._texts.move_to_end(alias)
        while len(self._texts) > self._capacity:
            oldest, _ = self._texts.popitem(last=False)
            if self._log is not None:
                self._log.forget(oldest)


def _hex_of(match: re.Match[str]) -> str:
    return f"\\{ord(match[0]):02x}"


def _char_of(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _alias_of(text: str) -> str:
    return f"\\h{sha256(_utf8(text)).hexdigest()[:40]}"


def _fits(part: str) -> bool:
    return 0 < len(part) <= MAX_PART and len(_utf8(part)) <= MAX_PART


def _survives(text: str, *, fold: bool) -> bool:
    """Whether stringprep leaves ``text`` as it is: nothing mapped, nothing refused, one direction (RFC 3454 §3 to §6)."""
    if any(stringprep.in_table_b1(char) or any(refused(char) for refused in _REFUSED) for char in text):
        return False
    if fold and any(stringprep.map_table_b2(char) != char for char in text):
        return False
    # NFKC of Unicode 3.2 is the standard's; servers with a newer ICU use that of their own version.
    if normalize("NFKC", text) != text or ucd_3_2_0.normalize("NFKC", text) != text:
        return False
    if not any(map(stringprep.in_table_d1, text)):
        return True
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends and not any(map(stringprep.in_table_d2, text))


def _spell(nick: str) -> str:
    text = _READS_AS_BYTE.sub(r"\\x5c", nick)
    if stable_resource(text):
        return text
    # As much as possible stays readable: first only what is refused by itself, then, where marks melt into their
    # neighbours or directions mix, everything beyond ASCII.
    spelled = "".join(char if _survives(char, fold=False) else _bytes_of(char) for char in text)
    if _survives(spelled, fold=False):
        return spelled
    return "".join(char if " " <= char < "\x7f" else _bytes_of(char) for char in text)


def _cut(nick: str) -> str:
    """A resource for a nick whose spelling is too long, with as much of the nick as is plain to read."""
    plain = "".join(char if " " <= char < "\x7f" and char != "\\" else "?" for char in nick[:200])
    return f"{plain}{_CUT}{sha256(_utf8(nick)).hexdigest()[:40]}"


def _bytes_of(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in _utf8(char))


def _text_of(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match[0].replace("\\x", "")).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return match[0]
