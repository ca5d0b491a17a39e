"""Mailboxes as people write them, as mail carries them, and as local parts of JIDs.

``alice@example.com`` is a person, ``alice%example.com`` another way to write it (the last ``%`` counts: it is legal before),
``#name`` a room: a thread or a mailing list. XEP-0106 escaping is the core's work; here a local part is plain text.

The name of a contact is its mailbox *folded*, and everything is keyed by that: letter case means nothing in domains, and
nothing in the local parts of any mailbox that somebody has in practice. Mail goes to the exact form, as it was last seen.
Where folding would do more than change the case (``Straße`` is not ``strasse``, in a mailbox), the exact form stays the
name, and the core finds an address for it that servers leave alone.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from gateway.bridge import BadAddress
from gateway.model import GATEWAY, Address, AddressKind

#: The one network that there is; its name is never part of an address.
HOME = "mail"

_LONGEST, _LONGEST_LOCAL, _LONGEST_DOMAIN = (
    254,
    64,
    255,
)  # octets: RFC 5321 §4.5.3.1, without the angle brackets
# RFC 5322 §3.2.3 dot-atom, and RFC 6531 §3.3: everything beyond ASCII besides.
_ATOM = re.compile(
    r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010ffff]+(\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010ffff]+)*"
)
# What nearly all of them look like: nothing is to be decoded or decided.
_PLAIN = re.compile(
    r"(?=.{1,254}\Z)[A-Za-z0-9_+=-]{1,30}(?:\.[A-Za-z0-9_+=-]{1,30})?"
    r"@(?:(?![xX][nN]--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,30}"
)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_ROOM = re.compile(r"#[a-z0-9._-]{1,200}")
# What nobody sees, or what turns the direction of text: a second mailbox could look like the first.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


@dataclass(frozen=True, slots=True)
class Mailbox:
    """``local`` as it was written, ``domain`` in lower case with its letters (not ``xn--``)."""

    local: str
    domain: str

    @property
    def exact(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def folded(self) -> str:
        """Equal for all spellings of one mailbox; left unchanged by ``parse(...).folded``."""
        return f"{_folded(self.local)}@{_stable(self.domain)}"

    @property
    def international(self) -> bool:
        """Whether it can only be written to where SMTPUTF8 is spoken (RFC 6531)."""
        return not self.local.isascii()

    @property
    def envelope(self) -> str:
        """As it stands in an SMTP command: the domain in A-labels."""
        return f"{self.local}@{ascii_domain(self.domain)}"

    @property
    def base(self) -> "Mailbox":
        """Without the tag of a sub-address, ``+tag``."""
        return Mailbox(self.local.partition("+")[0] or self.local, self.domain)

    @property
    def tag(self) -> str:
        local, _, tag = self.local.partition("+")
        return tag if local else ""


@lru_cache(maxsize=4096)  # every part that a mail passes asks for the same ones
def parse(text: str) -> Mailbox:
    """Read ``local@domain``. Raises ``BadAddress`` with one sentence for whoever wrote it: also for what is an address but
    nothing that people have (quoted local parts, address literals, source routes)."""
    written = text.strip()
    local, at, domain = written.rpartition("@")
    if not at:
        raise BadAddress(f"{_shown(written)} is no mail address: write one like alice@example.com.")
    if written.isascii() and _PLAIN.fullmatch(written) is not None:
        return Mailbox(local, domain.lower())
    local = unicodedata.normalize("NFC", local)
    if (
        len(local.encode("utf-8", "replace")) > _LONGEST_LOCAL
        or len(written.encode("utf-8", "replace")) > _LONGEST
    ):
        raise BadAddress(f"{_shown(written)} is longer than a mail address can be.")
    if _ATOM.fullmatch(local) is None or any(unicodedata.category(each) in _INVISIBLE for each in local):
        raise BadAddress(
            f"The part before the @ of {_shown(written)} has characters that this gateway cannot write to."
        )
    return Mailbox(local, _domain(domain, written))


def read(text: str) -> Address:
    """The address behind the (unescaped) local part of a JID. Raises ``BadAddress``."""
    if not text:
        return GATEWAY
    if text.startswith("#") and "@" not in text and "%" not in text:
        if _ROOM.fullmatch(text) is None:
            raise BadAddress(f"{_shown(text)} is no thread or mailing list.")
        return Address(AddressKind.ROOM, HOME, text)
    if "@" not in text:
        local, _, domain = text.rpartition("%")
        text = f"{local}@{domain}" if local else text
    return Address(AddressKind.CONTACT, HOME, parse(text).folded)


def write(address: Address) -> str:
    """The local part for an address; empty for the gateway."""
    return address.name if address.kind in (AddressKind.CONTACT, AddressKind.ROOM) else ""


def fold(name: str) -> str:
    """The key of a contact's or room's name."""
    try:
        return read(name).name
    except BadAddress:
        return name.lower()


def ascii_domain(domain: str) -> str:
    """In A-labels (RFC 5890), as DNS and SMTP have it."""
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")


def _domain(text: str, whole: str) -> str:
    try:
        ascii_form = ascii_domain(text.rstrip(".")).lower()
    except (idna.IDNAError, UnicodeError):
        raise BadAddress(f"{_shown(whole)} has no domain that exists.") from None
    labels = ascii_form.split(".")
    if len(labels) < 2 or len(ascii_form) > _LONGEST_DOMAIN or not all(map(_LABEL.fullmatch, labels)):
        raise BadAddress(f"{_shown(whole)} has no domain: write an address like alice@example.com.")
    if labels[-1].isdigit():
        raise BadAddress(f"{_shown(whole)} names a machine by its number; mail goes to names only.")
    return ".".join(map(_letters, labels))


def _letters(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        return label  # registered before today's rules; it is still a name


def _folded(local: str) -> str:
    lower = local.lower()
    if lower.isascii():
        return lower
    return lower if unicodedata.normalize("NFKC", local).casefold() == lower else local


def _stable(domain: str) -> str:
    return (
        domain
        if domain.isascii() or unicodedata.normalize("NFKC", domain).casefold() == domain
        else ascii_domain(domain)
    )


def _shown(text: str) -> str:
    """Somebody else's text in a sentence: short, and nothing in it that is not seen."""
    seen = "".join(
        each if unicodedata.category(each) not in _INVISIBLE or each == " " else "?" for each in text
    )
    return f'"{seen[:80]}{"..." if len(seen) > 80 else ""}"'
