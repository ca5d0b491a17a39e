"""IRC's names as local parts of JIDs and back, in biboumi's forms.

``#chan%server`` is a channel, ``nick%server`` a person, ``server`` a network, ``""`` the gateway; with a fixed server
``#chan``, ``nick`` and ``""`` (the network). XEP-0106 escaping is the core's work: here a local part is plain text.

XMPP servers run local parts through nodeprep (RFC 3920 appendix A) or PRECIS (RFC 8265): both fold letter case and
compatibility forms that IRC keeps apart, and refuse what Unicode 3.2 did not know, nearly all emoji among it. So every
character that would not survive is written as ``\\xhh`` for each byte of its UTF-8 form, and a backslash that would read
as the start of such an escape is escaped itself. ASCII letters need no escape: IRC folds them in every casemapping.
"""

import ipaddress
import re
import stringprep
import unicodedata

from gateway.bridge import BadAddress
from gateway.model import GATEWAY, Address, AddressKind

CHANNEL_PREFIXES = "#&+!"  # RFC 2811 §2.1; networks without `+` and `!` channels have no such nicks either

_MAX_LOCALPART = 1023  # bytes, RFC 7622 §3.1, counted after the core's XEP-0106 escaping
_MAX_NAME = 200  # bytes: RFC 1459 §1.3; two such names and a few words still fit into one line

_PLAIN = re.compile(r"[!-\[\]-~]+")  # printable ASCII but for the backslash: nothing to escape
_ESCAPED_BY_CORE = re.compile(r"[ \"&'/:<>@]|\\(?=20|22|26|27|2f|3a|3c|3e|40|5c)")
_ESCAPES = re.compile(r"(?:\\x[0-9a-f]{2})+")
_READS_AS_ESCAPE = re.compile(r"\\(?=[xX][0-9A-Fa-f]{2})")
_LOWER_ASCII = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

# RFC 1459 §2.3.1, RFC 2812 §2.3.1: what cannot stand in a parameter, and in a channel's or person's name
_FORBIDDEN_IN_CHANNEL = re.compile("[\0\x07\r\n ,]")
_FORBIDDEN_IN_NICK = re.compile("[\0-\x20\x7f,*?!]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,  # unassigned in Unicode 3.2
    stringprep.in_table_b1,  # mapped to nothing
    stringprep.in_table_d1,  # right-to-left: a local part that mixes directions is refused (RFC 3454 §6)
)


def survives(char: str) -> bool:
    """Whether XMPP servers leave this one character alone wherever it stands in a local part. (The characters that
    XEP-0106 escapes count as surviving.)"""
    if char.isascii():
        return " " <= char < "\x7f" and not "A" <= char <= "Z"
    if any(table(char) for table in _PROHIBITED):
        return False
    # Marks and conjoining jamo can melt into the character before them under NFKC.
    if unicodedata.category(char)[0] == "M" or "\u1100" <= char <= "\u11ff":
        return False
    return (
        char == char.lower() == char.casefold()
        and stringprep.map_table_b2(char) == char
        and unicodedata.normalize("NFKC", char) == char
        and unicodedata.ucd_3_2_0.normalize("NFKC", char) == char
    )


def escape(name: str) -> str:
    """``name`` in characters that survive. Total; ``unescape`` reverses it up to the case of ASCII letters."""
    if _PLAIN.fullmatch(name):
        return name.translate(_LOWER_ASCII)
    name = _READS_AS_ESCAPE.sub(r"\\x5c", name).translate(_LOWER_ASCII)
    return "".join(char if survives(char) else _bytes_of(char) for char in name)


def unescape(text: str) -> str:
    """The name that ``escape`` made ``text`` of. Raises ``BadAddress`` if an escape spells no UTF-8."""
    return _ESCAPES.sub(_spelled, text.translate(_LOWER_ASCII)) if "\\" in text else text


def server_name(text: str) -> str:
    """The canonical spelling of a network's name: an IP address, or a host name in lower-case ASCII (IDNA). Single
    words are fine. Raises ``BadAddress``."""
    if not text.isascii():
        text = _idna(text)
    name = text.lower().removesuffix(".")
    if 0 < len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split(".")):
        return name
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        raise BadAddress(
            f"{_shown(text)} is not the name of an IRC server; write a host name such as irc.libera.chat."
        ) from None


