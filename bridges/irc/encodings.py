"""Which bytes stand for which text, by network and by channel, as the user has set it.

What is valid UTF-8 is taken for UTF-8 whatever was set; ``encoding_in`` is for the rest. ``encoding_out`` is what we send.
Where the server takes nothing but UTF-8 (UTF8ONLY), nothing of this counts. Knows lines only as far as it has to: whom they
are to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridges.irc.protocol.decode import DEFAULT_FALLBACK, known_encoding
from gateway.bridge import BadAddress

INCOMING = "encoding_in"
OUTGOING = "encoding_out"

_UTF8 = "utf-8"
_UTF8_NAMES = frozenset(("utf-8", "utf8", "u8", "utf_8"))


def encoding(name: str) -> str:
    """A name of an encoding as people write it (and iconv takes it), as Python knows it. Raises ``BadAddress``."""
    plain = name.partition("//")[0].strip().lower()  # iconv: //TRANSLIT and the like
    if plain in _UTF8_NAMES:
        return _UTF8
    if not known_encoding(plain):
        raise BadAddress(
            f'"{name[:40]}" is no text encoding that IRC can use and this gateway knows. Try UTF-8, latin-1, cp1251, '
            "koi8-r or iso-2022-jp."
        )
    return plain


def check(values: Mapping[str, str]) -> None:
    """Raises ``BadAddress`` for the first that is none."""
    for name in (INCOMING, OUTGOING):
        if values.get(name):
            encoding(values[name])


@dataclass(frozen=True, slots=True)
class Pair:
    """Names as Python knows them."""

    incoming: str
    outgoing: str = _UTF8


#: Of users who have set nothing.
USUAL = Pair(DEFAULT_FALLBACK)


def pair(values: Mapping[str, str], otherwise: Pair) -> Pair:
    """What is set in ``values``. Raises ``BadAddress``."""
    return Pair(
        encoding(values[INCOMING]) if values.get(INCOMING) else otherwise.incoming,
        encoding(values[OUTGOING]) if values.get(OUTGOING) else otherwise.outgoing,
    )


class Encodings:
    """Of one session. ``fold`` makes keys of names, ``utf8_only`` says whether the server takes nothing else."""

    __slots__ = ("_channels", "_fold", "_named", "_usual", "_utf8_only")

    def __init__(self, usual: Pair, fold: Callable[[str], str], utf8_only: Callable[[], bool]) -> None:
        self._usual = usual
        self._fold = fold
        self._utf8_only = utf8_only
        self._named: dict[str, Pair] = {}
        self._channels: dict[str, Pair] = {}  # by ``fold``

    @property
    def usual(self) -> Pair:
        return self._usual

    @property
    def unset(self) -> bool:
        """Nobody wants us to send anything but UTF-8."""
        return self._usual.outgoing == _UTF8 and (
            not self._channels or all(each.outgoing == _UTF8 for each in self._channels.values())
        )

    @property
    def plain(self) -> bool:
        """All that we send is UTF-8."""
        return self.unset or self._utf8_only()

    @property
    def simple(self) -> bool:
        """Lines that are not UTF-8 are in one and the same encoding, and whether they are can be seen."""
        return not self._channels and not _stateful(self._usual.incoming)

    def adjust(self, channel: str, values: Mapping[str, str]) -> None:
        """The user's settings for a channel. Raises ``BadAddress``."""
        mine = pair(values, self._usual)
        self._named.pop(channel, None)
        if mine != self._usual:
            self._named[channel] = mine
        self.refold()

    def refold(self) -> None:
        """``fold`` folds differently."""
        self._channels = {self._fold(name): mine for name, mine in self._named.items()}

    def outgoing(self, target: str) -> str:
        """The encoding of what is sent to a channel or a person."""
        if self._utf8_only():
            return _UTF8
        return self._of(target).outgoing

    # -- lines -------------------------------------------------------------------------------------------------

    def decode(self, raw: bytes) -> str:
        """A line from the server as text; never raises."""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = ""
        if self._utf8_only():
            return text or raw.decode(errors="replace")
        # Most lines are UTF-8, and not in an encoding that looks like it.
        if text and b"\x1b" not in raw:
            return text
        incoming = self._of(_place(raw.decode("latin-1"), self._usual.incoming)).incoming
        if text and not _stateful(incoming):
            return text
        return raw.decode(incoming, "replace")

    def encode(self, line: str) -> bytes:
        """A line to the server; what the encoding has not becomes a question mark."""
        if line.isascii() or self.plain:
            return line.encode(errors="replace")
        tags = ""
        if line.startswith("@"):  # tags are UTF-8 always (message-tags, "Escaping values")
            tags, _, line = line.partition(" ")
            tags += " "
        outgoing = self._of(_place(line)).outgoing
        return tags.encode(errors="replace") + line.encode(outgoing, "replace")

    def _of(self, target: str) -> Pair:
        return self._channels.get(self._fold(target), self._usual) if self._channels else self._usual


def expressible(text: str, outgoing: str) -> str:
    """``text`` as it comes out on the other side."""
    return text.encode(outgoing, "replace").decode(outgoing, "replace")


def _stateful(name: str) -> bool:
    """Whether text in it looks like UTF-8: escape sequences switch between tables of seven bits (RFC 1468)."""
    return name.replace("_", "-").startswith(("iso-2022", "iso2022", "csiso2022"))


def _place(line: str, raw: str = "") -> str:
    """The channel that a line is about: its first parameter, or its second if it is a numeric. ``raw``: the line is bytes
    as latin-1 has them, and this is what its names are in."""
    words = line.split(" ", 5)
    if words and words[0].startswith("@"):
        words.pop(0)
    if words and words[0].startswith(":"):
        words.pop(0)
    at = 2 if words and words[0].isdecimal() else 1
    name = words[at].removeprefix(":") if len(words) > at else ""
    if at == 2 and words[0] == "353" and len(words) > 3:
        name = words[3]
    if not raw or name.isascii():
        return name
    data = name.encode("latin-1")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode(raw, "replace")
