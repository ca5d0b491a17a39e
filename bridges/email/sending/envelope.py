"""The commands that begin a mail: MAIL and RCPT with what the server offers (RFC 1870, 3461, 6152, 6531). Sans-I/O.

They are written from validated mailboxes, octet by octet: a library that parses addresses once more may read others.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bridges.email.addresses import Mailbox

_XCHAR = re.compile(rb"[^!-*,-<>-~]")  # RFC 3461 §4: printable ASCII but "+" and "="
# RFC 6533 §3: what is not ASCII, and what xtext would escape, as code points.
_NOT_QCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")
_SENDER = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,255}")


class Unsendable(Exception):
    """This mail cannot go through this server; the text says why, for whoever wrote it."""

    def __init__(self, text: str, code: int = 553, status: str = "5.6.7") -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail for one recipient. ``sender`` is the return path, ASCII, empty for none; ``id`` comes back in reports (RFC 3461
    §4.4). ``success``: a report is wanted of its arrival too."""

    sender: str
    recipient: Mailbox
    size: int
    id: str
    needs_smtputf8: bool = False
    success: bool = True


@dataclass(frozen=True, slots=True)
class Offers:
    """What a server said after EHLO, keywords in lower case with their parameters."""

    keywords: Mapping[str, str]

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def largest(self) -> int:
        """Octets of a mail that it takes; 0: it does not say."""
        value = self.keywords.get("size", "").strip()
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else 0


def xtext(text: str) -> str:
    """RFC 3461 §4. ``text`` is ASCII."""
    return _XCHAR.sub(lambda found: b"+%02X" % found.group()[0], text.encode("ascii")).decode("ascii")


def utf8_address(text: str) -> str:
    """RFC 6533 §3, in the form that every server takes (utf-8-addr-xtext)."""
    return _NOT_QCHAR.sub(lambda found: f"\\x{{{ord(found.group()):02X}}}", text)


def mail(envelope: Envelope, offers: Offers) -> tuple[bytes, ...]:
    """The words of MAIL. Raises ``Unsendable``."""
    if envelope.sender and _SENDER.fullmatch(envelope.sender) is None:
        raise Unsendable("The return address that this gateway made for the mail is none.", 501, "5.1.7")
    if 0 < offers.largest < envelope.size:
        raise Unsendable(
            f"The mail has {envelope.size} bytes, and the mail server takes {offers.largest} at most.",
            552,
            "5.3.4",
        )
    words = ["MAIL", f"FROM:<{envelope.sender}>"]
    if "size" in offers:
        words.append(f"SIZE={envelope.size}")
    if "8bitmime" in offers:
        words.append("BODY=8BITMIME")
    if envelope.needs_smtputf8 or envelope.recipient.international:
        if "smtputf8" not in offers:
            raise Unsendable(
                "An address of the mail has letters beyond ASCII, and the mail server does not send to such addresses."
            )
        words.append("SMTPUTF8")
    if "dsn" in offers:
        words += ["RET=HDRS", f"ENVID={xtext(envelope.id)}"]
    return tuple(word.encode("ascii") for word in words)


def rcpt(envelope: Envelope, offers: Offers) -> tuple[bytes, ...]:
    """The words of RCPT."""
    address = envelope.recipient.envelope
    words = ["RCPT", f"TO:<{address}>"]
    if "dsn" in offers:
        wanted = "SUCCESS,FAILURE,DELAY" if envelope.success else "FAILURE,DELAY"
        words.append(f"NOTIFY={wanted if envelope.sender else 'NEVER'}")
        kind, original = ("rfc822", xtext(address)) if address.isascii() else ("utf-8", utf8_address(address))
        words.append(f"ORCPT={kind};{original}")
    return tuple(word.encode() for word in words)