def is_channel(name: str, prefixes: str = CHANNEL_PREFIXES) -> bool:
    return name != "" and name[0] in prefixes


def valid_channel(name: str) -> bool:
    """Whether lines can carry ``name`` as that of one channel."""
    return _fits(name) and _FORBIDDEN_IN_CHANNEL.search(name) is None


def check_channel(name: str) -> str:
    """``name`` if it is a ``valid_channel``; raises ``BadAddress``."""
    if not valid_channel(name):
        raise BadAddress(
            f"{_shown(name)} cannot be a channel: spaces, commas, control characters and more than {_MAX_NAME} "
            "bytes are not allowed."
        )
    return name


def check_nick(name: str) -> str:
    """``name`` if it can be the one target of a command; what nicks look like beyond that is the network's business.
    Raises ``BadAddress``."""
    if not name or not _fits(name) or name[0] in ":#&$" or _FORBIDDEN_IN_NICK.search(name):
        raise BadAddress(
            f"{_shown(name)} cannot be a nick: it must not be empty, start with # or &, be longer than {_MAX_NAME} "
            "bytes, or contain spaces, commas, * ? ! or control characters."
        )
    return name


def _fits(name: str) -> bool:
    return len(name) * 4 <= _MAX_NAME or len(name.encode("utf-8", "replace")) <= _MAX_NAME


class Addresses:
    """The address forms of one configured bridge."""

    def __init__(self, fixed_server: str = "") -> None:
        self._fixed = server_name(fixed_server) if fixed_server else ""

    @property
    def fixed_server(self) -> str:
        return self._fixed

    def address(self, text: str) -> Address:
        """Read a local part that is not XEP-0106 escaped (any more). Raises ``BadAddress``."""
        if not text:
            return Address(AddressKind.NETWORK, self._fixed) if self._fixed else GATEWAY
        if self._fixed:
            return self._named(text, self._fixed)
        # The last `%`: channel names may contain it, names of servers cannot.
        name, separator, server = text.rpartition("%")
        if separator:
            return self._named(name, server_name(server))
        if text[0] in "#&":
            raise BadAddress(
                f"{_shown(text)} names no network; write {_shown(text)}%irc.libera.chat, for instance."
            )
        return Address(AddressKind.NETWORK, server_name(text))

    def text(self, address: Address) -> str:
        """The local part of ``address``. Raises ``BadAddress`` if it is too long for a JID."""
        match address.kind:
            case AddressKind.GATEWAY:
                return ""
            case AddressKind.NETWORK:
                return "" if self._fixed else address.network
            case AddressKind.ROOM | AddressKind.CONTACT:
                local = escape(address.name)
                if not self._fixed:
                    local = f"{local}%{address.network}"
        size = len(local.encode()) + 2 * len(_ESCAPED_BY_CORE.findall(local)) if len(local) > 300 else 0
        if size > _MAX_LOCALPART:
            raise BadAddress(f"{_shown(address.name)} is too long to be shown as an XMPP address.")
        return local

    def _named(self, text: str, network: str) -> Address:
        name = unescape(text)
        if is_channel(name):
            return Address(AddressKind.ROOM, network, check_channel(name))
        return Address(AddressKind.CONTACT, network, check_nick(name))


def _bytes_of(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))


def _spelled(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match[0].replace("\\x", "")).decode()
    except UnicodeDecodeError:
        raise BadAddress(
            f"{match[0]} in the address spells no character: after \\x come the bytes of UTF-8."
        ) from None


def _idna(text: str) -> str:
    try:
        return text[:254].encode("idna").decode("ascii")  # bounded: the codec's time grows with the square
    except UnicodeError:
        raise BadAddress(f"{_shown(text)} is not a valid host name.") from None


def _shown(text: str) -> str:
    """What a person wrote, short enough and on one line."""
    clean = "".join(char if char.isprintable() else "\ufffd" for char in text[:60])
    return f'"{clean}"' if len(text) <= 60 else f'"{clean}…"'
